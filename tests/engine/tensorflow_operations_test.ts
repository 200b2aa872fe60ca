/**
 * The stack's matrix products, losses and element-wise operations against float64, on TensorFlow.js's
 * CPU backend and as WebGPU kernels.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { ImageRows, Operations } from "~/lib/engine/tensorflow/operations.ts";
import { OPTIMIZER_NAMES, parseOptimizer } from "~/lib/optimizer.ts";
import { openStream } from "~/lib/random.ts";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  assertSums,
  dot,
  type Expected,
  randomStack,
  testOperations,
  UNIT,
} from "~/tests/fixtures/operations_fixture.ts";

type At = readonly [network: number, row: number, column: number];

// --- Products ---

/** Images of which a batch starts at row 3, and the value of the batch's pixels. */
function randomImages(
  operations: Operations,
  rows: number,
  width: number,
): { input: ImageRows; at: (row: number, column: number) => number } {
  const start = 3;
  const generator = openStream(9, 0);
  const pixels = Uint8Array.from({ length: (rows + start + 1) * width }, () => generator.next());
  return {
    input: { images: operations.uploadImages(pixels, width), start, count: rows, width },
    at: (row, column) => pixels[(row + start) * width + column]! / 255,
  };
}

/** What is added to is part of a sum. */
const plus = (old: number, { value, size }: Expected): Expected => ({
  value: old + value,
  size: size + Math.abs(old),
});

/**
 * E, B, in, out: every kind of access with rows and columns left over in every tile, which depends
 * on the size of the result: 32 x 32 (twice), 32 x 128 (forwards, then of gradients), 64 x 64,
 * 128 x 128. The CPU backend has no tiles.
 */
const SHAPES = [
  [3, 7, 5, 6],
  [2, 40, 12, 8],
  [132, 9, 68, 68],
  [132, 40, 68, 20],
  [66, 40, 68, 68],
  [66, 66, 133, 132],
] as const;

for (const [place, [E, B, inputs, outputs]] of SHAPES.entries()) {
  testOperations(
    `products and sums of rows, also of bytes as 0..1: E, B, in, out = ${SHAPES[place]}`,
    async (operations) => {
      const weight = randomStack([E, outputs, inputs], 2);
      const bias = randomStack([E, 1, outputs], 3);
      const hidden = randomStack([E, B, inputs], 1);
      const delta = randomStack([E, B, outputs], 4);
      const { input, at } = randomImages(operations, B, inputs);
      const [w, x, d] = [weight.tensor, hidden.tensor, delta.tensor];
      const forward = (e: number, row: number, column: number): Expected =>
        dot(inputs, (k) => hidden.at(e, row, k), (k) => weight.at(e, column, k));
      const ofBias = (e: number, _: number, column: number): Expected =>
        dot(B, (k) => delta.at(e, k, column), () => 1);
      const cases: [tf.Tensor, terms: number, (...at: At) => Expected][] = [
        [operations.linear(x, w, { relu: false }), inputs, forward],
        [operations.linear(x, w, { bias: bias.tensor, relu: true }), inputs, (...at) => {
          const { value, size } = plus(bias.at(at[0], 0, at[2]), forward(...at));
          return { value: Math.max(0, value), size };
        }],
        [
          operations.linear(input, w, { relu: false }),
          inputs,
          (e, row, column) => dot(inputs, (k) => at(row, k), (k) => weight.at(e, column, k)),
        ],
        [
          operations.propagate(d, w, x),
          outputs,
          (e, row, column) =>
            hidden.at(e, row, column) > 0
              ? dot(outputs, (k) => delta.at(e, row, k), (k) => weight.at(e, k, column))
              : { value: 0, size: 0 },
        ],
        [
          operations.weightGradient(d, x),
          B,
          (e, row, column) => dot(B, (k) => delta.at(e, k, row), (k) => hidden.at(e, k, column)),
        ],
        [operations.biasGradient(d), B, ofBias],
      ];
      for (const [found, terms, expected] of cases) {
        await assertSums(operations, found, terms, expected);
      }
      tf.dispose([x, ...cases.map(([found]) => found)]);
      // Gradients that are added to what is there take its place.
      const old = { weight: weight.at, bias: bias.at };
      const sum = operations.weightGradient(d, input, w);
      await assertSums(
        operations,
        sum,
        B,
        (e, row, column) =>
          plus(
            old.weight(e, row, column),
            dot(B, (k) => delta.at(e, k, row), (k) => at(k, column)),
          ),
      );
      const sumBias = operations.biasGradient(d, bias.tensor);
      await assertSums(operations, sumBias, B, (...at) => plus(old.bias(...at), ofBias(...at)));
      tf.dispose([d, input.images, sum, sumBias]);
    },
    place < 2 ? undefined : ["webgpu"],
  );
}

testOperations("linear() gives the same bits alone and in a stack of 140", async (operations) => {
  // A stack of 140 is cut into larger tiles on WebGPU; every sum keeps its order.
  const [B, inputs, outputs] = [70, 37, 132];
  const one = randomStack([1, outputs, inputs], 1);
  const { input } = randomImages(operations, B, inputs);
  const many = tf.tile(one.tensor, [140, 1, 1]);
  const alone = operations.linear(input, one.tensor, { relu: false });
  const stacked = operations.linear(input, many, { relu: false });
  const expected = await operations.read(alone);
  const found = await operations.read(stacked);
  const last = found.subarray(139 * expected.length);
  assert(expected.every((value, i) => Object.is(value, found[i]) && Object.is(value, last[i])));
  tf.dispose([one.tensor, many, input.images, alone, stacked]);
}, ["webgpu"]);

// --- Losses ---

/** Cross-entropy of one network's normalised logits [B][C] in float64. */
function referenceLoss(logits: readonly number[][], labels: readonly number[]): number {
  const B = logits.length;
  const normalised = logits.map((row) => [...row]);
  for (const c of logits[0]!.keys()) {
    const mean = logits.reduce((sum, row) => sum + row[c]!, 0) / B;
    const variance = logits.reduce((sum, row) => sum + (row[c]! - mean) ** 2, 0) / B;
    for (const row of normalised) row[c] = (row[c]! - mean) / Math.sqrt(variance + 1e-5);
  }
  return normalised.reduce((sum, row, n) => {
    const logarithm = Math.log(row.reduce((total, z) => total + Math.exp(z), 0));
    return sum + (logarithm - row[labels[n]!]!) / B;
  }, 0);
}

for (const [E, B, C] of [[3, 5, 3], [2, 300, 10], [1, 1, 4]] as [number, number, number][]) {
  testOperations(
    `logitsDelta() is the finite difference of the loss for E, B, C = ${[E, B, C]}`,
    async (operations) => {
      const logits = randomStack([E, B, C], 5);
      const labels = Uint8Array.from({ length: B + 3 }, (_, n) => (7 * n + 1) % C);
      const own = [...labels.subarray(2, B + 2)];
      const labelTensor = operations.uploadLabels(labels, C);
      const record = operations.openRecord(E, 2, C);
      const scale = tf.tensor3d(Array.from({ length: E }, (_, e) => 1 + e), [E, 1, 1]);
      operations.recordLoss(logits.tensor, { labels: labelTensor, start: 1, record, index: 0 });
      const batch = { labels: labelTensor, start: 2, record, index: 1 };
      const delta = operations.logitsDelta(logits.tensor, batch);
      const scaled = operations.logitsDelta(logits.tensor, batch, scale);
      const { losses, accuracies } = await operations.readRecord(record);
      const values = await operations.read(delta);
      const steps = await operations.read(scaled);
      for (let e = 0; e < E; e++) {
        const rows = Array.from(
          { length: B },
          (_, n) => Array.from({ length: C }, (_, c) => logits.at(e, n, c)),
        );
        // WGSL's exp is good to (3 + 2 |x|) 2^-23 and log to 2^-21; |x| < 10 here: 3e-6 in all.
        assertAlmostEquals(losses[e]![1]!, referenceLoss(rows, own), 1e-5);
        const shifted = [...labels.subarray(1, B + 1)];
        assertAlmostEquals(losses[e]![0]!, referenceLoss(rows, shifted), 1e-5);
        for (const n of new Set([0, B >> 1, B - 1])) {
          for (let c = 0; c < C; c++) {
            const at = (step: number): number =>
              referenceLoss(
                rows.map((row, m) => m === n ? row.with(c, row[c]! + step) : row),
                own,
              );
            // Central differences: the error is step^2 / 6 times a third derivative that the division
            // by the deviation makes large where there are few rows.
            const step = 1e-4;
            const difference = (at(step) - at(-step)) / (2 * step);
            const found = values[(e * B + n) * C + c]!;
            assertAlmostEquals(found, difference, 1e-5 / B + 1e-7);
            assertAlmostEquals(steps[(e * B + n) * C + c]!, -(1 + e) * found, 1e-6 / B);
          }
        }
      }
      assert(accuracies.flat().every((accuracy) => accuracy >= 0 && accuracy <= 1));
      tf.dispose([logits.tensor, labelTensor, scale, delta, scaled, ...record.tensors]);
    },
  );
}

testOperations(
  "recordLoss() counts the first of equal logits as the largest",
  async (operations) => {
    // Rows 1 and 2 share their largest value between two classes.
    const logits = tf.tensor3d([[[3, 1, 1], [0, 2, 2], [0, 1, 1], [5, 0, 0]]]);
    const labels = operations.uploadLabels(Uint8Array.from([0, 1, 2, 1]), 3);
    const record = operations.openRecord(1, 1, 3);
    operations.recordLoss(logits, { labels, start: 0, record, index: 0 });
    assertEquals((await operations.readRecord(record)).accuracies, [[0.5]]);
    tf.dispose([logits, labels, ...record.tensors]);
  },
);

// --- Updates ---

/** Every optimizer as it is, and two with their hyperparameters set. */
const RULES = [...OPTIMIZER_NAMES, "SGD(momentum=0.9,nesterov=true)", "AdaGrad(epsilon=0.1)"];

for (const text of RULES) {
  testOperations(`update() is the definition of ${text}`, async (operations) => {
    const optimizer = parseOptimizer(text);
    // No multiple of four, and one.
    for (const shape of [[3, 4, 5], [2, 3, 3]] as const) {
      const [E, each] = [shape[0], shape[1] * shape[2]];
      const rates = Array.from({ length: E }, (_, e) => 0.1 * (e + 1));
      const learningRate = tf.tensor3d(rates, [E, 1, 1]);
      let { tensor: weight, values } = randomStack(shape, 1);
      let slots: readonly tf.Tensor[] = optimizer.slots.map(() => tf.zeros([...shape]));
      // One network after the other: its parameters and state [slots][each] in float64.
      const networks = rates.map((_, e) => ({
        parameters: Float64Array.from(values.subarray(e * each, (e + 1) * each)),
        state: new Float64Array(optimizer.slots.length * each),
      }));
      for (const t of [1, 2, 3]) {
        const gradient = randomStack(shape, 1 + t);
        // A dead unit's gradient is 0, always: its state stays 0 and so does its step.
        gradient.values[1] = 0;
        gradient.tensor.dispose();
        const tensor = tf.tensor3d(gradient.values.slice(), [...shape]);
        const parameter = { weight, gradient: tensor, slots, learningRate, t: rates.map(() => t) };
        ({ weight, slots } = operations.update(optimizer, parameter));
        for (const [e, rate] of rates.entries()) {
          const own = Float64Array.from(gradient.values.subarray(e * each, (e + 1) * each));
          optimizer.step({ ...networks[e]!, gradient: own }, { learningRate: rate, t });
        }
      }
      assertEquals(slots.length, optimizer.slots.length);
      // Ten roundings an update of numbers up to 5; WGSL's division and root are good to 2.5 units.
      for (const [index, tensor] of [weight, ...slots].entries()) {
        const expected = networks.flatMap(({ parameters, state }) =>
          index === 0 ? [...parameters] : [...state.subarray((index - 1) * each, index * each)]
        );
        for (const [i, value] of (await operations.read(tensor)).entries()) {
          const tolerance = 90 * UNIT * (Math.abs(expected[i]!) + 1);
          assertAlmostEquals(value, expected[i]!, tolerance, `${index} ${i}`);
        }
      }
      tf.dispose([weight, ...slots, learningRate]);
    }
  });
}

// --- Sums along rays ---

testOperations("shift() is x + factor y + bias, and exactly x + bias at 0", async (operations) => {
  for (const shape of [[3, 4, 8], [2, 3, 3]] as const) {
    const [E, rows, units] = shape;
    const x = randomStack(shape, 1);
    const y = randomStack([1, rows, units], 2);
    const bias = randomStack([E, 1, units], 3);
    const factor = randomStack([E, 1, units], 4);
    const none = tf.zeros([E, 1, units]);
    const shift = (options: object): tf.Tensor =>
      operations.shift(x.tensor, { relu: false, ...options });
    const along = { y: y.tensor, factor: factor.tensor };
    const still = { y: y.tensor, factor: none };
    const value = (e: number, row: number, column: number): number =>
      x.at(e, row, column) + factor.at(e, 0, column) * y.at(0, row, column);
    const full = (...[e, row, column]: At): number => value(e, row, column) + bias.at(e, 0, column);
    const cases: [tf.Tensor, (...at: At) => number][] = [
      [shift({ along }), value],
      [shift({ bias: bias.tensor, along }), full],
      [shift({ bias: bias.tensor, relu: true, along }), (...at) => Math.max(0, full(...at))],
    ];
    for (const [found, expected] of cases) {
      await assertSums(operations, found, 3, (...at) => ({ value: expected(...at), size: 10 }));
    }
    const stopped = shift({ bias: bias.tensor, relu: true, along: still });
    const plain = shift({ bias: bias.tensor, relu: true });
    assertEquals([...await operations.read(stopped)], [...await operations.read(plain)]);
    tf.dispose([...cases.map(([found]) => found), none, stopped, plain]);
    tf.dispose([x, y, bias, factor].map(({ tensor }) => tensor));
  }
});

testOperations("a network that is NaN leaves its neighbours as they are", async (operations) => {
  // 9 rows and 5 units are no multiple of a tile: what lies beyond them is the next network's.
  const [E, B, inputs, outputs] = [3, 9, 7, 5];
  const tensors = ([[outputs, inputs], [B, inputs], [B, outputs]] as const).map((shape, seed) => {
    const { values, tensor } = randomStack([E, ...shape], seed + 1);
    tensor.dispose();
    values.fill(NaN, values.length / 3, 2 * values.length / 3);
    return tf.tensor3d(values, [E, ...shape]);
  });
  const [weight, hidden, delta] = tensors as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
  const labels = operations.uploadLabels(new Uint8Array(B), outputs);
  const record = operations.openRecord(E, 1, outputs);
  const results = [
    operations.linear(hidden, weight, { relu: true }),
    operations.propagate(delta, weight, hidden),
    operations.weightGradient(delta, hidden),
    operations.biasGradient(delta),
    operations.logitsDelta(delta, { labels, start: 0, record, index: 0 }),
  ];
  for (const [index, result] of results.entries()) {
    const values = await operations.read(result);
    const third = values.length / 3;
    const finite = (from: number): boolean =>
      values.subarray(from, from + third).every(Number.isFinite);
    assert(finite(0) && finite(2 * third), `result ${index} lets NaN through`);
    // Where the mask is NaN the result may be 0; everywhere else NaN has to be seen.
    if (index !== 1) assert(!finite(third), `result ${index} hides NaN`);
  }
  const { losses } = await operations.readRecord(record);
  assertEquals(losses.map(([loss]) => Number.isFinite(loss)), [true, false, true]);
  tf.dispose([...tensors, ...results, labels, ...record.tensors]);
});

testOperations("shift() reaches the end of a tensor of 17 million", async (operations) => {
  // More than 65,535 workgroups of 256 threads; no multiple of 4, so that each thread does one.
  const size = 65535 * 256 + 5;
  const x = tf.ones([1, 1, size]);
  const result = operations.shift(x, { bias: x, relu: false });
  const end = tf.slice(result, [0, 0, size - 6], [1, 1, 6]);
  assertEquals([...await operations.read(end)], [2, 2, 2, 2, 2, 2]);
  tf.dispose([x, result, end]);
}, ["webgpu"]);
