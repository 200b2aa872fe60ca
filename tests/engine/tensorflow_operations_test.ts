/**
 * The stack's operations against float64 loops, on TensorFlow.js's CPU backend and as WebGPU kernels.
 *
 * @module
 */
import "@tensorflow/tfjs-backend-cpu";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import * as tf from "@tensorflow/tfjs-core";
import type { LayerInput, Operations } from "~/lib/engine/tensorflow/operations.ts";
import { createTensorOperations } from "~/lib/engine/tensorflow/tensor_operations.ts";
import { createWebGpuOperations } from "~/lib/engine/tensorflow/webgpu.ts";
import { openOptimizer, OPTIMIZER_NAMES } from "~/lib/optimizer.ts";
import { fillNormal, openStream } from "~/lib/random.ts";
import { assert, assertAlmostEquals, assertEquals, assertLessOrEqual } from "@std/assert";
import { hasAdapter } from "~/tests/fixtures/tensorflow_fixture.ts";

/** Half the distance from 1 to the next float32: the relative error of one operation. */
const UNIT = 2 ** -24;

function test(name: string, work: (operations: Operations) => Promise<void>): void {
  for (const backend of ["cpu", "webgpu"]) {
    Deno.test({
      name: `${name} [${backend}]`,
      ignore: backend === "webgpu" && !hasAdapter,
      // TensorFlow.js keeps its device open.
      sanitizeResources: false,
      sanitizeOps: false,
      async fn(): Promise<void> {
        if (backend === "webgpu") await import("@tensorflow/tfjs-backend-webgpu");
        await tf.setBackend(backend);
        const errors: string[] = [];
        if (backend === "webgpu") {
          (tf.backend() as WebGPUBackend).device.addEventListener("uncapturederror", (event) => {
            errors.push((event as GPUUncapturedErrorEvent).error.message);
          });
        }
        const before = tf.memory().numTensors;
        await work(
          backend === "cpu"
            ? createTensorOperations()
            : createWebGpuOperations(tf.backend() as WebGPUBackend),
        );
        assertEquals(errors, []);
        assertEquals(tf.memory().numTensors, before, "tensors were leaked");
      },
    });
  }
}

/** A stack of float32 matrices and its tensor. */
interface Stack {
  readonly at: (network: number, row: number, column: number) => number;
  readonly values: Float32Array;
  readonly tensor: tf.Tensor;
}

function randomStack(shape: readonly [number, number, number], seed: number): Stack {
  const [, rows, columns] = shape;
  const values = new Float32Array(shape[0] * rows * columns);
  fillNormal(values, openStream(seed, 0));
  return {
    at: (network, row, column) => values[(network * rows + row) * columns + column]!,
    values,
    tensor: tf.tensor3d(values.slice(), [...shape]),
  };
}

/** Images of which a batch starts at row 3, and the value of the batch's pixels. */
function randomImages(
  operations: Operations,
  rows: number,
  width: number,
): { input: LayerInput; at: (row: number, column: number) => number; images: tf.Tensor } {
  const start = 3;
  const pixels = new Uint8Array((rows + start + 1) * width);
  const generator = openStream(9, 0);
  for (let i = 0; i < pixels.length; i++) pixels[i] = generator.next() & 255;
  const images = operations.uploadImages(pixels, width);
  return {
    input: { images, start, count: rows, width },
    at: (row, column) => pixels[(row + start) * width + column]! / 255,
    images,
  };
}

interface Expected {
  readonly value: number;
  /** Sum of the absolute values of what was added. */
  readonly size: number;
}

/** Sum over k of a(k) b(k) in float64. */
function dot(length: number, a: (k: number) => number, b: (k: number) => number): Expected {
  let value = 0;
  let size = 0;
  for (let k = 0; k < length; k++) {
    value += a(k) * b(k);
    size += Math.abs(a(k) * b(k));
  }
  return { value, size };
}

/**
 * Compares a tensor with sums of `length` products. A float32 sum of n terms is off by at most n
 * units times the sum of their sizes (Higham, Accuracy and Stability, section 3.1); bytes as 0..1,
 * bias and target add less than 8 more.
 */
async function assertSums(
  tensor: tf.Tensor,
  length: number,
  expected: (network: number, row: number, column: number) => Expected,
): Promise<void> {
  const [networks, rows, columns] = tensor.shape as [number, number, number];
  const values = await tensor.data();
  for (let e = 0; e < networks; e++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const found = values[(e * rows + row) * columns + column]!;
        const { value, size } = expected(e, row, column);
        assertLessOrEqual(
          Math.abs(found - value),
          (length + 8) * UNIT * (size + 1),
          `[${e}, ${row}, ${column}] is ${found}, not ${value}`,
        );
      }
    }
  }
}

/** E, B, in, out: sizes of every kind of access and tile, with rows and columns left over. */
const SHAPES = [
  [3, 7, 5, 6],
  [2, 40, 12, 8],
  [1, 33, 20, 36],
  [150, 9, 17, 68],
  [9, 130, 64, 260],
  [70, 66, 12, 132],
  [70, 66, 132, 12],
  [34, 5, 132, 132],
];

for (const [E, B, inputs, outputs] of SHAPES as [number, number, number, number][]) {
  test(`linear() is X W^T + b for E, B, in, out = ${[E, B, inputs, outputs]}`, async (operations) => {
    const hidden = randomStack([E, B, inputs], 1);
    const weight = randomStack([E, outputs, inputs], 2);
    const bias = randomStack([E, 1, outputs], 3);
    const plain = operations.linear(hidden.tensor, weight.tensor, { relu: false });
    const full = operations.linear(hidden.tensor, weight.tensor, {
      bias: bias.tensor,
      relu: true,
    });
    const product = (e: number, row: number, column: number): Expected =>
      dot(inputs, (k) => hidden.at(e, row, k), (k) => weight.at(e, column, k));
    await assertSums(plain, inputs, product);
    await assertSums(full, inputs, (e, row, column) => {
      const { value, size } = product(e, row, column);
      const sum = value + bias.at(e, 0, column);
      return { value: Math.max(0, sum), size: size + Math.abs(bias.at(e, 0, column)) };
    });
    tf.dispose([hidden.tensor, weight.tensor, bias.tensor, plain, full]);
  });

  test(`linear() reads bytes as 0..1 for E, B, in, out = ${[E, B, inputs, outputs]}`, async (operations) => {
    const { input, at, images } = randomImages(operations, B, inputs);
    const weight = randomStack([E, outputs, inputs], 2);
    const output = operations.linear(input, weight.tensor, { relu: false });
    await assertSums(
      output,
      inputs,
      (e, row, column) => dot(inputs, (k) => at(row, k), (k) => weight.at(e, column, k)),
    );
    tf.dispose([images, weight.tensor, output]);
  });

  test(`propagate() is D W where the unit below is positive for E, B, in, out = ${[E, B, inputs, outputs]}`, async (operations) => {
    const delta = randomStack([E, B, outputs], 1);
    const weight = randomStack([E, outputs, inputs], 2);
    const hidden = randomStack([E, B, inputs], 3);
    const below = operations.propagate(delta.tensor, weight.tensor, hidden.tensor);
    await assertSums(
      below,
      outputs,
      (e, row, column) =>
        hidden.at(e, row, column) > 0
          ? dot(outputs, (k) => delta.at(e, row, k), (k) => weight.at(e, k, column))
          : { value: 0, size: 0 },
    );
    tf.dispose([delta.tensor, weight.tensor, hidden.tensor, below]);
  });

  test(`addWeightGradient() and addBiasGradient() add D^T X and the rows of D for E, B, in, out = ${[E, B, inputs, outputs]}`, async (operations) => {
    const delta = randomStack([E, B, outputs], 1);
    const hidden = randomStack([E, B, inputs], 2);
    const weight = randomStack([E, outputs, inputs], 3);
    const bias = randomStack([E, 1, outputs], 4);
    const { input, at, images } = randomImages(operations, B, inputs);
    const ofHidden = (e: number, row: number, column: number): Expected =>
      dot(B, (k) => delta.at(e, k, row), (k) => hidden.at(e, k, column));
    const ofImages = (e: number, row: number, column: number): Expected =>
      dot(B, (k) => delta.at(e, k, row), (k) => at(k, column));
    const ofBias = (e: number, column: number): Expected =>
      dot(B, (k) => delta.at(e, k, column), () => 1);

    const fresh = operations.addWeightGradient(undefined, 1, delta.tensor, hidden.tensor);
    await assertSums(fresh, B, ofHidden);
    const freshBias = operations.addBiasGradient(undefined, 1, delta.tensor);
    await assertSums(freshBias, B, (e, _, column) => ofBias(e, column));
    const moved = operations.addWeightGradient(weight.tensor, -1, delta.tensor, input);
    await assertSums(moved, B, (e, row, column) => {
      const { value, size } = ofImages(e, row, column);
      const old = weight.at(e, row, column);
      return { value: old - value, size: size + Math.abs(old) };
    });
    const movedBias = operations.addBiasGradient(bias.tensor, -1, delta.tensor);
    await assertSums(movedBias, B, (e, _, column) => {
      const { value, size } = ofBias(e, column);
      return { value: bias.at(e, 0, column) - value, size: size + Math.abs(bias.at(e, 0, column)) };
    });
    const twice = operations.addWeightGradient(fresh, 1, delta.tensor, input);
    const copy = tf.add(twice, 0);
    const sum = await copy.data();
    const { value, size } = ofImages(0, 1, 2);
    const first = ofHidden(0, 1, 2);
    assertLessOrEqual(
      Math.abs(sum[inputs + 2]! - first.value - value),
      2 * (B + 8) * UNIT * (size + first.size + 1),
    );
    tf.dispose([copy, delta.tensor, hidden.tensor, images, twice, freshBias, moved, movedBias]);
  });
}

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
  test(`logitsDelta() is the finite difference of the loss for E, B, C = ${[E, B, C]}`, async (operations) => {
    const logits = randomStack([E, B, C], 5);
    const labels = Uint8Array.from({ length: B + 3 }, (_, n) => (7 * n + 1) % C);
    const own = [...labels.subarray(2, B + 2)];
    const labelTensor = operations.uploadLabels(labels, C);
    const record = operations.openRecord(E, 2);
    const scale = tf.tensor3d(Array.from({ length: E }, (_, e) => 1 + e), [E, 1, 1]);
    operations.recordLoss(logits.tensor, { labels: labelTensor, start: 1, record, index: 0 });
    const batch = { labels: labelTensor, start: 2, record, index: 1 };
    const delta = operations.logitsDelta(logits.tensor, batch);
    const scaled = operations.logitsDelta(logits.tensor, batch, scale);
    const { losses, accuracies } = await record.read();
    const values = await delta.data();
    const scaledValues = await scaled.data();
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
          assertAlmostEquals(scaledValues[(e * B + n) * C + c]!, (1 + e) * found, 1e-6 / B);
        }
      }
    }
    assert(accuracies.flat().every((accuracy) => accuracy >= 0 && accuracy <= 1));
    tf.dispose([logits.tensor, labelTensor, scale, delta, scaled]);
    record.dispose();
  });
}

test("recordLoss() counts the first of equal logits as the largest", async (operations) => {
  // Rows 1 and 2 share their largest value between two classes; NaN is never right.
  const logits = tf.tensor3d([[[3, 1, 1], [0, 2, 2], [0, 1, 1], [5, 0, 0]]]);
  // Three rows of label 1, one of label 2, as columns 1 and 2 are alike and so is their normalised form.
  const labels = operations.uploadLabels(Uint8Array.from([0, 1, 2, 1]), 3);
  const record = operations.openRecord(1, 1);
  operations.recordLoss(logits, { labels, start: 0, record, index: 0 });
  assertEquals((await record.read()).accuracies, [[0.5]]);
  tf.dispose([logits, labels]);
  record.dispose();
});

/** Every optimizer as it is, and one with its hyperparameters set. */
for (
  const text of [...OPTIMIZER_NAMES, "SGD(momentum=0.9,nesterov=true)", "AdaGrad(epsilon=0.1)"]
) {
  test(`update() is the definition of ${text}`, async (operations) => {
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
        const parameter = { weight, gradient: tensor, slots, learningRate, t };
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
        const value = (await tensor.data())[index % expected.length]!;
        assertAlmostEquals(value, values, 90 * UNIT * (Math.abs(values) + 1), `${index}`);
      }
      tf.dispose([...found, learningRate]);
    }
  });
}

test("subtract() is exact", async (operations) => {
  const [a, b] = [randomStack([3, 4, 5], 1), randomStack([3, 4, 5], 2)];
  const difference = operations.subtract(a.tensor, b.tensor);
  const found = await difference.data();
  assertEquals(Array.from(found), Array.from(a.values, (x, i) => Math.fround(x - b.values[i]!)));
  tf.dispose([difference, b.tensor]);
});

test("shift() is x + factor y + bias for every network, and exactly x + bias at 0", async (operations) => {
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
    await assertSums(bare, 2, (...at) => ({ value: value(...at), size: 10 }));
    await assertSums(moved, 3, (...at) => ({ value: full(...at), size: 10 }));
    await assertSums(relu, 3, (...at) => ({ value: Math.max(0, full(...at)), size: 10 }));
    const still = { y: y.tensor, factor: none };
    const stopped = operations.shift(x.tensor, { bias: bias.tensor, relu: true, along: still });
    const plain = operations.shift(x.tensor, { bias: bias.tensor, relu: true });
    assertEquals(Array.from(await stopped.data()), Array.from(await plain.data()));
    tf.dispose([moved, relu, bare, none, stopped, plain]);
    tf.dispose([x, y, bias, factor].map(({ tensor }) => tensor));
  }
});

test("a network that is NaN leaves its neighbours as they are", async (operations) => {
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
  const record = operations.openRecord(E, 1);
  const results = [
    operations.linear(tensors[1], tensors[0], { relu: true }),
    operations.propagate(tensors[2], tensors[0], tensors[1]),
    operations.addWeightGradient(undefined, 1, tensors[2], tensors[1]),
    operations.addBiasGradient(undefined, 1, tensors[2]),
    operations.logitsDelta(tensors[2], { labels, start: 0, record, index: 0 }),
  ];
  for (const [index, result] of results.entries()) {
    const values = await result.data();
    const third = values.length / 3;
    const finite = (from: number): boolean =>
      values.subarray(from, from + third).every(Number.isFinite);
    assert(finite(0) && finite(2 * third), `result ${index} lets NaN through`);
    // Where the mask is NaN the result may be 0; everywhere else NaN has to be seen.
    if (index !== 1) assert(!finite(third), `result ${index} hides NaN`);
  }
  const [first, second, third] = (await record.read()).losses as [number[], number[], number[]];
  assert(Number.isFinite(first[0]) && Number.isNaN(second[0]) && Number.isFinite(third[0]));
  tf.dispose([...tensors, ...results, labels, weight.tensor, hidden.tensor, delta.tensor]);
  record.dispose();
});

test("linear() gives the same bits alone and in a stack of 140", async (operations) => {
  // A stack of 140 is cut into larger tiles on WebGPU; every sum keeps its order.
  const [B, inputs, outputs] = [70, 37, 132];
  const one = randomStack([1, outputs, inputs], 1);
  const { input, images } = randomImages(operations, B, inputs);
  const many = tf.tile(one.tensor, [140, 1, 1]);
  const alone = operations.linear(input, one.tensor, { relu: false });
  const stacked = operations.linear(input, many, { relu: false });
  const expected = await alone.data();
  const found = await stacked.data();
  const last = found.subarray(139 * expected.length);
  assert(expected.every((value, i) => Object.is(value, found[i]) && Object.is(value, last[i])));
  tf.dispose([one.tensor, many, images, alone, stacked]);
});

test("subtract() reaches the end of a tensor of 17 million", async (operations) => {
  // More than 65,535 workgroups of 256 threads; no multiple of 4, so that each thread does one.
  const size = 65535 * 256 + 5;
  const target = tf.zeros([1, 1, size]);
  const amount = tf.ones([1, 1, size]);
  const result = operations.subtract(target, amount);
  const end = tf.slice(result, [0, 0, size - 6], [1, 1, 6]);
  assertEquals(Array.from(await end.data()), [-1, -1, -1, -1, -1, -1]);
  tf.dispose([amount, result, end]);
});
