import { radiusTable } from "~/lib/findings.ts";
import { presets, type Study } from "~/lib/study.ts";
import { assertEquals } from "@std/assert";
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
    ...["optimizer", "learningRate", "batchSize", "rise at r = 0.5 (nats)", "rise at r = 4 (nats)"],
    ...["exponent from r = 0.5 to 1", "exponent from r = 2 to 4"],
  ]);
  // Means of 1 and 3 times r^2 and r.
  assertEquals(Object.values(table.object(0)!).slice(3), ["0.50", "8.0", "2.00", "1.00"]);
  assertEquals(table.numRows(), 3);
});

Deno.test("radiusTable() is empty without curves", () => {
  assertEquals(radiusTable(STUDY, []).numRows(), 0);
  assertEquals(radiusTable({ ...STUDY, measures: presets.standard.measures }, []).numRows(), 0);
});
