/**
 * Every optimizer on the CPU engine, on every matrix library, against PyTorch's runs in float64.
 *
 * @module
 */
import { OPTIMIZER_NAMES } from "~/lib/optimizer.ts";
import { openStream } from "~/lib/random.ts";
import { assertLess, assertLessOrEqual } from "@std/assert";
import { testLibraries, withEngine } from "~/tests/fixtures/engine_cpu_fixture.ts";
import {
  furthest,
  type ReferenceRun,
  trainingTolerance,
  trainReference,
} from "~/tests/fixtures/reference_training.ts";
import {
  makeDataset,
  makeMember,
  makeSplit,
  referenceSplit,
  share,
  train,
} from "~/tests/fixtures/tiny_dataset.ts";

/** What fixtures/make_pytorch_optimizers.py writes. */
interface OptimizerRuns {
  readonly sizes: number[];
  readonly batchSize: number;
  readonly epochs: number;
  readonly pixels: number[][];
  readonly labels: number[];
  readonly parameters: number[];
  readonly runs: { optimizer: string; learningRate: number; epochLosses: number[] }[];
}

const fixture: OptimizerRuns = JSON.parse(
  Deno.readTextFileSync(new URL("../fixtures/pytorch_optimizers.json", import.meta.url)),
);
const dataset = makeDataset(makeSplit(fixture.pixels.flat(), fixture.labels));
const data = referenceSplit(dataset.train);

/**
 * How far epoch losses move when gradients that are 0 but for float64's rounding (|g| < 1e-12) are
 * what float32 makes of them, up to 1e-6 of either sign: optimizers that divide by the gradient's
 * own size make steps of up to lr of it. The largest of 50 trials, doubled.
 */
function noiseTolerance(run: ReferenceRun): number {
  const { losses } = trainReference(run, data);
  const trials = Array.from({ length: 50 }, (_, seed) => {
    const stream = openStream(seed, 0);
    const noise = (): number => 1e-6 * ((stream.next() >>> 0) / 2 ** 31 - 1);
    const { losses: moved } = trainReference(run, data, {
      disturb(gradient): void {
        for (const [i, g] of gradient.entries()) {
          if (g !== 0 && Math.abs(g) < 1e-12) gradient[i] = noise();
        }
      },
    });
    return furthest(moved, losses);
  });
  return 2 * Math.max(...trials);
}

for (const { optimizer, learningRate, epochLosses } of fixture.runs) {
  // A fixture may be ahead of the program.
  if (!OPTIMIZER_NAMES.includes(optimizer.split("(")[0]!)) continue;
  testLibraries(`trainEpoch() has PyTorch's epoch losses with ${optimizer}`, async (library) => {
    const { sizes, batchSize, epochs, parameters } = fixture;
    const run = { sizes, batchSize, epochs, parameters, optimizer, learningRate };
    const tolerance = trainingTolerance(run, data).losses + noiseTolerance(run);
    const [first, last] = [epochLosses[0]!, epochLosses.at(-1)!];
    // From a state of 0 on that is all that can be asked; cpu_training_test.ts holds every rule to 1e-5
    // from a state that is not.
    assertLess(tolerance, 0.5 * Math.abs(last - first));
    await withEngine({ dataset, library }, async (engine) => {
      const { state } = makeMember(sizes, { seed: 0, learningRate, optimizer });
      const member = { learningRate, parameters: share(parameters), state, epochs: 0 };
      const { losses } = await train(engine, run, { members: [member], epochs });
      assertLessOrEqual(furthest(losses.flat(), epochLosses), tolerance);
    });
  });
}
