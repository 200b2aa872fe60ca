/**
 * The stack's losses and element-wise operations against float64, on TensorFlow.js's CPU backend and
 * as WebGPU kernels.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { openOptimizer, OPTIMIZER_NAMES } from "~/lib/optimizer.ts";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  assertSums,
  randomStack,
  testOperations,
  UNIT,
} from "~/tests/fixtures/operations_fixture.ts";

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
                rows.map((row, m) => m === n ? row.map((z, d) => d === c ? z + step : z) : row),
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
      tf.dispose([logits.tensor, labelTensor, scale, delta, scaled]);
      tf.dispose(record.tensors);
    },
  );
}

testOperations(
  "recordLoss() counts the first of equal logits as the largest",
  async (operations) => {
    // Rows 1 and 2 share their largest value between two classes; NaN is never right.
    const logits = tf.tensor3d([[[3, 1, 1], [0, 2, 2], [0, 1, 1], [5, 0, 0]]]);
    // Three rows of label 1, one of label 2, as columns 1 and 2 are alike and so is their normalised form.
    const labels = operations.uploadLabels(Uint8Array.from([0, 1, 2, 1]), 3);
    const record = operations.openRecord(1, 1, 3);
    operations.recordLoss(logits, { labels, start: 0, record, index: 0 });
    assertEquals((await operations.readRecord(record)).accuracies, [[0.5]]);
    tf.dispose([logits, labels]);
    tf.dispose(record.tensors);
  },
);

/** Every optimizer as it is, and one with its hyperparameters set. */
for (
  const text of [...OPTIMIZER_NAMES, "SGD(momentum=0.9,nesterov=true)", "AdaGrad(epsilon=0.1)"]
) {
  testOperations(`update() is the definition of ${text}`, async (operations) => {
    const optimizer = openOptimizer(text);
    // No multiple of four, and one.
    for (const shape of [[3, 4, 5], [2, 3, 3]] as const) {
      const rates = Array.from({ length: shape[0] }, (_, e) => 0.1 * (e + 1));
      const start = randomStack([...shape], 1);
      const learningRate = tf.tensor3d(rates, [shape[0], 1, 1]);
      const expected = Float64Array.from(start.values);
      const state = new Float64Array(optimizer.slots.length * expected.length);
      let weight = start.tensor;
      let slots: readonly tf.Tensor[] = optimizer.slots.map(() => tf.zeros([...shape]));
      for (const t of [1, 2, 3]) {
        const gradient = randomStack([...shape], 1 + t);
        // A dead unit's gradient is 0, always: its state stays 0 and so does its step.
        gradient.values[1] = 0;
        gradient.tensor.dispose();
        const tensor = tf.tensor3d(gradient.values.slice(), [...shape]);
        const parameter = { weight, gradient: tensor, slots, learningRate, t: rates.map(() => t) };
        ({ weight, slots } = operations.update(optimizer, parameter));
        const each = shape[1] * shape[2];
        const P = expected.length;
        for (const [e, rate] of rates.entries()) {
          const part = (vector: Float64Array): Float64Array =>
            vector.slice(e * each, (e + 1) * each);
          const own = Float64Array.from(
            optimizer.slots.flatMap((_, slot) => [...part(state.subarray(slot * P))]),
          );
          const parameters = part(expected);
          optimizer.step(
            { parameters, gradient: part(Float64Array.from(gradient.values)), state: own },
            { learningRate: rate, t },
          );
          expected.set(parameters, e * each);
          for (const slot of optimizer.slots.keys()) {
            state.set(own.subarray(slot * each, (slot + 1) * each), slot * P + e * each);
          }
        }
      }
      assertEquals(slots.length, optimizer.slots.length);
      // Ten roundings an update of numbers up to 5; WGSL's division and root are good to 2.5 units.
      const found = [weight, ...slots];
      for (const [index, values] of [...expected, ...state].entries()) {
        const tensor = found[Math.floor(index / expected.length)]!;
        const value = (await operations.read(tensor))[index % expected.length]!;
        assertAlmostEquals(value, values, 90 * UNIT * (Math.abs(values) + 1), `${index}`);
      }
      tf.dispose([...found, learningRate]);
    }
  });
}

testOperations(
  "shift() is x + factor y + bias for every network, and exactly x + bias at 0",
  async (operations) => {
    for (const shape of [[3, 4, 8], [2, 3, 3]] as const) {
      const [E, , units] = shape;
      const x = randomStack([...shape], 1);
      const y = randomStack([1, shape[1], units], 2);
      const bias = randomStack([E, 1, units], 3);
      const factor = randomStack([E, 1, units], 4);
      const none = tf.zeros([E, 1, units]);
      const along = { y: y.tensor, factor: factor.tensor };
      const moved = operations.shift(x.tensor, { bias: bias.tensor, relu: false, along });
      const relu = operations.shift(x.tensor, { bias: bias.tensor, relu: true, along });
      const bare = operations.shift(x.tensor, { relu: false, along });
      const value = (e: number, row: number, column: number): number =>
        x.at(e, row, column) + factor.at(e, 0, column) * y.at(0, row, column);
      const full = (e: number, row: number, column: number): number =>
        value(e, row, column) + bias.at(e, 0, column);
      await assertSums(operations, bare, 2, (...at) => ({ value: value(...at), size: 10 }));
      await assertSums(operations, moved, 3, (...at) => ({ value: full(...at), size: 10 }));
      await assertSums(
        operations,
        relu,
        3,
        (...at) => ({ value: Math.max(0, full(...at)), size: 10 }),
      );
      const still = { y: y.tensor, factor: none };
      const stopped = operations.shift(x.tensor, { bias: bias.tensor, relu: true, along: still });
      const plain = operations.shift(x.tensor, { bias: bias.tensor, relu: true });
      assertEquals(
        Array.from(await operations.read(stopped)),
        Array.from(await operations.read(plain)),
      );
      tf.dispose([moved, relu, bare, none, stopped, plain]);
      tf.dispose([x, y, bias, factor].map(({ tensor }) => tensor));
    }
  },
);

testOperations("a network that is NaN leaves its neighbours as they are", async (operations) => {
  // 9 rows and 5 units are no multiple of a tile: what lies beyond them is the next network's.
  const [E, B, inputs, outputs] = [3, 9, 7, 5];
  const weight = randomStack([E, outputs, inputs], 1);
  const hidden = randomStack([E, B, inputs], 2);
  const delta = randomStack([E, B, outputs], 3);
  for (const { values } of [weight, hidden, delta]) {
    values.fill(NaN, values.length / 3, 2 * values.length / 3);
  }
  const tensors = [
    tf.tensor3d(weight.values, [E, outputs, inputs]),
    tf.tensor3d(hidden.values, [E, B, inputs]),
    tf.tensor3d(delta.values, [E, B, outputs]),
  ] as const;
  const labels = operations.uploadLabels(new Uint8Array(B), outputs);
  const record = operations.openRecord(E, 1, outputs);
  const results = [
    operations.linear(tensors[1], tensors[0], { relu: true }),
    operations.propagate(tensors[2], tensors[0], tensors[1]),
    operations.weightGradient(tensors[2], tensors[1]),
    operations.biasGradient(tensors[2]),
    operations.logitsDelta(tensors[2], { labels, start: 0, record, index: 0 }),
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
  const [first, second, third] = (await operations.readRecord(record)).losses as [
    number[],
    number[],
    number[],
  ];
  assert(Number.isFinite(first[0]) && Number.isNaN(second[0]) && Number.isFinite(third[0]));
  tf.dispose([...tensors, ...results, labels, weight.tensor, hidden.tensor, delta.tensor]);
  tf.dispose(record.tensors);
});

testOperations("shift() reaches the end of a tensor of 17 million", async (operations) => {
  // More than 65,535 workgroups of 256 threads; no multiple of 4, so that each thread does one.
  const size = 65535 * 256 + 5;
  const x = tf.ones([1, 1, size]);
  const result = operations.shift(x, { bias: x, relu: false });
  const end = tf.slice(result, [0, 0, size - 6], [1, 1, 6]);
  assertEquals(Array.from(await operations.read(end)), [2, 2, 2, 2, 2, 2]);
  tf.dispose([x, result, end]);
});
