/**
 * Rays as the sampler works on them: by direction, every point once.
 *
 * @module
 */
import type { PerturbedLosses, Ray, Scaling } from "~/lib/engine/engine.ts";

/** One point of a direction, and the places of the answer that it fills. */
export interface GroupPoint {
  readonly scaling: Scaling;
  readonly step: number;
  readonly targets: readonly { readonly ray: number; readonly index: number }[];
}

/** The points of one direction, or the model itself where it is null. */
export interface DirectionGroup {
  readonly direction: number | null;
  readonly points: readonly GroupPoint[];
}

/**
 * Groups rays by direction: first the model itself, which is also every point at a step of 0, then
 * the directions in the order in which they come. What several rays ask for is one point.
 *
 * @param most Points that a group may have; a direction with more is there several times.
 */
export function groupRays(rays: readonly Ray[], most: number): DirectionGroup[] {
  const byDirection = new Map<number, Map<string, GroupPoint>>();
  const itself: { ray: number; index: number }[] = [];
  for (const [ray, { direction, scaling, steps }] of rays.entries()) {
    for (const [index, step] of steps.entries()) {
      if (step === 0) {
        itself.push({ ray, index });
        continue;
      }
      const points = byDirection.get(direction) ?? new Map<string, GroupPoint>();
      byDirection.set(direction, points);
      const key = `${scaling} ${step}`;
      const targets = [...points.get(key)?.targets ?? [], { ray, index }];
      points.set(key, { scaling, step, targets });
    }
  }
  const model: DirectionGroup = {
    direction: null,
    points: [{ scaling: "global", step: 0, targets: itself }],
  };
  const groups = [...byDirection].flatMap(([direction, points]) => {
    const all = [...points.values()];
    return Array.from(
      { length: Math.ceil(all.length / most) },
      (_, cut) => ({ direction, points: all.slice(cut * most, (cut + 1) * most) }),
    );
  });
  return [model, ...groups];
}

/** The answer for one model, filled point by point. */
export interface Answer extends PerturbedLosses {
  /** Sets the losses of a point wherever it was asked for. */
  fill(point: GroupPoint, loss: number, frozen: number): void;
  loss: number;
}

/** An empty answer. */
export function openAnswer(rays: readonly Ray[], hasFrozen: boolean): Answer {
  const blank = (): number[][] => rays.map(({ steps }) => steps.map(() => NaN));
  const [losses, frozen] = [blank(), hasFrozen ? blank() : []];
  return {
    loss: NaN,
    losses,
    frozen,
    fill({ targets }, loss, frozenLoss): void {
      for (const { ray, index } of targets) {
        losses[ray]![index] = loss;
        if (hasFrozen) frozen[ray]![index] = frozenLoss;
      }
    },
  };
}
