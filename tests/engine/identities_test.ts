/**
 * What must hold for every network of the study: PROTOCOL's identities, and finite differences.
 *
 * @module
 */
import type { Dataset } from "~/lib/dataset.ts";
import type { GemmLibraryName } from "~/lib/engine/cpu/gemm/gemm_library.ts";
import {
  initialise,
  type LayerSizes,
  layoutLayers,
  NORMALISATION_EPSILON,
} from "~/lib/model/layout.ts";
import { openStream } from "~/lib/random.ts";
import {
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertLessOrEqual,
} from "@std/assert";
import { testLibraries, withEngine } from "~/tests/fixtures/engine_cpu_fixture.ts";
import {
  type ReferenceData,
  referencePass,
  referenceRows,
} from "~/tests/fixtures/reference_network.ts";
import { floatTolerance, furthest } from "~/tests/fixtures/reference_training.ts";
import {
  makeDataset,
  makeMember,
  makeSplit,
  randomDataset,
  referenceSplit,
  share,
  train,
} from "~/tests/fixtures/tiny_dataset.ts";

const SIZES = [9, 17, 8, 4];
const ROWS = 600; // two blocks
const dataset = randomDataset(SIZES, ROWS);
const data = referenceSplit(dataset.train);

/** The engine's gradient on the whole training split. */
async function gradientOf(
  library: GemmLibraryName,
  sizes: LayerSizes,
  { parameters, dataset }: { parameters: ArrayLike<number>; dataset: Dataset },
): Promise<Float64Array> {
  const [found] = await withEngine(
    { dataset, library },
    (engine) => engine.gradients(sizes, [share(parameters)]),
  );
  return Float64Array.from(found!.gradient);
}

/** What float32 may make of a gradient, and of weights of size 1 that a step changes. */
function gradientTolerance(
  sizes: LayerSizes,
  parameters: ArrayLike<number>,
  data: ReferenceData,
): number {
  return 2 ** -24 +
    floatTolerance((round) =>
      referencePass(sizes, Float64Array.from(parameters, round), data).gradient
    );
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);
}

// --- The loss ---

/** ln(1 + 9 e^(-10/3)): logits of 3 for the label and -1/3 for the others have mean 0, variance 1. */
const FLOOR = Math.log(1 + 9 * Math.exp(-10 / 3));

testLibraries(
  "evaluate(): the loss of 10 balanced classes is 0.278439 at best",
  async (library) => {
    assertAlmostEquals(FLOOR, 0.278439, 5e-7);
    // Pixels that are white at the label: a layer of c times the identity separates them perfectly.
    const labels = Array.from({ length: 50 }, (_, row) => row % 10);
    const pixels = labels.flatMap((label) =>
      Array.from({ length: 10 }, (_, i) => i === label ? 255 : 0)
    );
    const split = makeSplit(pixels, labels);
    const identity = (c: number): ReturnType<typeof share> =>
      share(Array.from({ length: 110 }, (_, i) => i < 100 && i % 11 === 0 ? c : 0));
    await withEngine({ dataset: makeDataset(split), library }, async (engine) => {
      const scales = [0.1, 1, 100];
      const found = await engine.evaluate([10, 10], scales.map(identity), {
        split: "train",
        gradient: false,
      });
      for (const [index, { loss, accuracy }] of found.entries()) {
        assertEquals(accuracy, 1);
        // Epsilon shrinks the logits by eps / (2 variance), variance 0.09 c^2, and only raises the loss:
        // d loss / d scale = -(10/3) (1 - p), p = 1/(1 + 9 e^(-10/3)).
        const shrink = NORMALISATION_EPSILON / (2 * 0.09 * scales[index]! ** 2);
        const slope = 10 / 3 * (1 - Math.exp(-FLOOR));
        assertGreaterOrEqual(loss, FLOOR - 1e-12);
        assertAlmostEquals(loss, FLOOR + slope * shrink, slope * shrink * 0.01 + 1e-9);
      }
      // Training to the end comes near it and not below.
      const member = {
        learningRate: 1,
        parameters: initialise([10, 10], 1),
        state: share([]),
        epochs: 0,
      };
      const options = { sizes: [10, 10], batchSize: 50, optimizer: "SGD" } as const;
      const { losses } = await train(engine, options, { members: [member], epochs: 300 });
      assertLess(losses.at(-1)![0]!, FLOOR + 0.01);
      for (const [loss] of losses) assertGreaterOrEqual(loss!, FLOOR);
    });
  },
);

testLibraries(
  "evaluate(): the last biases and the rows' lengths of the last layer do not matter",
  async (library) => {
    const { weight, bias, inputs, outputs } = layoutLayers(SIZES).at(-1)!;
    // Rows so long that epsilon hardly matters beside the logits' variance.
    const model = initialise(SIZES, 2);
    for (let i = 0; i < outputs * inputs; i++) model[weight + i]! *= 100;
    const moved = share(model);
    for (let c = 0; c < outputs; c++) moved[bias + c]! += 10 * c - 5;
    const scaled = share(model);
    const factors = [3, 0.5, 10, 1];
    for (let i = 0; i < outputs * inputs; i++) {
      scaled[weight + i]! *= factors[Math.floor(i / inputs)]!;
    }
    await withEngine({ dataset, library }, async (engine) => {
      const options = { split: "train", gradient: false } as const;
      const [plain, shifted, longer] = await engine.evaluate(
        SIZES,
        [model, moved, scaled],
        options,
      );
      // Biases are left out: not one bit changes.
      assertEquals(shifted, plain);
      // Lengths matter through epsilon only: a logit's z changes by the factor eps/(2 variance) at
      // most 1/0.5^2 - 1 = 3 times, its loss by no more than 2 |z|, |z| < 5 here.
      const variance = Math.min(...varianceOfLogits(model));
      const bound = 2 * 5 * 3 * NORMALISATION_EPSILON / (2 * variance);
      assertLess(bound, 1e-3);
      assertAlmostEquals(longer!.loss, plain!.loss, bound);
      // And that is all: float64 changes by the same amount.
      const exact = (parameters: ArrayLike<number>): number =>
        referencePass(SIZES, parameters, data).loss;
      const tolerance = floatTolerance((round) => [exact(Float64Array.from(model, round))]);
      assertAlmostEquals(longer!.loss - plain!.loss, exact(scaled) - exact(model), 2 * tolerance);
    });
  },
);

/** Variance of each class's raw logits. */
function varianceOfLogits(parameters: ArrayLike<number>): number[] {
  const { weight, inputs, outputs } = layoutLayers(SIZES).at(-1)!;
  const hidden = referencePass(SIZES, parameters, data).outputs.at(-2)!;
  return Array.from({ length: outputs }, (_, c) => {
    const logits = hidden.map((row) =>
      dot(row, Array.from({ length: inputs }, (_, i) => parameters[weight + c * inputs + i]!))
    );
    const mean = logits.reduce((a, b) => a + b) / ROWS;
    return logits.reduce((sum, value) => sum + (value - mean) ** 2, 0) / ROWS;
  });
}

// --- The gradient ---

testLibraries(
  "the gradient of the last biases is 0, of each last row orthogonal to it",
  async (library) => {
    const model = initialise(SIZES, 3);
    const gradient = await gradientOf(library, SIZES, { parameters: model, dataset });
    const { weight, bias, inputs, outputs } = layoutLayers(SIZES).at(-1)!;
    assertEquals([...gradient.subarray(bias)], Array(outputs).fill(0));
    const tolerance = gradientTolerance(SIZES, model, data);
    const variances = varianceOfLogits(model);
    const z = referencePass(SIZES, model, data).outputs.at(-1)!;
    for (let c = 0; c < outputs; c++) {
      const row = [weight + c * inputs, weight + (c + 1) * inputs] as const;
      const [w, g] = [model.subarray(...row), gradient.subarray(...row)];
      // What epsilon leaves: with e = (softmax(z) - one-hot) / N, sum(z^2) is short of N by the
      // fraction eps / (variance + eps), and so <w, g> is that fraction of sum(e z).
      const fraction = NORMALISATION_EPSILON / (variances[c]! + NORMALISATION_EPSILON);
      let projection = 0;
      for (const [n, logits] of z.entries()) {
        const p = Math.exp(logits[c]!) / logits.reduce((sum, value) => sum + Math.exp(value), 0);
        projection += (p - Number(data.labels[n] === c)) / ROWS * logits[c]!;
      }
      const rounding = Math.sqrt(inputs) * Math.hypot(...w) * tolerance;
      // Far below what two vectors of these lengths would give at random.
      assertLess(rounding, 0.002 * Math.hypot(...w) * Math.hypot(...g));
      assertAlmostEquals(dot(w, g), fraction * projection, rounding);
    }
  },
);

testLibraries("<w_in, g_in> + b g_b = <w_out, g_out> for every hidden unit", async (library) => {
  const model = initialise(SIZES, 3);
  const gradient = await gradientOf(library, SIZES, { parameters: model, dataset });
  const tolerance = gradientTolerance(SIZES, model, data);
  const layers = layoutLayers(SIZES);
  let largest = 0;
  for (const [index, { weight, bias, inputs, outputs }] of layers.slice(0, -1).entries()) {
    const next = layers[index + 1]!;
    for (let unit = 0; unit < outputs; unit++) {
      let [incoming, outgoing, size] = [model[bias + unit]! * gradient[bias + unit]!, 0, 0];
      for (let i = 0; i < inputs; i++) {
        const at = weight + unit * inputs + i;
        incoming += model[at]! * gradient[at]!;
        size += Math.abs(model[at]!);
      }
      for (let o = 0; o < next.outputs; o++) {
        const at = next.weight + o * next.inputs + unit;
        outgoing += model[at]! * gradient[at]!;
        size += Math.abs(model[at]!);
      }
      assertAlmostEquals(incoming, outgoing, (size + 1) * tolerance);
      largest = Math.max(largest, Math.abs(outgoing) / ((size + 1) * tolerance));
    }
  }
  // The two sides are not 0 = 0: they stand out of the tolerance a hundredfold.
  assertGreater(largest, 100);
});

testLibraries(
  "AdaGrad's first step is learningRate sqrt(non-zero gradients) long",
  async (library) => {
    const learningRate = 0.01;
    const start = makeMember(SIZES, { seed: 3, learningRate, optimizer: "AdaGrad" });
    await withEngine({ dataset, library }, async (engine) => {
      const options = { sizes: SIZES, batchSize: ROWS, optimizer: "AdaGrad" } as const;
      const { members } = await train(engine, options, { members: [start], epochs: 1 });
      const { parameters, state } = members[0]!;
      const nonZero = state.filter((value) => value > 0).length;
      // All but the last biases and what belongs to units that are off on every row; a gradient that
      // is 0 but for rounding counts where rounding leaves something.
      for (const [i, g] of referencePass(SIZES, start.parameters, data).gradient.entries()) {
        if (Math.abs(g) > 1e-6) assertGreater(state[i]!, 0);
        else assertLess(state[i]!, 1e-12);
      }
      assertGreater(nonZero, 300);
      const step = Math.hypot(...parameters.map((after, i) => after - start.parameters[i]!));
      // |g| / (|g| + 1e-10) for the smallest |g|, and weights below 1 kept to 2^-24.
      const smallest = Math.sqrt(Math.min(...state.filter((value) => value > 0)));
      const expected = learningRate * Math.sqrt(nonZero);
      assertLess(1e-10 / smallest, 1e-2);
      assertAlmostEquals(
        step,
        expected,
        expected * 1e-10 / smallest + Math.sqrt(nonZero) * 2 ** -24,
      );
    });
  },
);

/**
 * Central differences of the float64 loss, (L(w + h) - L(w - h)) / 2h with h = 1e-6.
 *
 * Truncation is h^2/6 L''' < 1e-9 for L''' < 1e3, rounding 1e-16 L / h = 1e-10; rows within h of a
 * ReLU's kink add less than h times a gradient.
 */
function finiteDifferences(
  sizes: LayerSizes,
  at: ArrayLike<number>,
  data: ReferenceData,
): Float64Array {
  const h = 1e-6;
  const w = Float64Array.from(at);
  return w.map((value, i) => {
    const loss = (x: number): number => {
      w[i] = x;
      return referencePass(sizes, w, data).loss;
    };
    const difference = (loss(value + h) - loss(value - h)) / (2 * h);
    w[i] = value;
    return difference;
  });
}
const DIFFERENCES = 1e-6;

testLibraries(
  "the gradient is that of finite differences, one block of rows or three",
  async (library) => {
    for (const [sizes, rows] of [[[3, 4, 3], 1100], [[3, 4, 3, 3], 200], [[4, 3], 30]] as const) {
      const dataset = randomDataset(sizes, rows, 5);
      const data = referenceSplit(dataset.train);
      const model = initialise(sizes, 6);
      const expected = finiteDifferences(sizes, model, data);
      const gradient = await gradientOf(library, sizes, { parameters: model, dataset });
      const tolerance = gradientTolerance(sizes, model, data) + DIFFERENCES;
      assertLess(tolerance, 0.01 * Math.max(...expected.map(Math.abs)));
      assertLessOrEqual(furthest(gradient, expected), tolerance);
    }
  },
);

testLibraries(
  "an epoch's steps are the batches' finite differences, the last batch partial",
  async (library) => {
    const sizes = [3, 4, 3];
    const dataset = randomDataset(sizes, 1100, 5);
    const data = referenceSplit(dataset.train);
    const learningRate = 0.5;
    // 600 + 500 rows: two blocks, then one; 300 rows: one block each, the last of 200.
    for (const batchSize of [600, 300]) {
      const start = makeMember(sizes, { seed: 6, learningRate, optimizer: "SGD" });
      const w = Float64Array.from(start.parameters);
      let tolerance = 0;
      for (let first = 0; first < 1100; first += batchSize) {
        const rows = referenceRows(data, first, Math.min(1100, first + batchSize));
        // An error in w of one step is an error in the next gradient: twice is room for that.
        tolerance += 2 * learningRate * (gradientTolerance(sizes, w, rows) + DIFFERENCES);
        const gradient = finiteDifferences(sizes, w, rows);
        for (let i = 0; i < w.length; i++) w[i]! -= learningRate * gradient[i]!;
      }
      await withEngine({ dataset, library }, async (engine) => {
        const options = { sizes, batchSize, optimizer: "SGD" } as const;
        const { members } = await train(engine, options, { members: [start], epochs: 1 });
        assertLess(tolerance, 0.01 * furthest(w, start.parameters));
        assertLessOrEqual(furthest(members[0]!.parameters, w), tolerance);
      });
    }
  },
);

testLibraries("the loss falls by lr |g|^2 along the engine's own gradient", async (library) => {
  // No reference: the engine's losses before and after its own small step.
  const model = initialise(SIZES, 3);
  const lr = 1e-3;
  await withEngine({ dataset, library }, async (engine) => {
    const options = { split: "train", gradient: true } as const;
    const member = { learningRate: lr, parameters: model, state: share([]), epochs: 0 };
    const { members } = await train(engine, { sizes: SIZES, batchSize: ROWS, optimizer: "SGD" }, {
      members: [member],
      epochs: 1,
    });
    const [before] = await engine.evaluate(SIZES, [model], options);
    const [after] = await engine.evaluate(SIZES, [members[0]!.parameters], options);
    const expected = lr * before!.gradientNorm ** 2;
    // lr^2/2 g'Hg with H below 20 is 1 % of it; losses are good to 1e-7 / sqrt(rows).
    assertGreater(expected, 1e-5);
    assertAlmostEquals(before!.loss - after!.loss, expected, 0.02 * expected + 1e-8);
  });
});

// --- Sharpness ---

testLibraries("the mean rise over +-u quarters when a small r halves", async (library) => {
  // One layer, no ReLU: the loss is smooth and the rise r^2 u'Hu / 2 + O(r^4).
  const sizes = [9, 4];
  const dataset = randomDataset(sizes, 300);
  const data = referenceSplit(dataset.train);
  await withEngine({ dataset, library }, async (engine) => {
    // At a minimum, where u'Hu is positive.
    const start = {
      learningRate: 1,
      parameters: initialise(sizes, 4),
      state: share([]),
      epochs: 0,
    };
    const options = { sizes, batchSize: 300, optimizer: "SGD" } as const;
    const { members } = await train(engine, options, { members: [start], epochs: 300 });
    const model = members[0]!.parameters;
    const radii = [0.2, 0.1, 0.05];
    const rays = [0, 1, 2, 3, 4, 5, 6, 7].map((direction) => ({
      direction,
      scaling: "global" as const,
      steps: radii.flatMap((radius) => [radius, -radius]),
    }));
    const [found] = await engine.perturbedLosses(sizes, [model], { seed: 2, rays });
    const [full, half, quarter] = radii.map((_, index) => {
      const rises = found!.losses.flatMap((losses) =>
        losses.slice(2 * index, 2 * index + 2).map((loss) => loss - found!.loss)
      );
      return rises.reduce((sum, rise) => sum + rise, 0) / rises.length;
    }) as [number, number, number];
    // Each loss is off by its weights' rounding.
    const rounding = 2 * floatTolerance((round) => [
      referencePass(sizes, Float64Array.from(model, round), data).loss,
    ]);
    assertGreater(quarter, 20 * rounding);
    // With rise = a r^2 + b r^4, 4 rise(r/2) - rise(r) = -3/4 b r^4, a sixteenth at half the r.
    const [coarse, fine] = [4 * half - full, 4 * quarter - half];
    assertLess(Math.abs(coarse), 0.1 * full);
    assertAlmostEquals(half, full / 4, 0.1 * full / 4);
    assertAlmostEquals(fine, coarse / 16, 0.1 * Math.abs(coarse) + 10 * rounding);
  });
});

testLibraries("a step of 0 is exactly L(w), whatever else is asked for", async (library) => {
  for (const sizes of [SIZES, [9, 4]]) {
    for (const samplerBytes of [1e9, 1]) {
      await withEngine({ dataset, library, threads: 2, samplerBytes }, async (engine) => {
        const models = [1, 2].map((seed) => initialise(sizes, seed));
        const rays = (["global", "tensor", "filter"] as const).map((scaling, direction) => ({
          direction,
          scaling,
          steps: [0, 1],
        }));
        const found = await engine.perturbedLosses(sizes, models, { seed: 4, rays, frozen: true });
        for (const { loss, losses, frozen } of found) {
          for (const [still, moved] of [...losses, ...frozen]) {
            assertEquals(still, loss);
            assertGreater(Math.abs(moved! - loss), 0);
          }
        }
      });
    }
  }
});

testLibraries("permuting hidden units changes a loss by rounding only", async (library) => {
  const model = initialise(SIZES, 5);
  const [first, second] = layoutLayers(SIZES);
  const order = Array.from({ length: first!.outputs }, (_, i) => i);
  const stream = openStream(1, 0);
  order.sort(() => (stream.next() & 1) - 0.5);
  const permuted = share(model);
  for (const [to, from] of order.entries()) {
    const { inputs, weight, bias } = first!;
    permuted.set(
      model.subarray(weight + from * inputs, weight + (from + 1) * inputs),
      weight + to * inputs,
    );
    permuted[bias + to] = model[bias + from]!;
    for (let o = 0; o < second!.outputs; o++) {
      const row = second!.weight + o * second!.inputs;
      permuted[row + to] = model[row + from]!;
    }
  }
  await withEngine({ dataset, library }, async (engine) => {
    const options = { split: "train", gradient: true } as const;
    const [one, other] = await engine.evaluate(SIZES, [model, permuted], options);
    const noisy = (round: (w: number) => number): ReturnType<typeof referencePass> =>
      referencePass(SIZES, Float64Array.from(model, round), data);
    assertAlmostEquals(other!.loss, one!.loss, floatTolerance((round) => [noisy(round).loss]));
    assertAlmostEquals(
      other!.gradientNorm,
      one!.gradientNorm,
      floatTolerance((round) => [Math.hypot(...noisy(round).gradient)]),
    );
  });
});
