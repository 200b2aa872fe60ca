import { edgeRows, edgeSentences } from "~/lib/findings.ts";
import { edgeStudy, presets } from "~/lib/study.ts";
import { assertEquals } from "@std/assert";
import { syntheticRecords } from "~/tests/fixtures/synthetic_results.ts";

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
