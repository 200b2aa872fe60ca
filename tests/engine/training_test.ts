/**
 * Training: the numbers of float64 on every engine, and what must not matter.
 *
 * @module
 */
import { UsageError } from "~/lib/domain.ts";
import { openEngine } from "~/lib/engine.ts";
import type { Member } from "~/lib/engine/engine.ts";
import { initialise, layoutLayers } from "~/lib/model.ts";
import { allocateState, OPTIMIZER_NAMES, parseOptimizer } from "~/lib/optimizer.ts";
import { permutation } from "~/lib/random.ts";
import { assert, assertAlmostEquals, assertEquals, assertLess, assertRejects } from "@std/assert";
import { testLibraries, withEngine } from "~/tests/fixtures/engine_cpu_fixture.ts";
import { type Open, testEngines } from "~/tests/fixtures/every_engine.ts";
import {
  furthest,
  once,
  trainingTolerance,
  trainReference,
} from "~/tests/fixtures/reference_training.ts";
import {
  makeDataset,
  makeMember,
  makeSplit,
  randomDataset,
  referenceSplit,
  share,
  train,
  WHOLE,
} from "~/tests/fixtures/tiny_dataset.ts";

/** Every optimizer, and what its hyperparameters switch on. */
const OPTIMIZERS = [...OPTIMIZER_NAMES, "SGD(momentum=0.9)", "SGD(momentum=0.8,nesterov=true)"];

const SHAPES: [number[], number[]][] = [
  // A network of one layer, odd sizes, sizes beyond a SIMD vector and a cache line.
  [[5, 3], [7, 19, 50, 1000]],
  [[9, 17, 4], [7, 50]],
  [[21, 37, 10, 3], [19, 49]],
];

testEngines("trainEpoch() follows float64 at any batch size", async (open, slack) => {
  for (const [sizes, batchSizes] of SHAPES) {
    await compareWithReference([open, slack], sizes, { rows: 50, batchSizes });
  }
});

testEngines("trainEpoch() follows float64 over several blocks of 512 rows", async (open, slack) => {
  await compareWithReference([open, slack], [6, 7, 5, 4], { rows: 1100, batchSizes: [600, 1100] });
  // Panels of 64 rows of the first layer's gradient: 70 units, batches of 64 rows or fewer.
  await compareWithReference([open, slack], [5, 70, 3], { rows: 90, batchSizes: [60, 90] });
});

testLibraries("SGD rounds a weight once a step of many blocks", async (library) => {
  const sizes = [6, 8, 4];
  const rows = 16 * 512;
  const dataset = randomDataset(sizes, rows);
  // A block's part of a step is below a weight's rounding, the step is above it.
  const learningRate = 2 ** -18;
  await withEngine({ dataset, library }, async (engine) => {
    const member = makeMember(sizes, { seed: 1, learningRate, optimizer: "SGD" });
    const before = member.parameters.slice();
    const [found] = await engine.evaluate(sizes, [member.parameters], WHOLE);
    const options = { sizes, batchSize: rows, optimizer: "SGD" };
    const { members } = await train(engine, options, { members: [member], epochs: 1 });
    const exact = Array.from(before, (w, index) => w - learningRate * found!.gradient[index]!);
    // Weights are below 1/2: a rounding is 2^-26 at most, and the gradient has its own.
    assertLess(furthest(members[0]!.parameters, exact), 2 ** -25);
    assertLess(2 ** -23, furthest(exact, before));
  });
});

/** Two epochs of every optimizer. */
async function compareWithReference(
  [open, slack]: [Open, slack: number],
  sizes: number[],
  { rows, batchSizes }: { rows: number; batchSizes: number[] },
): Promise<void> {
  const dataset = randomDataset(sizes, rows);
  const data = referenceSplit(dataset.train);
  await open(dataset, async (engine) => {
    for (const batchSize of batchSizes) {
      for (const optimizer of OPTIMIZERS) {
        const learningRate = 0.05;
        const parameters = initialise(sizes, 3);
        // State that is not 0: from 0, first steps are the gradient's sign with some, and where the
        // gradient is 0 that of its rounding. A step depends on its number too.
        const state = allocateState(optimizer, parameters.length).fill(0.01);
        const epochs = { before: 3, epochs: 2 };
        const run = { sizes, optimizer, learningRate, batchSize, ...epochs, parameters, state };
        const member = { learningRate, parameters, state, epochs: 3 };
        const { losses, members } = await train(engine, run, { members: [member], epochs: 2 });
        const name = `${sizes} ${optimizer} ${batchSize}`;
        const [exact, tolerance] = once(
          `${name} ${rows}`,
          () => [trainReference(run, data), trainingTolerance(run, data)] as const,
        );
        const steps = 2 * Math.ceil(rows / batchSize);
        // Each step rounds parameters and state to 2^-24 of their size, below 1 here; its gradient is
        // rounded as its terms are, which the normalisation makes up to 20 times as large; and
        // momentum m adds 1 / (1 - m) such gradients up.
        const storage = steps * 2 ** -24;
        const { momentum = 0 } = parseOptimizer(optimizer).hyperparameters;
        const terms = 20 * 2 ** -24 / (1 - Number(momentum));
        assertLess(tolerance.parameters, 1e-4, name);
        assertLess(furthest(losses.flat(), exact.losses), tolerance.losses + slack, name);
        const rounding = { parameters: learningRate * steps * terms, state: terms };
        const { bias } = layoutLayers(sizes).at(-1)!;
        const P = parameters.length;
        for (const part of ["parameters", "state"] as const) {
          const found = members[0]![part];
          // The last biases' gradient is 0: the engine leaves them and their state alone.
          for (let from = 0; from < found.length; from += P) {
            assertLess(
              furthest(found.subarray(from, from + bias), exact[part].subarray(from, from + bias)),
              tolerance[part] + storage + rounding[part] + 4 * slack,
              name,
            );
            const untouched = member[part].slice(from + bias, from + P);
            assertEquals(found.slice(from + bias, from + P), untouched, name);
          }
        }
      }
    }
  });
}

testLibraries("trainEpoch() with batches of one row: loss ln C, no gradient", async (library) => {
  const sizes = [5, 4, 3];
  const dataset = randomDataset(sizes, 20);
  await withEngine({ dataset, library }, async (engine) => {
    for (const optimizer of ["SGD", "AdaGrad", "Adam"]) {
      const member = makeMember(sizes, { seed: 1, learningRate: 1e-3, optimizer });
      const { losses, members } = await train(engine, { sizes, batchSize: 1, optimizer }, {
        members: [member],
        epochs: 1,
      });
      // One row's logits are all normalised to 0.
      assertAlmostEquals(losses[0]![0]!, Math.log(3), 1e-12);
      assertEquals(members[0]!.parameters, member.parameters);
    }
  });
});

const STACKED = [9, 17, 8, 4];

testEngines("members, saves and drops change no bit of a stack", async (open) => {
  await open(randomDataset(STACKED, 70), async (engine) => {
    for (const optimizer of OPTIMIZERS) {
      const options = { sizes: STACKED, batchSize: 35, optimizer };
      // Of any age: Adam's steps depend on it.
      const start = [0.1, 1e30, 0.03, 0.01].map((learningRate, seed) => ({
        ...makeMember(STACKED, { seed, learningRate, optimizer }),
        epochs: seed % 3,
      }));
      const through = await train(engine, options, { members: start, epochs: 3 });
      if (optimizer === "SGD") assert(!Number.isFinite(through.losses[2]![1]), "it diverges");
      for (const index of [0, 2, 3]) {
        const alone = await train(engine, options, { members: [start[index]!], epochs: 3 });
        assertEquals(alone.losses.flat(), through.losses.map((losses) => losses[index]!));
        assertEquals(alone.members[0], through.members[index]);
      }
      // Nothing is written before a save.
      const { members: own } = await train(engine, options, { members: start, epochs: 1 });
      const before = own.map(({ parameters }) => share(parameters));
      const stack = await engine.createStack(options, own);
      stack.retain([true, false, true, true]);
      assertEquals(await stack.trainEpoch(), through.losses[1]!.toSpliced(1, 1));
      assertEquals(own.map(({ parameters }) => parameters), before);
      await stack.save();
      assert(furthest(own[2]!.parameters, before[2]!) > 0);
      stack.retain([false, true, false]);
      assertEquals(await stack.trainEpoch(), [through.losses[2]![2]!]);
      await stack.save();
      const { parameters, state } = through.members[2]!;
      assertEquals([own[2]!.parameters, own[2]!.state], [parameters, state]);
      assertEquals(own[1]!.parameters, before[1]!);
      stack.dispose();
    }
  });
});

// --- Shuffled order ---

const SIZES = [6, 8, 4];
const ROWS = 50;
/** The last batch is partial, and a batch of all rows is in any order. */
const BATCH_SIZES = [7, 50];
const SHUFFLE = 3;
const shuffledSet = randomDataset(SIZES, ROWS);

/** The data set with its training images in the order of an epoch. */
function inOrder(epoch: number): typeof shuffledSet {
  const { pixels, labels } = shuffledSet.train;
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
    await withEngine({ dataset: shuffledSet, library }, async (engine) => {
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
    assert(furthest(shuffled.parameters, file.parameters) > 0);
  }
});

Deno.test("the tensorflow engine refuses shuffled order before it trains", async () => {
  const engine = await openEngine("tensorflow:cpu", { dataset: shuffledSet, onMessage: () => {} });
  try {
    const options = { sizes: SIZES, batchSize: 7, optimizer: "AdaGrad" };
    const { message } = await assertRejects(
      () => engine.createStack(options, [member({ shuffle: 0 })]),
      UsageError,
    );
    assert(message.endsWith("use the CPU's, --engine cpu"), message);
  } finally {
    await engine.close();
  }
});
