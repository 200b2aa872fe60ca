/**
 * An engine without arithmetic worth the name, for tests of what is built on engines.
 *
 * @module
 */
import type { Engine, Member, SharedFloats, Stack } from "~/lib/engine/engine.ts";

/** What was asked of a stub engine, in order: "epoch 3" is an epoch of 3 members. */
export type StubEngine = Engine & { readonly calls: string[] };

/** A member of one parameter w, which stands at epoch 0. */
export function stubMember(w: number): { parameters: SharedFloats; state: SharedFloats } {
  return { parameters: floats(w), state: floats(0) };
}

/** Numbers in memory that threads can share. */
export function floats(...values: number[]): SharedFloats {
  const shared = new Float32Array(new SharedArrayBuffer(4 * values.length));
  shared.set(values);
  return shared;
}

/**
 * Makes an engine whose members have one parameter w and one number of state, the epochs so far.
 *
 * An epoch takes w to w - learningRate w / 2^10 and its loss is `lossOf(member's w, epoch)`, the
 * epoch counted from 1. As with any engine, members' arrays are written by `save()` only.
 */
export function stubEngine(
  lossOf: (w: number, epoch: number) => number = (w) => w,
): StubEngine {
  const calls: string[] = [];
  return {
    calls,
    info: { name: "stub", library: "none" },
    concurrency: 1,
    stackSize: () => 100,
    createStack(_options, members): Promise<Stack> {
      calls.push(`create ${members.length}`);
      let current = members.map((member): { member: Member; w: number; epoch: number } => ({
        member,
        w: member.parameters[0]!,
        epoch: member.state[0]!,
      }));
      return Promise.resolve({
        get size(): number {
          return current.length;
        },
        trainEpoch(): Promise<number[]> {
          calls.push(`epoch ${current.length}`);
          return Promise.resolve(current.map((each) => {
            each.w = Math.fround(each.w - each.member.learningRate * each.w / 1024);
            each.epoch++;
            return lossOf(each.w, each.epoch);
          }));
        },
        save(): Promise<void> {
          calls.push("save");
          for (const { member, w, epoch } of current) {
            member.parameters[0] = w;
            member.state[0] = epoch;
          }
          return Promise.resolve();
        },
        retain(keep): void {
          calls.push(`retain ${keep.map(Number).join("")}`);
          current = current.filter((_, index) => keep[index]);
        },
        dispose(): void {
          calls.push("dispose");
          current = [];
        },
      });
    },
    evaluate: (_sizes, models) =>
      Promise.resolve(models.map(([w]) => ({ loss: lossOf(w!, 0), accuracy: 1, gradientNorm: 0 }))),
    perturbedLosses: (_sizes, models, { directions, radius }) =>
      Promise.resolve(
        models.map(([w]) =>
          directions.map((k) => lossOf(k === null ? w! : w! + radius * (k + 1), 0))
        ),
      ),
    close: () => Promise.resolve(),
  };
}
