/**
 * The CPU engine on every matrix library: the numbers of a tiny run that PyTorch made.
 *
 * @module
 */
import { openGemmLibrary } from "~/lib/engine/cpu/gemm/choose_library.ts";
import { perturbedLogits } from "~/lib/engine/cpu/perturbed_logits.ts";
import { logitLoss } from "~/lib/engine/cpu/split_pass.ts";
import { openWorkspace } from "~/lib/engine/cpu/workspace.ts";
import { openStream } from "~/lib/random.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
  assertLessOrEqual,
} from "@std/assert";
import { testLibraries, withEngine } from "~/tests/fixtures/engine_cpu_fixture.ts";
import { fixture, flatten } from "~/tests/fixtures/pytorch_fixture.ts";
import { referencePass } from "~/tests/fixtures/reference_network.ts";
import {
  floatTolerance,
  furthest,
  trainingTolerance,
  trainReference,
} from "~/tests/fixtures/reference_training.ts";
import {
  makeDataset,
  makeSplit,
  referenceSplit,
  share,
  train,
} from "~/tests/fixtures/tiny_dataset.ts";

const pytorch = makeDataset(makeSplit(fixture.pixels.flat(), fixture.labels));
const pytorchRows = referenceSplit(pytorch.train);
const start = flatten(fixture.init);
const [SGD, ADAGRAD] = fixture.runs;

/**
 * How far PyTorch's float32 gradient is off float64's at the fixture's start: 3.2e-5, in biases
 * whose gradient is exactly 0, because the normalisation magnifies rounding by 1/sigma of logits that
 * hardly vary. No two float32 programs can be expected to agree better there.
 */
const exactGradient = referencePass(fixture.sizes, start, pytorchRows).gradient;
const PYTORCH_NOISE = furthest(flatten(SGD!.fullGradientAtInit), exactGradient);

Deno.test("the fixture and the float64 reference agree but for PyTorch's rounding", () => {
  assertLess(PYTORCH_NOISE, 4e-5);
  assertAlmostEquals(
    referencePass(fixture.sizes, start, pytorchRows).loss,
    SGD!.lossAtInit,
    // An ulp of 1.4 is 1.2e-7, and PyTorch sums 40 rows.
    5e-7,
  );
  for (const { finalParameters, finalLoss, finalAccuracy } of fixture.runs) {
    const pass = referencePass(fixture.sizes, flatten(finalParameters), pytorchRows);
    assertAlmostEquals(pass.loss, finalLoss, 5e-7);
    assertAlmostEquals(pass.accuracy, finalAccuracy, 1e-7);
  }
});

testLibraries("evaluate() gives PyTorch's loss and gradient norm at the start", async (library) => {
  await withEngine({ dataset: pytorch, library }, async (engine) => {
    const [found] = await engine.evaluate(fixture.sizes, [share(start)], {
      split: "train",
      gradient: true,
    });
    assertAlmostEquals(found!.loss, SGD!.lossAtInit, 5e-7);
    const norm = Math.hypot(...flatten(SGD!.fullGradientAtInit));
    assertAlmostEquals(found!.gradientNorm, norm, PYTORCH_NOISE);
  });
});

testLibraries("trainEpoch() steps by PyTorch's gradient at the start", async (library) => {
  await withEngine({ dataset: pytorch, library }, async (engine) => {
    const { sizes } = fixture;
    const member = { learningRate: 1, parameters: share(start), state: share([]), epochs: 0 };
    const { members } = await train(engine, { sizes, batchSize: 40, optimizer: "SGD" }, {
      members: [member],
      epochs: 1,
    });
    const gradient = member.parameters.map((w, i) => w - members[0]!.parameters[i]!);
    const rounding = floatTolerance((round) =>
      referencePass(sizes, Float64Array.from(start, round), pytorchRows).gradient
    );
    assertLessOrEqual(furthest(gradient, exactGradient), rounding);
    assertLessOrEqual(
      furthest(gradient, flatten(SGD!.fullGradientAtInit)),
      rounding + PYTORCH_NOISE,
    );
  });
});

testLibraries("trainEpoch() reproduces PyTorch's SGD run", async (library) => {
  await withEngine({ dataset: pytorch, library }, async (engine) => {
    const { sizes, batch: batchSize, epochs } = fixture;
    const { learningRate, epochLosses, finalParameters, finalLoss, finalAccuracy } = SGD!;
    const run = { sizes, optimizer: "SGD", learningRate, batchSize, epochs } as const;
    const member = { learningRate, parameters: share(start), state: share([]), epochs: 0 };
    const { losses, members } = await train(engine, run, { members: [member], epochs });
    const { parameters } = members[0]!;
    // PyTorch is 1.5e-4 off float64 after nine steps, which its noise in gradients of 0 explains;
    // the engine is held to float64, and to PyTorch within PyTorch's own distance.
    const exact = trainReference({ ...run, parameters: start }, pytorchRows);
    const tolerance = trainingTolerance({ ...run, parameters: start }, pytorchRows);
    assertLess(tolerance.parameters, 2e-4);
    assertLessOrEqual(furthest(losses.flat(), exact.losses), tolerance.losses);
    assertLessOrEqual(furthest(parameters, exact.parameters), tolerance.parameters);
    const off = furthest(flatten(finalParameters), exact.parameters);
    assertLess(off, 2e-4);
    assertLessOrEqual(furthest(parameters, flatten(finalParameters)), off + tolerance.parameters);
    const lossOff = furthest(epochLosses, exact.losses);
    assertLess(lossOff, 5e-5);
    assertLessOrEqual(furthest(losses.flat(), epochLosses), lossOff + tolerance.losses);
    const [end] = await engine.evaluate(sizes, [parameters], { split: "train", gradient: false });
    assertAlmostEquals(end!.loss, finalLoss, lossOff + tolerance.losses);
    assertAlmostEquals(end!.accuracy, finalAccuracy, 1e-7);
  });
});

testLibraries("trainEpoch() takes AdaGrad's first step of the fixture to 1e-7", async (library) => {
  // One batch of 16: every component whose gradient is not rounding noise moves by lr g/(|g|+1e-10).
  const dataset = makeDataset(
    makeSplit(fixture.pixels.slice(0, 16).flat(), fixture.labels.slice(0, 16)),
  );
  const rows = referenceSplit(dataset.train);
  const { gradient } = referencePass(fixture.sizes, start, rows);
  const { learningRate } = ADAGRAD!;
  const run = { sizes: fixture.sizes, optimizer: "AdaGrad", learningRate, batchSize: 16 } as const;
  const exact = trainReference({ ...run, parameters: start, epochs: 1 }, rows);
  await withEngine({ dataset, library }, async (engine) => {
    const state = share(start.map(() => 0));
    const member = { learningRate, parameters: share(start), state, epochs: 0 };
    const { members } = await train(engine, run, { members: [member], epochs: 1 });
    const { parameters } = members[0]!;
    let compared = 0;
    for (const [i, g] of gradient.entries()) {
      if (Math.abs(g) >= 1e-5) {
        compared++;
        // Weights below 0.5 are kept to 3e-8, steps of 0.01 to 1e-9.
        assertAlmostEquals(parameters[i]!, exact.parameters[i]!, 1e-7);
      } else if (g === 0) {
        assertEquals(parameters[i], Math.fround(start[i]!));
      } else {
        // 0 but for rounding: AdaGrad makes a step of any size up to lr of it.
        assertLessOrEqual(Math.abs(g), 1e-12);
        assertLessOrEqual(Math.abs(parameters[i]! - start[i]!), learningRate + 1e-7);
      }
    }
    assertGreater(compared, 100);
  });
});

/**
 * Epoch losses between which AdaGrad's run of the fixture can end up, [low, high] by epoch.
 *
 * Gradients that are 0 in exact arithmetic and not in floating point (|g| ~ 1e-15 here) are replaced
 * by noise of random sign and of 3e-8 to 1e-5, which is what float32 programs have there; AdaGrad
 * turns it into steps of up to the learning rate.
 */
function adagradEnvelope(): [number, number][] {
  const { sizes, batch: batchSize, epochs } = fixture;
  const run = { sizes, optimizer: "AdaGrad", learningRate: ADAGRAD!.learningRate } as const;
  const envelope = Array.from({ length: epochs }, (): [number, number] => [Infinity, -Infinity]);
  for (let seed = 0; seed < 200; seed++) {
    const stream = openStream(seed, 0);
    const uniform = (): number => (stream.next() >>> 0) / 2 ** 32;
    const { losses } = trainReference(
      { ...run, batchSize, epochs, parameters: start },
      pytorchRows,
      {
        disturb(gradient): void {
          for (const [i, g] of gradient.entries()) {
            if (g === 0 || Math.abs(g) > 1e-12) continue;
            gradient[i] = (uniform() < 0.5 ? -1 : 1) * 10 ** (-7.5 + 2.5 * uniform());
          }
        },
      },
    );
    for (const [epoch, loss] of losses.entries()) {
      const [low, high] = envelope[epoch]!;
      envelope[epoch] = [Math.min(low, loss), Math.max(high, loss)];
    }
  }
  return envelope;
}

testLibraries(
  "trainEpoch()'s AdaGrad losses are as near PyTorch's as noise allows",
  async (library) => {
    const envelope = adagradEnvelope();
    // Rounding of the losses themselves.
    const within = (losses: readonly number[]): boolean =>
      losses.every((loss, epoch) =>
        loss >= envelope[epoch]![0] - 1e-6 && loss <= envelope[epoch]![1] + 1e-6
      );
    // What is left to noise: under 5e-4, 0.02 and 0.06 nats in the three epochs.
    const widths = envelope.map(([low, high]) => high - low);
    for (const [epoch, most] of [5e-4, 0.02, 0.06].entries()) assertLess(widths[epoch]!, most);
    assert(within(ADAGRAD!.epochLosses), "PyTorch's losses");
    await withEngine({ dataset: pytorch, library }, async (engine) => {
      const { sizes, batch: batchSize, epochs } = fixture;
      const { learningRate, optimizer } = ADAGRAD!;
      const state = share(start.map(() => 0));
      const member = { learningRate, parameters: share(start), state, epochs: 0 };
      const { losses } = await train(engine, { sizes, batchSize, optimizer }, {
        members: [member],
        epochs,
      });
      assert(within(losses.flat()), `${losses} in ${JSON.stringify(envelope)}`);
    });
  },
);

testLibraries(
  "evaluate() gives PyTorch's loss and accuracy at its final parameters",
  async (library) => {
    await withEngine({ dataset: pytorch, library }, async (engine) => {
      for (const { finalParameters, finalLoss, finalAccuracy } of fixture.runs) {
        const [end] = await engine.evaluate(fixture.sizes, [share(flatten(finalParameters))], {
          split: "train",
          gradient: false,
        });
        assertAlmostEquals(end!.loss, finalLoss, 5e-7);
        assertAlmostEquals(end!.accuracy, finalAccuracy, 1e-7);
      }
    });
  },
);

testLibraries(
  "perturbedLogits() and logitLoss() give PyTorch's perturbed loss",
  async (library) => {
    const workspace = openWorkspace(await openGemmLibrary(library));
    const thread = { workspace, splits: pytorch };
    const { sizes, direction, radius } = fixture;
    const task = {
      sizes,
      models: fixture.runs.map(({ finalParameters }) => ({
        parameters: share(flatten(finalParameters)),
      })),
      directions: [{
        vector: share(direction),
        inverseNorm: 1 / Math.hypot(...direction),
        points: [{ scaling: "global" as const, step: radius }],
      }],
      logits: share(new Float32Array(2 * 40 * 3)),
    };
    await perturbedLogits(thread, { ...task, start: 0, count: 40 });
    for (const [index, { perturbedLoss }] of fixture.runs.entries()) {
      const logits = task.logits.subarray(index * 120, (index + 1) * 120);
      const { loss } = logitLoss(thread, { split: "train", classes: 3, logits });
      // Losses of 1.5 in float32 on PyTorch's side, rounded weights on ours.
      assertAlmostEquals(loss, perturbedLoss, 1e-6);
    }
  },
);
