/**
 * Training in shuffled order: the same as in file order on images that lie in that order.
 *
 * @module
 */
import { UsageError } from "~/lib/domain.ts";
import { openEngine } from "~/lib/engine.ts";
import type { Member } from "~/lib/engine/engine.ts";
import { permutation } from "~/lib/random.ts";
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { testLibraries, withEngine } from "~/tests/fixtures/engine_cpu_fixture.ts";
import {
  makeDataset,
  makeMember,
  makeSplit,
  randomDataset,
} from "~/tests/fixtures/tiny_dataset.ts";

const SIZES = [6, 8, 4];
const ROWS = 50;
/** The last batch is partial, and a batch of all rows is in any order. */
const BATCH_SIZES = [7, 50];
const SHUFFLE = 3;
const dataset = randomDataset(SIZES, ROWS);

/** The data set with its training images in the order of an epoch. */
function inOrder(epoch: number): typeof dataset {
  const { pixels, labels } = dataset.train;
  const rows = [...permutation(ROWS, SHUFFLE, epoch)];
  const inputs = SIZES[0]!;
  return makeDataset(
    makeSplit(
      rows.flatMap((row) => [...pixels.subarray(row * inputs, (row + 1) * inputs)]),
      rows.map((row) => labels[row]!),
    ),
  );
}

const member = (more: Partial<Member> = {}): Member => ({
  ...makeMember(SIZES, { seed: 0, learningRate: 0.05, optimizer: "AdaGrad" }),
  ...more,
});

testLibraries("a shuffled epoch is one in file order on images in that order", async (library) => {
  for (const batchSize of BATCH_SIZES) {
    const options = { sizes: SIZES, batchSize, optimizer: "AdaGrad" };
    const [shuffled, ordered, file] = [member({ shuffle: SHUFFLE }), member(), member()];
    const losses: number[] = [];
    await withEngine({ dataset, library }, async (engine) => {
      const stack = await engine.createStack(options, [shuffled, file]);
      for (let epoch = 0; epoch < 3; epoch++) losses.push(...await stack.trainEpoch());
      await stack.save();
    });
    for (let epoch = 0; epoch < 3; epoch++) {
      await withEngine({ dataset: inOrder(epoch), library }, async (engine) => {
        const stack = await engine.createStack(options, [{ ...ordered, epochs: epoch }]);
        assertEquals(await stack.trainEpoch(), [losses[2 * epoch]]);
        await stack.save();
      });
    }
    assertEquals(shuffled.parameters, ordered.parameters);
    assertEquals(shuffled.state, ordered.state);
    assertNotEquals(shuffled.parameters, file.parameters);
  }
});

Deno.test("the tensorflow engine refuses shuffled order before it trains", async () => {
  const engine = await openEngine("tensorflow:cpu", { dataset, onMessage: () => {} });
  try {
    const options = { sizes: SIZES, batchSize: 7, optimizer: "SGD" };
    const { message } = await assertRejects(
      () => engine.createStack(options, [member({ shuffle: 0 })]),
      UsageError,
    );
    assert(message.endsWith("use the CPU's, --engine cpu"), message);
  } finally {
    await engine.close();
  }
});
