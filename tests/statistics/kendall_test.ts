import { kendallTau, type RankedCell, tauInterval, tauWithinGroups } from "~/lib/statistics.ts";
import { openStream } from "~/lib/random.ts";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";

Deno.test("kendallTau() is 1, -1 and 0 in order, reversed and balanced", () => {
  assertEquals(kendallTau([1, 2, 3], [10, 20, 21]), 1);
  assertEquals(kendallTau([1, 2, 3], [3, 0, -8]), -1);
  assertEquals(kendallTau([1, 2, 3, 4], [2, 4, 1, 3]), 0);
});

Deno.test("kendallTau() agrees with scipy.stats.kendalltau, ties included", () => {
  // scipy 1.x: kendalltau([12, 2, 1, 12, 2], [1, 4, 7, 1, 0]) = -0.47140452079103173 (its documentation).
  assertAlmostEquals(
    kendallTau([12, 2, 1, 12, 2], [1, 4, 7, 1, 0])!,
    -0.47140452079103173,
    1e-15,
  );
  // By hand: of 10 pairs one is tied in x, another in y, and 6 of the other 8 are in order, 2 not.
  assertAlmostEquals(kendallTau([1, 1, 2, 3, 4], [1, 2, 3, 3, 2.5])!, (6 - 2) / 9, 1e-15);
});

Deno.test("kendallTau() sees ranks only, and changes sign with one of them", () => {
  const x = [0.3, -1, 7, 2, 2, 0];
  const y = [5, 1, 9, 3, 4, 4];
  const tau = kendallTau(x, y)!;
  assertEquals(kendallTau(x.map(Math.exp), y.map((value) => value ** 3)), tau);
  assertEquals(kendallTau(x.map((value) => -value), y), -tau);
  assertEquals(kendallTau(y, x), tau);
});

Deno.test("kendallTau() is null where there is no order, and names what it cannot use", () => {
  for (const [x, y] of [[[], []], [[1], [2]], [[3, 3], [1, 2]], [[1, 2], [3, 3]]] as const) {
    assertEquals(kendallTau(x, y), null);
  }
  assertThrows(
    () => kendallTau([1, 2], [1]),
    RangeError,
    "Cannot correlate ranks as there must be as many x as y: current numbers are 2 and 1",
  );
  assertThrows(
    () => kendallTau([1, NaN], [1, 2]),
    RangeError,
    "Cannot correlate ranks as values must be finite: current value is NaN",
  );
});

Deno.test("tauWithinGroups() compares no cell with one of another group", () => {
  // Within each group y rises with x; between the groups it falls (Simpson's paradox).
  const groups = [{ x: [1, 2, 3], y: [11, 12, 13] }, { x: [4, 5, 6], y: [1, 2, 3] }];
  assertEquals(tauWithinGroups(groups), 1);
  assert(kendallTau(groups.flatMap(({ x }) => x), groups.flatMap(({ y }) => y))! < 0);
  // A group without an order has no say.
  assertEquals(tauWithinGroups([...groups, { x: [1, 1], y: [1, 2] }]), 1);
  assertEquals(tauWithinGroups([{ x: [1], y: [1] }]), null);
  assertEquals(tauWithinGroups([]), null);
});

/** A cell whose seeds 0, 1, 2 ... have these values. */
function cell(x: readonly number[], y: readonly number[]): RankedCell {
  return { x: new Map(x.entries()), y: new Map(y.entries()) };
}

Deno.test("tauInterval() is a point where every seed ranks the cells alike", () => {
  const cells = [1, 2, 3].map((value) => cell([value, value + 0.1], [value * 10, value * 11]));
  const { tau, low, high, seeds } = tauInterval([cells], { seed: 1, resamples: 50 });
  assertEquals([tau, low, high, seeds], [1, 1, 1, [0, 1]]);
});

Deno.test("tauInterval() has the bootstrap's own distribution, as done by hand", () => {
  // One seed ranks two cells one way, weakly, the others the other way: of n seeds, only the draw of that
  // one n times has tau -1. Its probability n^-n is 1/4 and 1/27, above 0.025, then 1/256, below.
  for (const [n, low] of [[2, -1], [3, -1], [4, 1]] as const) {
    const strong = Array.from({ length: n - 1 }, (_, i) => i);
    const cells = [
      cell([...strong.map(() => 0), 5], [...strong.map(() => 0), 5]),
      cell([...strong.map(() => 99), 0], [...strong.map(() => 99), 5.5]),
    ];
    const { tau, ...found } = tauInterval([cells], { seed: 4, resamples: 2000 });
    assertEquals([n, tau, found.low, found.high], [n, 1, low, 1]);
  }
});

Deno.test("tauInterval() depends on its seed only, whatever the order of cells' seeds", () => {
  const stream = openStream(3, 0);
  const draw = (): number => stream.next() / 2 ** 31;
  const groups = [0, 1].map(() =>
    Array.from(
      { length: 5 },
      (_, i) =>
        cell([0, 1, 2, 3].map(() => i + 9 * draw()), [0, 1, 2, 3].map(() => i + 9 * draw())),
    )
  );
  const first = tauInterval(groups, { seed: 9 });
  assertEquals(tauInterval(groups, { seed: 9 }), first);
  assert(first.low! < first.tau! && first.tau! < first.high!);
  assertEquals(first.cells, 10);
  const reversed = groups.map((cells) =>
    cells.map(({ x, y }): RankedCell => ({ x: new Map([...x].reverse()), y }))
  );
  assertEquals(tauInterval(reversed, { seed: 9 }), first);
});

Deno.test("tauInterval() uses the seeds that a cell has in both, and leaves out empty cells", () => {
  const cells = [
    cell([1, 2], [1, 2]),
    { x: new Map([[0, 5], [7, 100]]), y: new Map([[0, 5]]) },
    { x: new Map([[3, 1]]), y: new Map([[4, 1]]) },
  ];
  const { tau, seeds } = tauInterval([cells], { seed: 0, resamples: 10 });
  assertEquals([tau, seeds], [1, [0, 1]]);
});

Deno.test("tauInterval() has no interval without two seeds or an order", () => {
  const one = [cell([1], [1]), cell([2], [2])];
  const nothing = { low: null, high: null };
  assertEquals(tauInterval([one], { seed: 1 }), { tau: 1, seeds: [0], cells: 2, ...nothing });
  const flat = [cell([1, 1], [1, 2]), cell([1, 1], [2, 3])];
  assertEquals(tauInterval([flat], { seed: 1 }), {
    tau: null,
    seeds: [0, 1],
    cells: 2,
    ...nothing,
  });
  assertEquals(tauInterval([], { seed: 1 }), { tau: null, seeds: [], cells: 0, ...nothing });
});
