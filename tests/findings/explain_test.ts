/** What explains sharpness, on networks made to follow one thing. @module */
import { explain, explanationTable, factorSlopes, slopesTable } from "~/lib/findings.ts";
import { axesStudy } from "~/lib/study.ts";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { syntheticRecords, syntheticResults } from "~/tests/fixtures/synthetic_results.ts";

Deno.test("explain() finds what made-up sharpness follows, and orders the others by it", () => {
  // Sharpness falls with the learning rate; batch sizes and seeds differ by little.
  const runs = syntheticResults(axesStudy, ({ learningRate, batchSize, seed }) => ({
    samples: [(1 + 0.01 * Math.log2(batchSize) + 0.001 * seed) / learningRate],
    trainLoss: 1 + 0.01 * ((batchSize * 7) % 5),
  }));
  const found = explain(axesStudy, runs).filter(({ measure }) => measure === "sharpness");
  const tau = Object.fromEntries(found.map((one) => [one.name, one.tau]));
  // Of 36 pairs 9 tie in the learning rate, the other 27 fall: -27 / sqrt(36 x 27).
  assert(Math.abs(tau["learning rate"]! + Math.sqrt(27 / 36)) < 1e-12);
  // Within a rate, 3 pairs each rise with the batch size; between rates a larger ratio goes with a
  // larger rate in all but the pairs that tie or cross.
  assert(tau["learning rate / batch size"]! < 0 && tau["learning rate / batch size"]! > -1);
  assertEquals(explanationTable(found).numRows(), 1);
});

Deno.test("factorSlopes() finds the exponents of both factors", () => {
  const records = syntheticRecords(axesStudy, ({ learningRate, batchSize, seed }) => ({
    samples: [(1 + 0.1 * seed) * learningRate ** -0.9 * batchSize ** (0.2 + 0.01 * (seed - 1))],
  }));
  const [stop, ...levels] = factorSlopes(axesStudy, records)
    .filter(({ measure }) => measure !== "relative-filter");
  assertAlmostEquals(stop!.learningRate.mean, -0.9, 1e-12);
  assertAlmostEquals(stop!.batchSize.mean, 0.2, 1e-12);
  // s / sqrt(3) = 0.01 / sqrt(3), t(0.975, 2) = 4.302653.
  assertAlmostEquals(stop!.batchSize.high!, 0.2 + 4.302652729749 * 0.01 / Math.sqrt(3), 1e-9);
  assertEquals([stop!.cells, stop!.place], [9, "at cumulative:1e-3"]);
  const table = slopesTable([stop!, ...levels]);
  assertEquals([table.numRows(), table.get("what explains it", 0)], [
    1 + levels.length,
    "both, apart",
  ]);
  for (const [exponent, explained] of [[0.9, "their ratio"], [0, "learning rate alone"]] as const) {
    const made = syntheticRecords(axesStudy, ({ learningRate, batchSize, seed }) => ({
      samples: [learningRate ** -0.9 * batchSize ** (exponent + 0.01 * (seed - 1))],
    }));
    const found = slopesTable(factorSlopes(axesStudy, made));
    assertEquals(found.get("what explains it", 0), explained);
  }
  // Where only one factor varies neither exponent can be had.
  const { grid } = axesStudy;
  const one = {
    ...axesStudy,
    grid: { ...grid, pairs: grid.pairs.filter((p) => p.batchSize === 32) },
  };
  assertEquals(factorSlopes(one, records), []);
});
