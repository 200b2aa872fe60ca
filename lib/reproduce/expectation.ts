/**
 * What work is expected: whose trajectories are this process's, and how far one will go, kept up with
 * its losses while it trains.
 *
 * @module
 */
import type { Meter } from "~/lib/files/progress.ts";
import type { Context } from "~/lib/reproduce/context.ts";
import type { Learner, Trajectory } from "~/lib/trainer.ts";

/**
 * Tells the meter which trajectories are this process's: it expects all of them at first, and not
 * those that another holds or has done.
 *
 * @param seconds What the meter expects of each.
 */
export function openShare(
  meter: Meter,
  seconds: ReadonlyMap<Trajectory, number>,
): (trajectory: Trajectory, isOurs: boolean) => void {
  const others = new Set<Trajectory>();
  return (trajectory, isOurs) => {
    if (others.has(trajectory) !== isOurs) return;
    const work = seconds.get(trajectory) ?? 0;
    meter.expect(isOurs ? work : -work);
    if (isOurs) others.delete(trajectory);
    else others.add(trajectory);
  };
}

/** Epochs between two looks at how far it will go. */
const LOOK_AHEAD = 10;

/** Tells the meter of a trajectory's epochs: those that it trained, and how many are to come. */
export interface Expectation {
  /** After an epoch. */
  trained(): void;
  /** There will be no other. */
  ended(): void;
}

/**
 * Expects what the study's estimate says of the losses that there are.
 *
 * @param goesOn Whether it trains to the study's stops; how far it trains else is known.
 */
export function openExpectation(
  { estimate, meter }: Pick<Context, "estimate" | "meter">,
  trajectory: Trajectory,
  { learner: { epochLosses }, goesOn }: { readonly learner: Learner; readonly goesOn: boolean },
): Expectation {
  const cost = estimate.epochSeconds(trajectory);
  let left = estimate.epochsLeft(trajectory, epochLosses);
  function expect(epochs: number): void {
    if (!goesOn) return;
    meter.expect((epochs - left) * cost);
    left = epochs;
  }
  return {
    trained(): void {
      meter.add(cost);
      left--;
      if (epochLosses.length % LOOK_AHEAD === 0) {
        expect(estimate.epochsLeft(trajectory, epochLosses));
      }
    },
    ended: () => expect(0),
  };
}
