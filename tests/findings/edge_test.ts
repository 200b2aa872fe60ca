import { edgeRows, edgeSentences, edgeTable } from "~/lib/findings.ts";
import { edgeStudy, presets } from "~/lib/study.ts";
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { syntheticRecords, syntheticResults } from "~/tests/fixtures/synthetic_results.ts";

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

Deno.test("edgeSentences() says where 2 / lr is reached, and how far from it training stays", () => {
  const epochs = edgeStudy.stops.map((stop) => Number(stop.split(":")[1]));
  const last = Math.max(...epochs);
  const held = sentenceOf((epoch) => epoch < last / 2 ? 0.5 : epoch < last ? 0.9 : 1.25);
  const from = Math.min(...epochs.filter((epoch) => epoch >= last / 2));
  const networks = epochs.filter((epoch) => epoch >= last / 2).length;
  const end = held.slice(held.indexOf("is reached"));
  assertEquals(
    end,
    `is reached within 20 % by epoch ${from}, and from there on λ max stays within 0.90 to 1.25 ` +
      `times it (${networks} networks).`,
  );
  assertEquals(/; 2 \/ lr = [\d.]+ is not reached\.$/.test(sentenceOf(() => 0.79)), true);
  const other = edgeSentences(edgeStudy, recordsWith(() => 1))
    .find((text) => text.startsWith("AdaGrad"))!;
  assertEquals(other.includes("2 / lr"), false);
});

Deno.test("edgeTable() has lambda max with its interval by cell, and learning rate x lambda max", () => {
  const study = { ...presets.quick, grid: { ...presets.quick.grid, seeds: [0, 1] } };
  const rows = edgeTable(
    study,
    syntheticResults(study, ({ learningRate, seed }) => ({
      estimate: (measure) => measure.startsWith("lambda-max") ? (1 + 0.2 * seed) / learningRate : 0,
    })),
  ).objects() as Record<string, number>[];
  assertEquals(rows.length, 12);
  for (const row of rows) {
    assertAlmostEquals(row["lr × λ max"]!, 1.1, 1e-12);
    assertAlmostEquals(row["λ max (nats/unit²)"]!, 1.1 / row["learning rate"]!, 1e-9);
    assertEquals([row.low! < row.high!, row.seeds], [true, 2]);
  }
  assertEquals(edgeTable(study, []).numRows(), 0);
  assertEquals(edgeTable({ ...study, measures: { first: [], others: [] } }, []).numRows(), 0);
});
