/** The edge of stability, on made-up eigenvalues. @module */
import { edgeCells, edgeRows, edgeTable } from "~/lib/findings.ts";
import { edgeStudy, presets, type Study } from "~/lib/study.ts";
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { syntheticRecords, withDetails } from "~/tests/fixtures/synthetic_results.ts";

/** The edge's study without what is true of its own numbers: its learning rate and epochs. */
const EPOCHS = edgeStudy.stops.map((stop) => Number(stop.split(":")[1])).toSorted((a, b) => a - b);
const { learningRate: RATE } = edgeStudy.grid.pairs[0]!;

Deno.test("edgeRows() has every network by series and epoch, an edge for full-batch SGD alone", () => {
  const records = syntheticRecords(edgeStudy, ({ optimizer, batchSize, images }) => ({
    estimate: () => optimizer === "SGD" && batchSize === images ? 1 / RATE : 70,
  }));
  const rows = edgeRows(edgeStudy, records);
  const series = [...Map.groupBy(rows, (row) => row.series)];
  assertEquals(series.length, 4);
  for (const [name, own] of series) {
    const isEdge = name.startsWith("SGD, full batch");
    assertEquals(
      own.map(({ epoch, lambdaMax, learningRate }) => [epoch, lambdaMax, learningRate]),
      EPOCHS.map((epoch) => isEdge ? [epoch, 1 / RATE, RATE] : [epoch, 70, undefined]),
    );
  }
  assertEquals(edgeRows(presets.standard, []), []);
});

Deno.test("edgeTable() says what learning rate x lambda max is, and on which side of 2", () => {
  const { quick } = presets;
  const share: Record<string, number> = { "0.001": 1.5, "0.01": 2, "0.1": 2.5 };
  const records = syntheticRecords(quick, ({ learningRate, seed }) => ({
    estimate: (measure) =>
      measure.startsWith("lambda-max")
        ? (share[learningRate]! + 0.01 * (seed - 1)) / learningRate
        : 1,
  }));
  const rowsOf = (study: Study, some: typeof records): string[][] =>
    edgeTable(edgeCells(study, some)).objects().map((row) => Object.values(row).map(String));
  const rows = rowsOf(quick, records);
  // Three learning rates and three batch sizes of either optimizer.
  assertEquals(rows.length, 12);
  assertEquals(rows.slice(0, 3), [
    ["SGD", "0.001", "128", "1.500 [1.475, 1.525]", "below", "", "3"],
    ["SGD", "0.01", "128", "2.000 [1.975, 2.025]", "not told apart", "", "3"],
    ["SGD", "0.1", "128", "2.500 [2.475, 2.525]", "above", "", "3"],
  ]);
  assertEquals(rows[6]!.slice(0, 5), [
    "AdaGrad",
    "0.001",
    "128",
    "0.00100 [0.00100, 0.00100]",
    "below",
  ]);
  /** The same with residuals of so much of the eigenvalue, times the seed. */
  const having = (share: number): typeof records =>
    withDetails(records, ({ seed }, { estimate }) => ({ residual: share * seed * estimate }));
  // The residual widens the upper end, each seed's its own; above 1 % there is a lower bound alone.
  const open = having(0.005);
  assertEquals(rowsOf(quick, open)[0]![5], "0.0050");
  assertEquals(rowsOf(quick, having(0.006))[0]!.at(-1), "2");
  // Of logarithms, whose standard deviation is that of 1.49, 1.50 and 1.51 over 1.5 within 1e-5.
  const half = 4.302652729749 * (0.01 / 1.5) / Math.sqrt(3);
  const high = 1.5 * Math.exp(half) * Math.cbrt(1 * 1.005 * 1.01);
  assertAlmostEquals(1e-3 * edgeCells(quick, open)[0]!.value!.interval![1], high, 1e-4);
  const first = records.filter(({ content }) => content.trajectory.seed === 0);
  assertEquals(rowsOf(quick, first)[0]![4], "one seed");
  assertEquals(edgeCells(quick, []), []);
});

Deno.test("edgeTable() has the plain mean of eigenvalues that are not all above 0", () => {
  const records = withDetails(
    syntheticRecords(presets.quick, ({ seed }) => ({
      estimate: (measure) => measure.includes("lambda-max") ? -1 - seed : 1,
    })),
    (_, { estimate }) => ({ residual: 0.01 * Math.abs(estimate) }),
  );
  const [row] = edgeTable(edgeCells(presets.quick, records)).objects() as Record<string, string>[];
  // -1, -2, -3: t(0.975, 2) / sqrt(3) = 2.484 on either side, the residuals' mean above.
  assertEquals(row!["learning rate × λ max"], "−0.0020 [−0.0045, 0.0005]");
  assertEquals([row!["against 2"], row!["residual / λ max"]], ["below", ""]);
});

Deno.test("edgeCells() reads each optimizer's eigenvalue where a study asks for others", () => {
  const { quick } = presets;
  const records = syntheticRecords(quick);
  const study = { ...quick, measures: { first: ["sharpness(directions=16)"], others: [] } };
  const [rows, all] = [study, quick].map((own) => edgeTable(edgeCells(own, records)).objects());
  assertEquals([rows, all?.length], [all, 12]);
});
