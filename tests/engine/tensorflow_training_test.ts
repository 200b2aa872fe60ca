/**
 * Stacks of the TensorFlow.js engine against PyTorch and against float64 training by the optimizers'
 * own definitions.
 *
 * @module
 */
import type { Engine } from "~/lib/engine/engine.ts";
import { layoutLayers } from "~/lib/model.ts";
import { OPTIMIZER_NAMES } from "~/lib/optimizer.ts";
import { openStream } from "~/lib/random.ts";
import { assert } from "@std/assert";
import { fixture as mlp, flatten } from "~/tests/fixtures/pytorch_fixture.ts";
import type { ReferenceData } from "~/tests/fixtures/reference_network.ts";
import {
  furthest,
  type ReferenceRun,
  trainingTolerance,
  trainReference,
} from "~/tests/fixtures/reference_training.ts";
import {
  assertAllClose,
  FLOAT,
  SIZES,
  SMALL,
  testBackends,
  withEngine,
} from "~/tests/fixtures/tensorflow_fixture.ts";
import {
  makeDataset,
  makeMember,
  makeSplit,
  referenceSplit,
  share,
  train,
} from "~/tests/fixtures/tiny_dataset.ts";

/** Every optimizer with a learning rate that moves the network but leaves it smooth. */
const RATES: Readonly<Record<string, number>> = {
  ...Object.fromEntries(OPTIMIZER_NAMES.map((name) => [name, 0.002])),
  "SGD": 0.05,
  "SGD(momentum=0.9)": 0.02,
  "SGD(momentum=0.9,nesterov=true)": 0.02,
  "AdaGrad": 0.01,
};

/** Whether steps are proportional to gradients, so that a rounding error stays one. */
function isSmooth({ optimizer }: Pick<ReferenceRun, "optimizer">): boolean {
  return optimizer.startsWith("SGD");
}

/**
 * Whether a parameter's gradient is never rounding alone: that of a unit's bias is where the unit is
 * on in all rows of a batch, as the normalisation removes its effect. Rules that divide by the
 * gradient's size move such a parameter by the full learning rate, in any direction.
 */
function soundPlaces(run: ReferenceRun, data: ReferenceData): number[] {
  const isNoise = Array.from(run.parameters, () => false);
  trainReference(run, data, {
    disturb: (gradient) => gradient.forEach((g, i) => isNoise[i] ||= Math.abs(g) < 1e-6),
  });
  const places = [...isNoise.keys()].filter((i) => isSmooth(run) || !isNoise[i]);
  assert(places.length > isNoise.length / 2);
  return places;
}

/** How far from float64 a run may end. */
type Tolerance = Readonly<Record<"losses" | "parameters", number>>;

/** Trains one network and compares it with float64, or with what is given. */
async function assertTrains(
  engine: Engine,
  run: ReferenceRun,
  { data, expected = trainReference(run, data), tolerance = trainingTolerance(run, data) }: {
    readonly data: ReferenceData;
    readonly expected?: { losses: ArrayLike<number>; parameters: ArrayLike<number> };
    readonly tolerance?: Tolerance;
  },
): Promise<void> {
  const { sizes, batchSize, optimizer, learningRate, epochs, before = 0 } = run;
  const start = { ...makeMember(sizes, { seed: 0, learningRate, optimizer }), epochs: before };
  start.parameters.set(run.parameters);
  if (run.state) start.state.set(run.state);
  const options = { sizes, batchSize, optimizer };
  const { losses, members } = await train(engine, options, { members: [start], epochs });
  assertAllClose(losses.flat(), expected.losses, tolerance.losses);
  const places = soundPlaces(run, data);
  const at = (values: ArrayLike<number>): number[] => places.map((i) => values[i]!);
  assertAllClose(at(members[0]!.parameters), at(expected.parameters), tolerance.parameters);
}

// --- PyTorch ---

/** What tests/fixtures/make_pytorch_optimizers.py writes. */
interface OptimizersFixture {
  readonly sizes: number[];
  readonly batchSize: number;
  readonly epochs: number;
  readonly pixels: number[][];
  readonly labels: number[];
  readonly parameters: number[];
  readonly runs: {
    readonly optimizer: string;
    readonly learningRate: number;
    readonly epochLosses: number[];
    readonly finalParameters: number[];
  }[];
}

const fixture: OptimizersFixture = JSON.parse(
  Deno.readTextFileSync(new URL("../fixtures/pytorch_optimizers.json", import.meta.url)),
);
const fixtureData = makeDataset(makeSplit(fixture.pixels.flat(), fixture.labels));

/**
 * Three times what noise of 1e-7 in gradients does, the rounding of float32 sums of numbers of size
 * 1: in batches of 16 rows units are often on in all of them (see `soundPlaces`), and whatever
 * divides by a gradient's size then steps at random. It leaves losses loose (0.01 nats); the
 * definitions' own tests below, without such units, are tight.
 */
function noiseTolerance(run: ReferenceRun, data: ReferenceData): Tolerance {
  const exact = trainReference(run, data);
  const noisy = [1, 2, 3, 4, 5].map((seed) => {
    const stream = openStream(seed, 0);
    const disturb = (gradient: Float64Array): void =>
      gradient.forEach((_, i) => gradient[i]! += 1e-7 * stream.next() / 2 ** 31);
    return trainReference(run, data, { disturb });
  });
  const places = soundPlaces(run, data);
  const at = (values: ArrayLike<number>): number[] => places.map((i) => values[i]!);
  return {
    losses: 3 * Math.max(...noisy.map(({ losses }) => furthest(losses, exact.losses))),
    parameters: 3 *
      Math.max(...noisy.map(({ parameters }) => furthest(at(parameters), at(exact.parameters)))),
  };
}

/** A run of an optimizer that this version has. */
const isKnown = ({ optimizer }: { optimizer: string }): boolean =>
  OPTIMIZER_NAMES.includes(optimizer.split("(")[0]!);

testBackends("trainEpoch() and save() reproduce PyTorch's optimizers", async (backend) => {
  await withEngine(backend, async (engine) => {
    const data = referenceSplit(fixtureData.train);
    for (const { epochLosses, finalParameters, ...own } of fixture.runs.filter(isKnown)) {
      const run = { ...fixture, ...own };
      await assertTrains(engine, run, {
        data,
        expected: { losses: epochLosses, parameters: finalParameters },
        tolerance: isSmooth(run) ? trainingTolerance(run, data) : noiseTolerance(run, data),
      });
    }
  }, { dataset: fixtureData });
});

const mlpData = makeDataset(makeSplit(mlp.pixels.flat(), mlp.labels));

testBackends("trainEpoch() and save() reproduce PyTorch's float32 runs", async (backend) => {
  await withEngine(backend, async (engine) => {
    for (const { optimizer, learningRate, epochLosses, finalParameters } of mlp.runs) {
      const run = { optimizer, learningRate, parameters: flatten(mlp.init), epochs: mlp.epochs };
      await assertTrains(engine, { ...run, sizes: mlp.sizes, batchSize: mlp.batch }, {
        data: referenceSplit(mlpData.train),
        expected: { losses: epochLosses, parameters: flatten(finalParameters) },
        // PyTorch's float32 gradient at the start is 3.2e-5 off the float64 one, as logits of little
        // variance magnify rounding; the errors of 9 steps add up. AdaGrad leaves there at once.
        tolerance: optimizer === "SGD"
          ? { losses: 5e-5, parameters: 2.5e-4 }
          : { losses: FLOAT, parameters: FLOAT },
      });
    }
  }, { dataset: mlpData });
}, ["cpu"]);

// --- float64 ---

const data = referenceSplit(SMALL.train);

for (const [optimizer, learningRate] of Object.entries(RATES)) {
  testBackends(`trainEpoch() is ${optimizer}'s definition, batch by batch`, async (backend) => {
    // No unit of this seed's network is on in all rows of a batch (see `soundPlaces`).
    const { parameters } = makeMember(SIZES, { seed: 4, learningRate, optimizer });
    // 70 rows: the last batch has 30.
    const run = { sizes: SIZES, optimizer, learningRate, batchSize: 40, parameters };
    await withEngine(backend, async (engine) => {
      await assertTrains(engine, { ...run, epochs: 2 }, { data });
      // From where another run was: its state counts, and the number of its updates.
      const middle = trainReference({ ...run, epochs: 3 }, data);
      const { state } = middle;
      const later = { ...run, parameters: share(middle.parameters), state: share(state) };
      await assertTrains(engine, { ...later, before: 3, epochs: 1 }, { data });
    });
  });
}

testBackends("members that were trained for different times share a stack", async (backend) => {
  await withEngine(backend, async (engine) => {
    for (const optimizer of OPTIMIZER_NAMES) {
      const options = { sizes: SIZES, batchSize: 35, optimizer };
      const learningRate = RATES[optimizer]!;
      const start = [1, 2, 3].map((seed) => makeMember(SIZES, { seed, learningRate, optimizer }));
      const { members: [old] } = await train(engine, options, { members: [start[0]!], epochs: 2 });
      const mixed = [old!, start[1]!, start[2]!];
      const together = await train(engine, options, { members: mixed, epochs: 2 });
      for (const [index, member] of mixed.entries()) {
        const alone = await train(engine, options, { members: [member], epochs: 2 });
        const [expected, found] = [alone.members[0]!, together.members[index]!];
        // To the bit, but for operations that round differently in a stack: there are none here.
        assertAllClose(found.parameters, expected.parameters, 0);
        assertAllClose(found.state, expected.state, 0);
      }
    }
  });
});

testBackends("the last layer's biases, which change nothing, stay as they are", async (backend) => {
  await withEngine(backend, async (engine) => {
    for (const optimizer of OPTIMIZER_NAMES) {
      const start = makeMember(SIZES, { seed: 5, learningRate: 0.1, optimizer });
      const options = { sizes: SIZES, batchSize: 16, optimizer };
      const { members } = await train(engine, options, { members: [start], epochs: 1 });
      const { bias } = layoutLayers(SIZES).at(-1)!;
      const found = members[0]!.parameters.subarray(bias);
      assertAllClose(found, start.parameters.subarray(bias), 0);
    }
  });
});
