/**
 * Both ways to count epochs without improvement, at their edges.
 *
 * @module
 */
import fc from "fast-check";
import { hasConverged, type StoppingOptions } from "~/lib/trainer/stopping.ts";
import { assert, assertEquals } from "@std/assert";

const consecutive: StoppingOptions = {
  stopping: "consecutive",
  stoppingCriterion: 0.25,
  stoppingCriterionEpochs: 3,
};
const cumulative: StoppingOptions = { ...consecutive, stopping: "cumulative" };

/** Epochs after which training ends, 0 where it does not: the rule is asked after every epoch. */
function stopsAfter(losses: readonly number[], rule: StoppingOptions): number {
  return losses.findIndex((_, index) => hasConverged(losses.slice(0, index + 1), rule)) + 1;
}

// Differences of eighths are exact, so that improvements of the criterion itself can be told.
const CASES: [string, number[], { consecutive: number; cumulative: number }][] = [
  ["no epoch", [], { consecutive: 0, cumulative: 0 }],
  ["one epoch", [2], { consecutive: 0, cumulative: 0 }],
  // Cumulative counts from the third epoch on: the change of the second does not count.
  ["flat from the start", [1, 1, 1, 1, 1, 1], { consecutive: 4, cumulative: 5 }],
  ["steady improvement", [9, 8, 7, 6, 5, 4], { consecutive: 0, cumulative: 0 }],
  [
    "improvement of exactly the criterion is one",
    [3, 2.75, 2.5, 2.25, 2, 1.75],
    { consecutive: 0, cumulative: 0 },
  ],
  [
    "an eighth less than the criterion is none",
    [3, 2.875, 2.75, 2.625, 2.5],
    { consecutive: 4, cumulative: 5 },
  ],
  [
    "an improvement in between resets the consecutive count only",
    [9, 8, 8, 8, 7, 7, 6, 6, 6, 6],
    { consecutive: 10, cumulative: 6 },
  ],
  ["a rise is no improvement", [1, 2, 3, 4, 5, 6], { consecutive: 4, cumulative: 0 }],
  [
    "a small rise is a small change",
    [4, 3, 3.125, 3.25, 3.375, 3.375],
    { consecutive: 5, cumulative: 5 },
  ],
  [
    "a large rise is no small change",
    [4, 3, 3, 4, 4, 4],
    { consecutive: 5, cumulative: 6 },
  ],
];

for (const [what, losses, expected] of CASES) {
  Deno.test(`hasConverged(): ${what}`, () => {
    assertEquals({
      consecutive: stopsAfter(losses, consecutive),
      cumulative: stopsAfter(losses, cumulative),
    }, expected);
  });
}

Deno.test("hasConverged() with a criterion of 0 ends after rises only, resp. never", () => {
  const exact = { stoppingCriterion: 0, stoppingCriterionEpochs: 2 };
  assertEquals(stopsAfter([1, 1, 1, 1], { ...consecutive, ...exact }), 0);
  assertEquals(stopsAfter([1, 1, 2, 3], { ...consecutive, ...exact }), 4);
  assertEquals(stopsAfter([1, 1, 1, 1], { ...cumulative, ...exact }), 0);
});

Deno.test("hasConverged() agrees with counters kept epoch by epoch, as the original keeps them", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 12 }).map((eighths) => eighths / 8), { maxLength: 25 }),
      fc.integer({ min: 1, max: 6 }),
      (losses, stoppingCriterionEpochs) => {
        let inARow = 0;
        let inAll = 0;
        for (let epoch = 1; epoch <= losses.length; epoch++) {
          const [before, now] = [losses[epoch - 2], losses[epoch - 1]!];
          if (before !== undefined) {
            inARow = before - now >= 0.25 ? 0 : inARow + 1;
            if (epoch >= 3 && Math.abs(now - before) < 0.25) inAll++;
          }
          const soFar = losses.slice(0, epoch);
          const number = { stoppingCriterionEpochs };
          assertEquals(
            hasConverged(soFar, { ...consecutive, ...number }),
            inARow >= stoppingCriterionEpochs,
          );
          assertEquals(
            hasConverged(soFar, { ...cumulative, ...number }),
            inAll >= stoppingCriterionEpochs,
          );
        }
      },
    ),
    { seed: 4, numRuns: 500 },
  );
});

Deno.test("hasConverged() reads the losses only", () => {
  const losses = Object.freeze([3, 2, 2, 2, 2]);
  assert(hasConverged(losses, consecutive));
});
