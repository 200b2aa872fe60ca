/**
 * A stack on the CPU engine: a thread for each member, copies of its arrays until they are saved.
 *
 * @module
 */
import { findStep, openKernels } from "~/lib/engine/cpu/kernels/kernels.ts";
import type { Pool } from "~/lib/engine/cpu/pool.ts";
import type { Member, SharedFloats, Stack, StackOptions } from "~/lib/engine/engine.ts";
import { countParameters } from "~/lib/model.ts";
import { openOptimizer } from "~/lib/optimizer.ts";

/**
 * Creates a stack; the members' arrays change in `save` only.
 *
 * @throws {RangeError} If a member's arrays have another length than the network and the optimizer
 * ask for, or the kernels lack the optimizer's.
 */
export function createStack(
  pool: Pool,
  options: StackOptions,
  members: readonly Member[],
): Stack {
  checkStack(options, members);
  let current = members.map((member) => ({
    member,
    parameters: share(member.parameters),
    state: share(member.state),
    epochs: member.epochs,
  }));
  return {
    get size(): number {
      return current.length;
    },
    async trainEpoch(): Promise<number[]> {
      const trained = current;
      const { sizes, batchSize, optimizer } = options;
      const losses = await Promise.all(
        trained.map(({ member: { learningRate }, ...own }) =>
          pool.run("trainEpoch", { sizes, batchSize, optimizer, learningRate, ...own })
        ),
      );
      for (const each of trained) each.epochs++;
      return losses;
    },
    save(): Promise<void> {
      for (const { member, parameters, state } of current) {
        member.parameters.set(parameters);
        member.state.set(state);
      }
      return Promise.resolve();
    },
    retain(keep): void {
      current = current.filter((_, index) => keep[index]);
    },
    dispose(): void {
      current = [];
    },
  };
}

function checkStack({ sizes, optimizer }: StackOptions, members: readonly Member[]): void {
  const { kernel, slots } = openOptimizer(optimizer);
  const coefficients = kernel.coefficients({ learningRate: 1, t: 1 });
  findStep(
    openKernels(new WebAssembly.Memory({ initial: 2 })),
    kernel.name,
    coefficients.length,
  );
  const count = countParameters(sizes);
  const numbers = count * slots.length;
  for (const { parameters, state } of members) {
    if (parameters.length !== count || state.length !== numbers) {
      throw new RangeError(
        `Cannot train a network of sizes ${sizes} as it must have ${count} parameters and ` +
          `${numbers} numbers of state: it has ${parameters.length} and ${state.length}`,
      );
    }
  }
}

function share(values: Float32Array): SharedFloats {
  const copy = new Float32Array(new SharedArrayBuffer(values.byteLength));
  copy.set(values);
  return copy;
}
