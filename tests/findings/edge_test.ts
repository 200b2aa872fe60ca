import { edgeCells, edgeRows, edgeSentences, edgeTable } from "~/lib/findings.ts";
import { edgeStudy, presets, type Study } from "~/lib/study.ts";
import { assertAlmostEquals, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  syntheticRecords,
  syntheticResults,
  withDetails,
} from "~/tests/fixtures/synthetic_results.ts";

/** Full-batch SGD whose largest eigenvalue is `share` of 2 / lr, by epoch; the others have 70. */
function recordsWith(share: (epoch: number) => number): ReturnType<typeof syntheticRecords> {
  return syntheticRecords(edgeStudy, ({ optimizer, learningRate, batchSize, images }) => ({
    estimate: (_, { epoch }) =>
      optimizer === "SGD" && batchSize === images ? share(epoch) * 2 / learningRate : 70,
  }));
}

/** Without what is true of the study's own numbers: its learning rate, epochs and edge. */
const sentenceOf = (share: (epoch: number) => number): string =>
  edgeSentences(edgeStudy, recordsWith(share)).find((text) => text.startsWith("SGD, full batch"))!;

Deno.test("edgeRows() has every network by series and epoch, an edge for full-batch SGD alone", () => {
  const rows = edgeRows(edgeStudy, recordsWith(() => 0.5));
  const epochs = edgeStudy.stops.map((stop) => Number(stop.split(":")[1])).toSorted((a, b) =>
    a - b
  );
  const series = [...new Set(rows.map((row) => row.series))];
  assertEquals(series.length, 4);
  for (const each of series) {
    const own = rows.filter((row) => row.series === each);
    assertEquals(own.map(({ epoch }) => epoch), epochs);
    const isEdge = each.startsWith("SGD, full batch");
    const { learningRate } = edgeStudy.grid.pairs[0]!;
    for (const row of own) {
      assertEquals(row.learningRate, isEdge ? learningRate : undefined);
      assertEquals(row.lambdaMax, isEdge ? 0.5 * 2 / learningRate : 70);
    }
  }
  assertEquals(edgeRows(presets.standard, []), []);
});

Deno.test("edgeSentences() says where 2 / lr is passed, and where lambda max is from there on", () => {
  const epochs = edgeStudy.stops.map((stop) => Number(stop.split(":")[1]));
  const last = Math.max(...epochs);
  const held = sentenceOf((epoch) => epoch < last / 2 ? 0.99 : epoch < last ? 1.05 : 1.25);
  const from = Math.min(...epochs.filter((epoch) => epoch >= last / 2));
  const before = Math.max(...epochs.filter((epoch) => epoch < from));
  assertEquals(
    held.slice(held.indexOf("It passes")).replace(/= [\d.]+/, "= E"),
    `It passes 2 / lr = E between epochs ${before} and ${from}; from there on it is 1.05 to 1.25 times that.`,
  );
  assertMatch(sentenceOf(() => 0.79), /It stays below 2 \/ lr = [\d.]+\.$/);
  assertStringIncludes(sentenceOf(() => 1), `by epoch ${Math.min(...epochs)};`);
  const other = edgeSentences(edgeStudy, recordsWith(() => 1))
    .find((text) => text.startsWith("AdaGrad"))!;
  assertEquals(other.includes("2 / lr"), false);
});

Deno.test("edgeTable() says what learning rate x lambda max is, and on which side of 2", () => {
  const { quick } = presets;
  const share: Record<string, number> = { "0.001": 1.5, "0.01": 2, "0.1": 2.5 };
  const results = syntheticResults(quick, ({ learningRate, seed }) => ({
    estimate: (measure) =>
      measure.startsWith("lambda-max")
        ? (share[learningRate]! + 0.01 * (seed - 1)) / learningRate
        : 0,
  }));
  const rowsOf = (study: Study, runs: typeof results): string[][] =>
    edgeTable(edgeCells(study, runs)).objects().map((row) => Object.values(row).map(String));
  const rows = rowsOf(quick, results);
  // Three learning rates and three batch sizes of either optimizer.
  assertEquals(rows.length, 12);
  assertEquals(rows.slice(0, 3), [
    ["SGD", "0.001", "128", "1.500 [1.475, 1.525]", "below", "", "3"],
    ["SGD", "0.01", "128", "2.000 [1.975, 2.025]", "not told apart", "", "3"],
    ["SGD", "0.1", "128", "2.500 [2.475, 2.525]", "above", "", "3"],
  ]);
  assertEquals(rows[6]!.slice(0, 5), ["AdaGrad", "0.001", "128", "0 [0, 0]", "below"]);
  // The residual widens the upper end; what has not converged is named.
  const open = withDetails(results, ({ config }, { estimate }) => (
    { residual: 0.1 * estimate, converged: config.learningRate > 1e-3 }
  ));
  assertEquals(rowsOf(quick, open).slice(0, 2).map((row) => row[5]), [
    ...["0.10 (not converged: a lower bound)", "0.10"],
  ]);
  const high = 1.5 + 4.302652729749 * 0.01 / Math.sqrt(3) + 0.15;
  assertAlmostEquals(1e-3 * edgeCells(quick, open)[0]!.value!.interval![1], high, 1e-6);
  const one = { ...quick, grid: { ...quick.grid, seeds: [0] } };
  const first = results.filter(({ config }) => config.seed === 0);
  assertEquals(rowsOf(one, first)[0]![4], "one seed");
  assertEquals(edgeCells(quick, []), []);
});
