/**
 * The CPU engine on both matrix libraries: PyTorch's numbers, float64's, and what must not matter.
 *
 * @module
 */
import { createCpuEngine } from "~/lib/engine/cpu/cpu_engine.ts";
import { pairLoss, perturbedLogits } from "~/lib/engine/cpu/perturb.ts";
import { chooseTile } from "~/lib/engine/cpu/perturbed_losses.ts";
import { openWorkspace } from "~/lib/engine/cpu/workspace.ts";
import { drawDirection } from "~/lib/engine/direction.ts";
import { openGemmLibrary } from "~/lib/engine/cpu/gemm/gemm.ts";
import { initialise, layoutLayers, MLP_1 } from "~/lib/model/layout.ts";
import { OPTIMIZERS } from "~/lib/optimizer/optimizer.ts";
import { openStream } from "~/lib/random.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertRejects,
  assertStrictEquals,
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
  makeMember,
  makeSplit,
  randomDataset,
  referenceSplit,
  share,
  train,
} from "~/tests/fixtures/tiny_dataset.ts";

// --- PyTorch ---

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
    const member = { learningRate: 1, parameters: share(start), state: share([]) };
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
    const member = { learningRate, parameters: share(start), state: share([]) };
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
    const member = { learningRate, parameters: share(start), state: share(start.map(() => 0)) };
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
      const member = { learningRate, parameters: share(start), state: share(start.map(() => 0)) };
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

testLibraries("perturbedLogits() and pairLoss() give PyTorch's perturbed loss", async (library) => {
  const workspace = openWorkspace(await openGemmLibrary(library));
  const { sizes, direction, radius } = fixture;
  const task = {
    sizes,
    models: fixture.runs.map(({ finalParameters }) => share(flatten(finalParameters))),
    directions: [share(direction)],
    scales: [radius / Math.hypot(...direction)],
    logits: share(new Float32Array(2 * 40 * 3)),
  };
  await perturbedLogits(workspace, pytorch.train, task, { start: 0, count: 40 });
  for (const [index, { perturbedLoss }] of fixture.runs.entries()) {
    // Losses of 1.5 in float32 on PyTorch's side, rounded weights on ours.
    assertAlmostEquals(pairLoss(workspace, pytorch.train, task, index), perturbedLoss, 1e-6);
  }
});

// --- float64 ---

const SHAPES: [number[], number[]][] = [
  // A network of one layer, odd sizes, sizes beyond a SIMD vector and a cache line.
  [[5, 3], [7, 16, 50, 1000]],
  [[9, 17, 4], [7, 50]],
  [[21, 37, 10, 3], [16, 49]],
];
const TALL = [6, 7, 5, 4];

testLibraries(
  "trainEpoch() follows float64, any batch size, the last one partial",
  async (library) => {
    for (const [sizes, batchSizes] of SHAPES) {
      await compareWithReference(library, sizes, { rows: 50, batchSizes });
    }
  },
);

testLibraries("trainEpoch() follows float64 over several blocks of 512 rows", async (library) => {
  await compareWithReference(library, TALL, { rows: 1100, batchSizes: [513, 600, 1100] });
  // Panels of 64 rows of the first layer's gradient: 70 units, batches of 64 rows or fewer.
  await compareWithReference(library, [5, 70, 3], { rows: 90, batchSizes: [60, 90] });
});

/** Two epochs of both optimizers. */
async function compareWithReference(
  library: Parameters<typeof withEngine>[0]["library"],
  sizes: number[],
  { rows, batchSizes }: { rows: number; batchSizes: number[] },
): Promise<void> {
  const dataset = randomDataset(sizes, rows);
  const data = referenceSplit(dataset.train);
  await withEngine({ dataset, library }, async (engine) => {
    for (const batchSize of batchSizes) {
      for (const optimizer of OPTIMIZERS) {
        const learningRate = 0.05;
        const parameters = initialise(sizes, 3);
        // Accumulators that are not 0: from 0, AdaGrad's first steps are the gradient's sign, and
        // where the gradient is 0 that of its rounding.
        const state = share(parameters.map(() => (optimizer === "SGD" ? 0 : 0.01)));
        const run = { sizes, optimizer, learningRate, batchSize, epochs: 2, parameters, state };
        const exact = trainReference(run, data);
        const member = {
          learningRate,
          parameters,
          state: optimizer === "SGD" ? share([]) : state,
        };
        const { losses, members } = await train(engine, run, { members: [member], epochs: 2 });
        const name = `${sizes} ${optimizer} ${batchSize}`;
        const tolerance = trainingTolerance(run, data);
        // Each step rounds the parameters to 2^-24 of their size, below 1 here.
        const storage = 2 * Math.ceil(rows / batchSize) * 2 ** -24;
        assertLess(tolerance.parameters, 1e-4, name);
        assertLessOrEqual(furthest(losses.flat(), exact.losses), tolerance.losses, name);
        for (
          const part of optimizer === "SGD"
            ? ["parameters"] as const
            : ["parameters", "state"] as const
        ) {
          assertLessOrEqual(
            furthest(members[0]![part], exact[part]),
            tolerance[part] + storage,
            name,
          );
        }
      }
    }
  });
}

testLibraries("trainEpoch() with batches of one row: loss ln C, no gradient", async (library) => {
  const sizes = [5, 4, 3];
  const dataset = randomDataset(sizes, 20);
  await withEngine({ dataset, library }, async (engine) => {
    for (const optimizer of OPTIMIZERS) {
      const member = makeMember(sizes, { seed: 1, learningRate: 1e-3, optimizer });
      if (optimizer === "AdaGrad") member.state.fill(1);
      const { losses, members } = await train(engine, { sizes, batchSize: 1, optimizer }, {
        members: [member],
        epochs: 1,
      });
      // One row's logits are all normalised to 0.
      assertAlmostEquals(losses[0]![0]!, Math.log(3), 1e-12);
      // 1/sqrt(1e-5) = 316 times the rounding of 1/3 to float32, activations of 1, 20 steps.
      assertLessOrEqual(
        furthest(members[0]!.parameters, member.parameters),
        20 * 1e-3 * 316 * 2 ** -24 * 2,
      );
    }
  });
});

testLibraries("evaluate() follows float64 on both splits", async (library) => {
  for (const [sizes, rows] of [[[5, 3], 40], [[21, 37, 10, 3], 60], [TALL, 1100]] as const) {
    const dataset = randomDataset(sizes, rows);
    const models = [1, 2].map((seed) => initialise(sizes, seed));
    await withEngine({ dataset, library, threads: 2 }, async (engine) => {
      for (const split of ["train", "test"] as const) {
        const data = referenceSplit(dataset[split]);
        const found = await engine.evaluate(sizes, models, { split, gradient: true });
        const without = await engine.evaluate(sizes, models, { split, gradient: false });
        for (const [index, { loss, accuracy, gradientNorm }] of found.entries()) {
          const exact = referencePass(sizes, models[index]!, data);
          const pass = (round: (w: number) => number): ReturnType<typeof referencePass> =>
            referencePass(sizes, Float64Array.from(models[index]!, round), data);
          assertAlmostEquals(loss, exact.loss, floatTolerance((round) => [pass(round).loss]));
          assertAlmostEquals(accuracy, exact.accuracy, 1e-15);
          assertAlmostEquals(
            gradientNorm,
            Math.hypot(...exact.gradient),
            floatTolerance((round) => [Math.hypot(...pass(round).gradient)]) + 1e-7,
          );
          // The same sum, added up in another order.
          assertAlmostEquals(without[index]!.loss, loss, 1e-14);
          assertEquals(without[index]!.accuracy, accuracy);
          assert(Number.isNaN(without[index]!.gradientNorm));
        }
      }
    });
  }
});

testLibraries("perturbedLosses() is the loss at w + r u_k, in the order asked", async (library) => {
  for (const [sizes, rows] of [[[5, 3], 40], [[9, 17, 4], 60], [TALL, 1100]] as const) {
    const dataset = randomDataset(sizes, rows);
    const data = referenceSplit(dataset.train);
    const models = [1, 2, 3].map((seed) => initialise(sizes, seed));
    const directions = [4, null, 0, 2];
    await withEngine({ dataset, library, threads: 2 }, async (engine) => {
      const found = await engine.perturbedLosses(sizes, models, { seed: 9, directions, radius: 2 });
      for (const [m, model] of models.entries()) {
        for (const [index, k] of directions.entries()) {
          const { normal, inverseNorm } = drawDirection(new Float32Array(model.length), 9, k);
          const moved = Float64Array.from(model, (w, i) => w + 2 * inverseNorm * normal[i]!);
          if (k === null) assertEquals([...moved], [...model]);
          const { loss } = referencePass(sizes, moved, data);
          const tolerance = floatTolerance((round) => [
            referencePass(sizes, moved.map(round), data).loss,
          ]);
          assertAlmostEquals(found[m]![index]!, loss, tolerance + 1e-7);
        }
      }
    });
  }
});

// --- What must not matter ---

testLibraries(
  "a stack of four on 1 and on 2 threads is four stacks of 1, to the bit",
  async (library) => {
    const sizes = [9, 17, 4];
    const dataset = randomDataset(sizes, 90);
    for (const optimizer of OPTIMIZERS) {
      const options = { sizes, batchSize: 16, optimizer };
      const members = [0.1, 0.01, 0.1, 0.05].map((learningRate, seed) =>
        makeMember(sizes, { seed, learningRate, optimizer })
      );
      const [one, two] = await Promise.all([1, 2].map((threads) =>
        withEngine(
          { dataset, library, threads },
          (engine) => train(engine, options, { members, epochs: 3 }),
        )
      ));
      assertEquals(one, two);
      await withEngine({ dataset, library }, async (engine) => {
        for (const [index, member] of members.entries()) {
          const alone = await train(engine, options, { members: [member], epochs: 3 });
          assertEquals(alone.losses.flat(), one!.losses.map((losses) => losses[index]!));
          assertEquals(alone.members[0], one!.members[index]!);
        }
      });
    }
  },
);

testLibraries(
  "evaluate() and perturbedLosses() give the same bits for any chunk and threads",
  async (library) => {
    const dataset = randomDataset(TALL, 1100);
    const models = [1, 2, 3, 4, 5].map((seed) => initialise(TALL, seed));
    const directions = [0, 1, 2, 3, 4, 5, 6, null];
    const ask = { seed: 3, directions, radius: 1 };
    const results: { evaluations: unknown; losses: number[][] }[] = [];
    for (const threads of [1, 3]) {
      // Room for all pairs, for few, and for less than one.
      for (const samplerBytes of [1.5e9, 1.2e6, 7e5, 1]) {
        await withEngine({ dataset, library, threads, samplerBytes }, async (engine) => {
          const options = { split: "train", gradient: true } as const;
          results.push({
            evaluations: await engine.evaluate(TALL, models, options),
            losses: await engine.perturbedLosses(TALL, models, ask),
          });
        });
      }
    }
    for (const result of results) assertEquals(result, results[0]!);
    // Alone, and in another order.
    await withEngine({ dataset, library }, async (engine) => {
      for (const [m, model] of models.entries()) {
        for (const index of [6, 2, 7]) {
          const options = { ...ask, directions: [directions[index] ?? null] };
          assertEquals(await engine.perturbedLosses(TALL, [model], options), [
            [results[0]!.losses[m]![index]!],
          ]);
        }
      }
    });
  },
);

testLibraries(
  "an engine gives the same bits again after a larger network has moved its memory",
  async (library) => {
    const sizes = [9, 17, 4];
    const dataset = randomDataset(sizes, 90);
    await withEngine({ dataset, library }, async (engine) => {
      const options = { split: "train", gradient: true } as const;
      const model = initialise(sizes, 1);
      const before = await engine.evaluate(sizes, [model], options);
      const wide = [9, 3000, 4];
      await engine.evaluate(wide, [initialise(wide, 1)], options);
      assertEquals(await engine.evaluate(sizes, [model], options), before);
    });
  },
);

Deno.test("both matrix libraries agree to float32's rounding", async () => {
  const dataset = randomDataset(TALL, 1100);
  const data = referenceSplit(dataset.train);
  const member = makeMember(TALL, { seed: 3, learningRate: 0.05, optimizer: "SGD" });
  const options = { sizes: TALL, batchSize: 100, optimizer: "SGD" } as const;
  // Without a BLAS this compares ONNX Runtime with itself.
  const [blas, onnx] = await Promise.all(
    [undefined, "onnxruntime" as const].map(async (library) => {
      const engine = await createCpuEngine({ dataset, threads: 1 }, library);
      try {
        return await train(engine, options, { members: [member], epochs: 2 });
      } finally {
        await engine.close();
      }
    }),
  );
  const run = {
    ...options,
    ...member,
    epochs: 2,
    state: new Float32Array(member.parameters.length),
  };
  const tolerance = trainingTolerance(run, data).parameters;
  assertLessOrEqual(
    furthest(blas!.members[0]!.parameters, onnx!.members[0]!.parameters),
    2 * (tolerance + 22 * 2 ** -24),
  );
});

testLibraries("createStack() leaves members' arrays alone until save()", async (library) => {
  const sizes = [9, 17, 4];
  const dataset = randomDataset(sizes, 40);
  await withEngine({ dataset, library }, async (engine) => {
    const member = makeMember(sizes, { seed: 1, learningRate: 0.1, optimizer: "AdaGrad" });
    const before = [member.parameters.slice(), member.state.slice()];
    const stack = await engine.createStack({ sizes, batchSize: 16, optimizer: "AdaGrad" }, [
      member,
    ]);
    await stack.trainEpoch();
    assertEquals([member.parameters.slice(), member.state.slice()], before);
    await stack.save();
    assert(furthest(member.parameters, before[0]!) > 0);
    assert(furthest(member.state, before[1]!) > 0);
    // Kept from here on: a second save writes the second epoch.
    const first = member.parameters.slice();
    await stack.trainEpoch();
    assertEquals(member.parameters.slice(), first);
    await stack.save();
    assert(furthest(member.parameters, first) > 0);
    stack.dispose();
    assertEquals(stack.size, 0);
  });
});

testLibraries("retain() drops members and changes nothing for the others", async (library) => {
  const sizes = [9, 17, 4];
  const dataset = randomDataset(sizes, 40);
  await withEngine({ dataset, library, threads: 2 }, async (engine) => {
    const options = { sizes, batchSize: 16, optimizer: "SGD" } as const;
    const members = [0.1, 0.01, 0.03].map((learningRate, seed) =>
      makeMember(sizes, { seed, learningRate, optimizer: "SGD" })
    );
    const through = await train(engine, options, { members, epochs: 3 });
    const dropped = members[1]!.parameters.slice();
    const stack = await engine.createStack(options, members);
    assertEquals(await stack.trainEpoch(), through.losses[0]!);
    stack.retain([true, false, true]);
    assertEquals(stack.size, 2);
    const others = through.losses[1]!.filter((_, index) => index !== 1);
    assertEquals(await stack.trainEpoch(), others);
    stack.retain([false, true]);
    assertEquals(await stack.trainEpoch(), [through.losses[2]![2]!]);
    await stack.save();
    assertEquals(members[2]!.parameters, through.members[2]!.parameters);
    assertEquals(members[1]!.parameters.slice(), dropped);
  });
});

testLibraries("a member that diverges leaves the others as they are", async (library) => {
  const sizes = [9, 17, 4];
  const dataset = randomDataset(sizes, 40);
  await withEngine({ dataset, library, threads: 2 }, async (engine) => {
    const options = { sizes, batchSize: 16, optimizer: "SGD" } as const;
    const [wild, tame] = [1e30, 0.05].map((learningRate) =>
      makeMember(sizes, { seed: 1, learningRate, optimizer: "SGD" })
    );
    const alone = await train(engine, options, { members: [tame!], epochs: 3 });
    const work = { members: [wild!, tame!, wild!], epochs: 3 };
    const together = await train(engine, options, work);
    assertEquals(together.losses.map((losses) => losses[1]!), alone.losses.flat());
    assertEquals(together.members[1], alone.members[0]!);
    for (const index of [0, 2]) assert(!Number.isFinite(together.losses[2]![index]));
  });
});

Deno.test("chooseTile() fits the sampler into its memory with the fewest products", () => {
  const work = { threads: 2, rows: 50_000, bytes: 1.5e9 };
  assertEquals(chooseTile(work, MLP_1, 18, 49), { models: 18, directions: 25 });
  assertEquals(chooseTile(work, MLP_1, 3, 16), { models: 3, directions: 16 });
  assertEquals(chooseTile({ ...work, bytes: 1 }, MLP_1, 18, 49), { models: 1, directions: 1 });
  for (const models of [1, 18, 108, 1000]) {
    for (const threads of [1, 2, 8]) {
      const tile = chooseTile({ ...work, threads }, MLP_1, models, 49);
      assertLess(4 * 50_000 * 10 * tile.models * tile.directions, 1.5e9);
      assertGreater(tile.models * tile.directions, 0);
    }
  }
});

// --- Progress, abort, errors ---

testLibraries("perturbedLosses() reports progress that rises to the end", async (library) => {
  const dataset = randomDataset(TALL, 1100);
  const models = [1, 2, 3].map((seed) => initialise(TALL, seed));
  const seen: [number, number][] = [];
  await withEngine(
    { dataset, library, threads: 2, samplerBytes: 6e5 },
    (engine) =>
      engine.perturbedLosses(TALL, models, {
        seed: 1,
        directions: [0, 1, 2, 3, 4],
        radius: 1,
        onProgress: (done, total) => void seen.push([done, total]),
      }),
  );
  assertEquals(seen.at(-1), [15, 15]);
  for (const [index, [done, total]] of seen.entries()) {
    assertEquals(total, 15);
    assertGreater(done + 1, seen[index - 1]?.[0] ?? 0);
  }
});

testLibraries(
  "perturbedLosses() aborts between blocks, with the reason; the engine lives on",
  async (library) => {
    // 20 blocks of rows, all in one group of pairs.
    const dataset = randomDataset(TALL, 20 * 512);
    const models = [initialise(TALL, 1)];
    await withEngine({ dataset, library, threads: 2 }, async (engine) => {
      const options = { seed: 1, directions: [0, 1], radius: 1 };
      const expected = await engine.perturbedLosses(TALL, models, options);
      const controller = new AbortController();
      const reason = new Error("enough");
      let blocks = 0;
      const error = await assertRejects(() =>
        engine.perturbedLosses(TALL, models, {
          ...options,
          signal: controller.signal,
          onProgress: () => ++blocks === 3 && controller.abort(reason),
        })
      );
      assertStrictEquals(error, reason);
      assertEquals(await engine.perturbedLosses(TALL, models, options), expected);
      // The blocks in progress may end, one a thread; the others were never begun.
      assertLessOrEqual(blocks, 4);
    });
  },
);

Deno.test("createCpuEngine() takes 1..256 threads", async () => {
  const dataset = randomDataset([5, 3], 4);
  for (const threads of [0, -1, 1.5, NaN, 257, Infinity]) {
    const { message } = await assertRejects(
      () => createCpuEngine({ dataset, threads }),
      RangeError,
    );
    assertEquals(
      message,
      `Cannot start the CPU engine as threads must be an integer in 1..256: current value is ${threads}`,
    );
  }
});

testLibraries("the engine says what ran, and what networks its images take", async (library) => {
  const dataset = randomDataset([5, 3], 30);
  await withEngine({ dataset, library, threads: 2 }, async (engine) => {
    assertEquals(engine.info.name, "cpu");
    assertMatch(engine.info.library, library === "blas" ? /^(?!onnx)/ : /^onnxruntime-node \d/);
    assertEquals([
      engine.concurrency,
      engine.stackSize({ sizes: [5, 3], batchSize: 1, optimizer: "SGD" }),
    ], [
      2,
      1,
    ]);
    for (
      const [sizes, message] of [
        [
          [4, 3],
          "Cannot run a network on these images as its first layer must have 5 inputs: current value is 4",
        ],
        [
          [5, 2],
          "Cannot run a network on these images as its last layer must have 3 outputs or more: " +
          "current value is 2",
        ],
      ] as const
    ) {
      const models = [initialise(sizes, 0)];
      const member = makeMember(sizes, { seed: 0, learningRate: 0.1, optimizer: "SGD" });
      for (
        const ask of [
          () => engine.evaluate(sizes, models, { split: "test", gradient: false }),
          () => engine.perturbedLosses(sizes, models, { seed: 1, directions: [0], radius: 1 }),
          () => engine.createStack({ sizes, batchSize: 1, optimizer: "SGD" }, [member]),
        ]
      ) {
        assertEquals(
          (await assertRejects(ask as () => Promise<unknown>, RangeError)).message,
          message,
        );
      }
    }
    // A class more than there are labels is a network like any other.
    const more = [5, 4];
    assertEquals(
      (await engine.evaluate(more, [initialise(more, 0)], { split: "train", gradient: false }))
        .length,
      1,
    );
  });
});

Deno.test("the last bias is never moved: its gradient is 0", async () => {
  const sizes = [9, 17, 4];
  const dataset = randomDataset(sizes, 600);
  const { bias } = layoutLayers(sizes).at(-1)!;
  const engine = await createCpuEngine({ dataset, threads: 1 });
  for (const optimizer of OPTIMIZERS) {
    for (const batchSize of [64, 600]) {
      const member = makeMember(sizes, { seed: 1, learningRate: 0.1, optimizer });
      const { members } = await train(engine, { sizes, batchSize, optimizer }, {
        members: [member],
        epochs: 2,
      });
      assertEquals(members[0]!.parameters.slice(bias), member.parameters.slice(bias));
    }
  }
  await engine.close();
});
