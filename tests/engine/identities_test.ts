/**
 * What must hold for every network of the study: the protocol's identities.
 *
 * @module
 */
import {
  initialise,
  type LayerSizes,
  layoutLayers,
  NORMALISATION_EPSILON,
} from "~/lib/model/layout.ts";
import { permutation } from "~/lib/random.ts";
import { assertAlmostEquals, assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import { testCpu } from "~/tests/fixtures/engine_cpu_fixture.ts";
import { dot } from "~/tests/fixtures/function_engine.ts";
import { type ReferenceData, referencePass } from "~/tests/fixtures/reference_network.ts";
import { floatTolerance } from "~/tests/fixtures/reference_training.ts";
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

const SIZES = [9, 17, 8, 4];
const ROWS = 600; // two blocks
const dataset = randomDataset(SIZES, ROWS);
const data = referenceSplit(dataset.train);
const LAYERS = layoutLayers(SIZES);
const LAST = LAYERS.at(-1)!;
const TRAIN = { split: "train", gradient: "norm" } as const;

/** The pass in float64 at weights that `round` reads. */
const noisy = (sizes: LayerSizes, w: ArrayLike<number>, rows: ReferenceData) =>
(
  round: (w: number) => number,
): ReturnType<typeof referencePass> => referencePass(sizes, Float64Array.from(w, round), rows);

/** What float32 may make of a gradient, and of weights of size 1 that a step changes. */
function gradientTolerance(sizes: LayerSizes, w: ArrayLike<number>, rows: ReferenceData): number {
  const at = noisy(sizes, w, rows);
  return 2 ** -24 + floatTolerance((round) => at(round).gradient);
}

// --- The loss ---

/** ln(1 + 9 e^(-10/3)): logits of 3 for the label and -1/3 for the others have mean 0, variance 1. */
const FLOOR = Math.log(1 + 9 * Math.exp(-10 / 3));
/** Pixels that are white at the label: a layer of c times the identity separates them perfectly. */
const labels = Array.from({ length: 50 }, (_, row) => row % 10);
const white = labels.flatMap((label) =>
  Array.from({ length: 10 }, (_, i) => i === label ? 255 : 0)
);
const separable = makeDataset(makeSplit(white, labels));

testCpu("the loss of 10 balanced classes is 0.278439 at best", separable, async (engine) => {
  assertAlmostEquals(FLOOR, 0.278439, 5e-7);
  const scales = [0.1, 1, 100];
  const models = scales.map((c) =>
    share(Array.from({ length: 110 }, (_, i) => i < 100 && i % 11 === 0 ? c : 0))
  );
  const found = await engine.evaluate([10, 10], models, { split: "train" });
  for (const [index, { loss, accuracy }] of found.entries()) {
    assertEquals(accuracy, 1);
    // Epsilon shrinks the logits by eps / (2 variance), variance 0.09 c^2, and only raises the loss:
    // d loss / d scale = -(10/3) (1 - p), p = 1/(1 + 9 e^(-10/3)).
    const shrink = NORMALISATION_EPSILON / (2 * 0.09 * scales[index]! ** 2);
    const slope = 10 / 3 * (1 - Math.exp(-FLOOR));
    assertLessOrEqual(FLOOR - 1e-12, loss);
    assertAlmostEquals(loss, FLOOR + slope * shrink, slope * shrink * 0.01 + 1e-9);
  }
  // Training to the end comes near it and not below.
  const member = makeMember([10, 10], { seed: 1, learningRate: 1, optimizer: "SGD" });
  const options = { sizes: [10, 10], batchSize: 50, optimizer: "SGD" } as const;
  const { losses } = await train(engine, options, { members: [member], epochs: 300 });
  assertLess(losses.at(-1)![0]!, FLOOR + 0.01);
  for (const [loss] of losses) assertLessOrEqual(FLOOR, loss!);
});

testCpu("the last biases and the lengths of last rows do not matter", dataset, async (engine) => {
  const { weight, bias, inputs, outputs } = LAST;
  // Rows so long that epsilon hardly matters beside the logits' variance.
  const model = initialise(SIZES, 2);
  for (let i = weight; i < bias; i++) model[i]! *= 100;
  const moved = share(model);
  for (let c = 0; c < outputs; c++) moved[bias + c]! += 10 * c - 5;
  const scaled = share(model);
  const factors = [3, 0.5, 10, 1];
  for (let i = 0; i < outputs * inputs; i++) {
    scaled[weight + i]! *= factors[Math.floor(i / inputs)]!;
  }
  const [plain, shifted, longer] = await engine.evaluate(SIZES, [model, moved, scaled], TRAIN);
  // Biases are left out: not one bit changes.
  assertEquals(shifted, plain);
  // Lengths matter through epsilon only: a logit's z changes by the factor eps/(2 variance) at
  // most 1/0.5^2 - 1 = 3 times, its loss by no more than 2 |z|, |z| < 5 here.
  const exact = noisy(SIZES, model, data);
  const variance = 1 / Math.max(...exact((w) => w).statistics.inverses) ** 2;
  const bound = 2 * 5 * 3 * NORMALISATION_EPSILON / (2 * variance);
  assertLess(bound, 1e-3);
  assertAlmostEquals(longer!.loss, plain!.loss, bound);
  // And that is all: float64 changes by the same amount.
  const change = referencePass(SIZES, scaled, data).loss - exact((w) => w).loss;
  const tolerance = 2 * floatTolerance((round) => [exact(round).loss]);
  assertAlmostEquals(longer!.loss - plain!.loss, change, tolerance);
});

testCpu("permuting hidden units changes a loss by rounding only", dataset, async (engine) => {
  const model = initialise(SIZES, 5);
  const [first, second] = LAYERS;
  const permuted = share(model);
  for (const [to, from] of permutation(first!.outputs, 1, 0).entries()) {
    const { inputs, weight, bias } = first!;
    const row = (unit: number): number => weight + unit * inputs;
    permuted.set(model.subarray(row(from), row(from + 1)), row(to));
    permuted[bias + to] = model[bias + from]!;
    for (let o = 0; o < second!.outputs; o++) {
      const next = second!.weight + o * second!.inputs;
      permuted[next + to] = model[next + from]!;
    }
  }
  const [one, other] = await engine.evaluate(SIZES, [model, permuted], TRAIN);
  const at = noisy(SIZES, model, data);
  assertAlmostEquals(other!.loss, one!.loss, floatTolerance((round) => [at(round).loss]));
  const norms = floatTolerance((round) => [Math.hypot(...at(round).gradient)]);
  assertAlmostEquals(other!.gradientNorm, one!.gradientNorm, norms);
});

// --- The gradient ---

testCpu("last rows are orthogonal to their gradients", dataset, async (engine) => {
  const model = initialise(SIZES, 3);
  const [found] = await engine.evaluate(SIZES, [model], WHOLE);
  const { gradient } = found!;
  const { weight, bias, inputs, outputs } = LAST;
  assertEquals([...gradient.subarray(bias)], Array(outputs).fill(0));
  const tolerance = gradientTolerance(SIZES, model, data);
  const { statistics, outputs: all } = referencePass(SIZES, model, data);
  for (let c = 0; c < outputs; c++) {
    const row = [weight + c * inputs, weight + (c + 1) * inputs] as const;
    const [w, g] = [model.subarray(...row), gradient.subarray(...row)];
    // What epsilon leaves: with e = (softmax(z) - one-hot) / N, sum(z^2) is short of N by the
    // fraction eps inverse^2, and so <w, g> is that fraction of sum(e z).
    const fraction = NORMALISATION_EPSILON * statistics.inverses[c]! ** 2;
    let projection = 0;
    for (const [n, logits] of all.at(-1)!.entries()) {
      const p = Math.exp(logits[c]!) / logits.reduce((sum, value) => sum + Math.exp(value), 0);
      projection += (p - Number(data.labels[n] === c)) / ROWS * logits[c]!;
    }
    const rounding = Math.sqrt(inputs) * Math.hypot(...w) * tolerance;
    // Far below what two vectors of these lengths would give at random.
    assertLess(rounding, 0.002 * Math.hypot(...w) * Math.hypot(...g));
    assertAlmostEquals(dot(w, g), fraction * projection, rounding);
  }
});

testCpu("<w_in, g_in> + b g_b = <w_out, g_out> of every hidden unit", dataset, async (engine) => {
  const model = initialise(SIZES, 3);
  const [found] = await engine.evaluate(SIZES, [model], WHOLE);
  const { gradient } = found!;
  const tolerance = gradientTolerance(SIZES, model, data);
  let largest = 0;
  for (const [index, { weight, bias, inputs, outputs }] of LAYERS.slice(0, -1).entries()) {
    const next = LAYERS[index + 1]!;
    for (let unit = 0; unit < outputs; unit++) {
      const incoming = Array.from({ length: inputs }, (_, i) => weight + unit * inputs + i);
      const outgoing = Array.from(
        { length: next.outputs },
        (_, o) => next.weight + o * next.inputs + unit,
      );
      const products = (places: number[]): number =>
        places.reduce((sum, at) => sum + model[at]! * gradient[at]!, 0);
      const size = [...incoming, ...outgoing].reduce((sum, at) => sum + Math.abs(model[at]!), 1);
      const into = products([...incoming, bias + unit]);
      assertAlmostEquals(into, products(outgoing), size * tolerance);
      largest = Math.max(largest, Math.abs(into) / (size * tolerance));
    }
  }
  // The two sides are not 0 = 0: they stand out of the tolerance a hundredfold.
  assertLess(100, largest);
});

testCpu("AdaGrad's first step is lr sqrt(non-zero gradients) long", dataset, async (engine) => {
  const learningRate = 0.01;
  const start = makeMember(SIZES, { seed: 3, learningRate, optimizer: "AdaGrad" });
  const options = { sizes: SIZES, batchSize: ROWS, optimizer: "AdaGrad" } as const;
  const { members } = await train(engine, options, { members: [start], epochs: 1 });
  const { parameters, state } = members[0]!;
  const nonZero = state.filter((value) => value > 0);
  // All but the last biases and what belongs to units that are off on every row; a gradient that
  // is 0 but for rounding counts where rounding leaves something.
  for (const [i, g] of referencePass(SIZES, start.parameters, data).gradient.entries()) {
    if (Math.abs(g) > 1e-6) assertLess(0, state[i]!);
    else assertLess(state[i]!, 1e-12);
  }
  assertLess(300, nonZero.length);
  const step = Math.hypot(...parameters.map((after, i) => after - start.parameters[i]!));
  // |g| / (|g| + 1e-10) for the smallest |g|, and weights below 1 kept to 2^-24.
  const share = 1e-10 / Math.sqrt(Math.min(...nonZero));
  const length = Math.sqrt(nonZero.length);
  assertLess(share, 1e-2);
  assertAlmostEquals(step, learningRate * length, length * (learningRate * share + 2 ** -24));
});

testCpu("the loss falls by lr |g|^2 along the engine's own gradient", dataset, async (engine) => {
  // No reference: the engine's losses before and after its own small step.
  const learningRate = 1e-3;
  const member = makeMember(SIZES, { seed: 3, learningRate, optimizer: "SGD" });
  const options = { sizes: SIZES, batchSize: ROWS, optimizer: "SGD" } as const;
  const { members } = await train(engine, options, { members: [member], epochs: 1 });
  const [before] = await engine.evaluate(SIZES, [member.parameters], TRAIN);
  const [after] = await engine.evaluate(SIZES, [members[0]!.parameters], TRAIN);
  const expected = learningRate * before!.gradientNorm ** 2;
  // lr^2/2 g'Hg with H below 20 is 1 % of it; losses are good to 1e-7 / sqrt(rows).
  assertLess(1e-5, expected);
  assertAlmostEquals(before!.loss - after!.loss, expected, 0.02 * expected + 1e-8);
});

// --- Sharpness ---

const FLAT = [9, 4];
const flatSet = randomDataset(FLAT, 300);

testCpu("the mean rise over +-u quarters when a small r halves", flatSet, async (engine) => {
  // One layer, no ReLU: the loss is smooth and the rise r^2 u'Hu / 2 + O(r^4). At a minimum, where
  // u'Hu is positive.
  const start = makeMember(FLAT, { seed: 4, learningRate: 1, optimizer: "SGD" });
  const options = { sizes: FLAT, batchSize: 300, optimizer: "SGD" } as const;
  const { members } = await train(engine, options, { members: [start], epochs: 300 });
  const model = members[0]!.parameters;
  const radii = [0.2, 0.1, 0.05];
  const rays = Array.from({ length: 8 }, (_, direction) => (
    { direction, scaling: "global", steps: radii.flatMap((radius) => [radius, -radius]) } as const
  ));
  const [found] = await engine.perturbedLosses(FLAT, [model], { seed: 2, rays });
  const [full, half, quarter] = radii.map((_, index) => {
    const rises = found!.losses.flatMap((losses) =>
      losses.slice(2 * index, 2 * index + 2).map((loss) => loss - found!.loss)
    );
    return rises.reduce((sum, rise) => sum + rise, 0) / rises.length;
  }) as [number, number, number];
  // Each loss is off by its weights' rounding.
  const at = noisy(FLAT, model, referenceSplit(flatSet.train));
  const rounding = 2 * floatTolerance((round) => [at(round).loss]);
  assertLess(20 * rounding, quarter);
  // With rise = a r^2 + b r^4, 4 rise(r/2) - rise(r) = -3/4 b r^4, a sixteenth at half the r.
  const [coarse, fine] = [4 * half - full, 4 * quarter - half];
  assertLess(Math.abs(coarse), 0.1 * full);
  assertAlmostEquals(fine, coarse / 16, 0.1 * Math.abs(coarse) + 10 * rounding);
});
