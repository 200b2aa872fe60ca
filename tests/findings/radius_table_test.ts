import { radiusTable } from "~/lib/findings.ts";
import { presets, type Study } from "~/lib/study.ts";
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { syntheticResults, withDetails } from "~/tests/fixtures/synthetic_results.ts";

const STUDY: Study = {
  ...presets.quick,
  grid: { ...presets.quick.grid, effects: ["learning-rate"], optimizers: ["SGD"], seeds: [0, 1] },
  measures: { first: ["radius-curve(directions=2)"], others: [] },
};

Deno.test("radiusTable() has means over seeds by radius, and exponents", () => {
  // c r^2 up to 1, from there c r; c is 1 and 3 for the two seeds.
  const runs = withDetails(syntheticResults(STUDY), ({ config }) => ({
    curve: [0.5, 1, 2, 4].map((radius) => ({
      radius,
      mean: (1 + 2 * config.seed) * (radius < 1 ? radius ** 2 : radius),
      standardError: 0,
    })),
  }));
  const table = radiusTable(STUDY, runs);
  assertEquals(table.columnNames(), [
    ...["optimizer", "learningRate", "batchSize", "seeds"],
    ...["r = 0.5", "r = 1", "r = 2", "r = 4", "exponent 0.5 to 1", "exponent 2 to 4"],
  ]);
  assertEquals([table.numRows(), table.get("seeds", 0), table.get("r = 4", 0)], [3, 2, 8]);
  assertAlmostEquals(table.get("exponent 0.5 to 1", 0), 2, 1e-12);
  assertAlmostEquals(table.get("exponent 2 to 4", 0), 1, 1e-12);
});

Deno.test("radiusTable() is empty without curves", () => {
  assertEquals(radiusTable(STUDY, []).numRows(), 0);
  assertEquals(radiusTable({ ...STUDY, measures: presets.standard.measures }, []).numRows(), 0);
});
