/**
 * Losses of an epoch's batches under one network, against float64.
 *
 * @module
 */
import { lossByAge } from "~/lib/trainer.ts";
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { referenceForward, referenceRows } from "~/tests/fixtures/reference_network.ts";
import { makeMember, randomDataset, referenceSplit } from "~/tests/fixtures/tiny_dataset.ts";

Deno.test("lossByAge() is the mean of batch losses at fixed weights, the oldest part first", async () => {
  const sizes = [6, 8, 4];
  const dataset = randomDataset(sizes, 50);
  const { parameters } = makeMember(sizes, { seed: 0, learningRate: 1, optimizer: "SGD" });
  const before = [...parameters];
  const data = referenceSplit(dataset.train);
  // 8 batches of 7 rows, the last of 1: in 3 parts 3, 3 and 2 of them.
  const batch = Array.from({ length: 8 }, (_, index) => {
    const rows = referenceRows(data, 7 * index, Math.min(50, 7 * index + 7));
    return referenceForward(sizes, before, rows).loss;
  });
  const mean = (values: number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
  const found = await lossByAge(dataset, { sizes, parameters }, { batchSize: 7, parts: 3 });
  assertEquals(found.map(({ age }) => age), [6.5, 3.5, 1]);
  for (const [index, { loss }] of found.entries()) {
    // float32 rounds a logit of order 1 by 6e-8, and normalising divides by its deviation, > 0.1.
    assertAlmostEquals(loss, mean(batch.slice(3 * index, 3 * index + 3)), 1e-5);
  }
  assertEquals([...parameters], before);
  const all = await lossByAge(dataset, { sizes, parameters }, { batchSize: 7, parts: 100 });
  assertEquals(all.length, 8);
});
