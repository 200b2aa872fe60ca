import { edgeAtStop, edgeRows, edgeSentences, edgeShares } from "~/lib/findings.ts";
import { edgeStudy, presets } from "~/lib/study.ts";
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

Deno.test("edgeAtStop() says what learning rate x lambda max is, and where its interval holds 2", () => {
  const { quick } = presets;
  const share: Record<string, number> = { "0.001": 1.5, "0.01": 2, "0.1": 2.5 };
  const results = syntheticResults(quick, ({ learningRate, seed }) => ({
    estimate: (measure) =>
      measure.startsWith("lambda-max")
        ? (share[learningRate]! + 0.01 * (seed - 1)) / learningRate
        : 0,
  }));
  assertEquals(edgeAtStop(quick, results, { effect: "learning-rate" }), [
    "SGD, learning rate (batch size 128), at epochs:10: learning rate × λ max, 2 at the edge of " +
    "stability of full batches, is 1.500, 2.000 and 2.500 at 10⁻³, 10⁻² and 10⁻¹; the 95 % interval " +
    "contains 2 at 10⁻², lies below 2 at 10⁻³, lies above 2 at 10⁻¹; n = 3 seeds.",
    "AdaGrad, learning rate (batch size 128), at epochs:10: learning rate × λ max of the preconditioned " +
    "Hessian, 2 at the edge of stability of full batches, is 0, 0 and 0 at 10⁻³, 10⁻² and 10⁻¹; the " +
    "95 % interval lies below 2 at 10⁻³, 10⁻² and 10⁻¹; n = 3 seeds.",
  ]);
  // The residual widens the upper end; what has not converged is named.
  const open = withDetails(results, ({ config }, { estimate }) => (
    { residual: 0.1 * estimate, converged: config.learningRate > 1e-3 }
  ));
  const [carried] = edgeAtStop(quick, open, { effect: "learning-rate" });
  assertStringIncludes(
    carried!,
    "contains 2 at 10⁻², lies below 2 at 10⁻³, lies above 2 at 10⁻¹; it carries Lanczos's residual, at " +
      "most 10 % of the value; not converged, so a lower bound, at 10⁻³; n = 3 seeds.",
  );
  const [first] = edgeShares(quick, open, { effect: "learning-rate", optimizer: "SGD" });
  const high = 1.5 + 4.302652729749 * 0.01 / Math.sqrt(3) + 0.15;
  assertAlmostEquals(first!.interval![1], high, 1e-6);
  assertEquals(first!.cell.unresolved, [0, 1, 2]);
  const [one] = edgeAtStop(
    { ...quick, grid: { ...quick.grid, seeds: [0] } },
    results.filter(({ config }) => config.seed === 0),
    { effect: "batch-size" },
  );
  assertStringIncludes(one!, "; one seed gives no interval; n = 1 seed.");
  assertEquals(edgeAtStop(quick, [], { effect: "learning-rate" }), [
    "SGD, learning rate (batch size 128), at epochs:10: learning rate × λ max was not measured.",
    "AdaGrad, learning rate (batch size 128), at epochs:10: learning rate × λ max of the preconditioned " +
    "Hessian was not measured.",
  ]);
});
