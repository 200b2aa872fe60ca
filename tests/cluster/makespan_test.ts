/**
 * Makespans: closed forms, bounds, and every schedule of a few runs.
 *
 * @module
 */
import fc from "fast-check";
import { makespan, tabulateMakespans } from "~/lib/cluster.ts";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";

Deno.test("makespan() of equal runs is their rounds", () => {
  for (const [runs, lanes, rounds] of [[12, 4, 3], [13, 4, 4], [3, 10, 1], [7, 1, 7]] as const) {
    assertEquals(makespan(Array(runs).fill(5), lanes), 5 * rounds);
  }
  assertEquals(makespan([], 3), 0);
});

Deno.test("makespan() takes the longest run first", () => {
  // In the given order lane 1 would have 1 + 1 + 4 = 6.
  assertEquals(makespan([1, 1, 1, 1, 4], 2), 4);
  // Graham's worst case for two lanes: 7 where 6 is possible.
  assertEquals(makespan([3, 3, 2, 2, 2], 2), 7);
});

/** The shortest makespan of all assignments. */
function shortest(seconds: readonly number[], lanes: number): number {
  let best = Infinity;
  for (let code = 0; code < lanes ** seconds.length; code++) {
    const sums = Array<number>(lanes).fill(0);
    let rest = code;
    for (const each of seconds) {
      sums[rest % lanes]! += each;
      rest = Math.floor(rest / lanes);
    }
    best = Math.min(best, Math.max(...sums));
  }
  return best;
}

Deno.test("makespan() is at least the shortest possible, and at most 4/3 - 1/(3 lanes) of it", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 4 }),
      (seconds, lanes) => {
        const best = shortest(seconds, lanes);
        const found = makespan(seconds, lanes);
        assert(found >= best);
        // Graham's bound; the numbers are integers, so that a sliver is rounding.
        assert(found <= (4 / 3 - 1 / (3 * lanes)) * best + 1e-9);
      },
    ),
    { seed: 1, numRuns: 300 },
  );
});

Deno.test("tabulateMakespans() goes from 2 to 10,000 tasks and finds where more do not help", () => {
  // One run of 100 s and 300 of 1 s: 4 lanes have them done when the long one ends.
  const seconds = [100, ...Array<number>(300).fill(1)];
  const { table, longestSeconds, enoughTasks } = tabulateMakespans(seconds, {
    tasks: 4,
    threads: 1,
  });
  assertEquals([longestSeconds, enoughTasks], [100, 4]);
  assertEquals(table.map(({ tasks }) => tasks), [
    ...[2, 4, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000],
  ]);
  assertEquals(table[0]!.seconds, 200);
  assertEquals(table.slice(1).every((row) => row.seconds === 100), true);
  assertEquals(table[1]!.used, 1);
  assertAlmostEquals(table.at(-1)!.used, 400 / (100 * 10_000), 1e-12);
  // Two threads a task are two lanes.
  const wide = tabulateMakespans(seconds, { tasks: 2, threads: 2 });
  assertEquals([wide.enoughTasks, wide.table[0]!.seconds], [2, 100]);
  assertEquals(tabulateMakespans([], { tasks: 1, threads: 1 }).enoughTasks, 1);
});
