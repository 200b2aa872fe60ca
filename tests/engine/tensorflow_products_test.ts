/**
 * The stack's matrix products against float64 loops, on TensorFlow.js's CPU backend and as WebGPU
 * kernels.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { ImageRows, Operations } from "~/lib/engine/tensorflow/operations.ts";
import { openStream } from "~/lib/random.ts";
import { assert } from "@std/assert";
import {
  assertSums,
  dot,
  type Expected,
  randomStack,
  testOperations,
} from "~/tests/fixtures/operations_fixture.ts";

/** Images of which a batch starts at row 3, and the value of the batch's pixels. */
function randomImages(
  operations: Operations,
  rows: number,
  width: number,
): { input: ImageRows; at: (row: number, column: number) => number } {
  const start = 3;
  const pixels = new Uint8Array((rows + start + 1) * width);
  const generator = openStream(9, 0);
  for (let i = 0; i < pixels.length; i++) pixels[i] = generator.next() & 255;
  const images = operations.uploadImages(pixels, width);
  return {
    input: { images, start, count: rows, width },
    at: (row, column) => pixels[(row + start) * width + column]! / 255,
  };
}

/**
 * E, B, in, out: every kind of access with rows and columns left over in every tile, which depends
 * on the size of the result: 32 x 32 (twice), 32 x 128 (forwards, then of gradients), 64 x 64,
 * 128 x 128.
 */
const SHAPES = [
  [3, 7, 5, 6],
  [2, 40, 12, 8],
  [132, 9, 68, 68],
  [132, 40, 68, 20],
  [66, 40, 68, 68],
  [66, 66, 133, 132],
] as [number, number, number, number][];

for (const [E, B, inputs, outputs] of SHAPES) {
  const sizes = `for E, B, in, out = ${[E, B, inputs, outputs]}`;

  testOperations(`linear() is X W^T + b, also of bytes as 0..1, ${sizes}`, async (operations) => {
    const hidden = randomStack([E, B, inputs], 1);
    const weight = randomStack([E, outputs, inputs], 2);
    const bias = randomStack([E, 1, outputs], 3);
    const { input, at } = randomImages(operations, B, inputs);
    const plain = operations.linear(hidden.tensor, weight.tensor, { relu: false });
    const full = operations.linear(hidden.tensor, weight.tensor, {
      ...{ bias: bias.tensor, relu: true },
    });
    const ofImages = operations.linear(input, weight.tensor, { relu: false });
    const product = (e: number, row: number, column: number): Expected =>
      dot(inputs, (k) => hidden.at(e, row, k), (k) => weight.at(e, column, k));
    await assertSums(operations, plain, inputs, product);
    await assertSums(operations, full, inputs, (e, row, column) => {
      const { value, size } = product(e, row, column);
      const added = bias.at(e, 0, column);
      return { value: Math.max(0, value + added), size: size + Math.abs(added) };
    });
    await assertSums(
      operations,
      ofImages,
      inputs,
      (e, row, column) => dot(inputs, (k) => at(row, k), (k) => weight.at(e, column, k)),
    );
    tf.dispose([hidden.tensor, weight.tensor, bias.tensor, input.images, plain, full, ofImages]);
  });

  testOperations(`propagate() is D W where the unit below is on, ${sizes}`, async (operations) => {
    const delta = randomStack([E, B, outputs], 1);
    const weight = randomStack([E, outputs, inputs], 2);
    const hidden = randomStack([E, B, inputs], 3);
    const below = operations.propagate(delta.tensor, weight.tensor, hidden.tensor);
    await assertSums(
      operations,
      below,
      outputs,
      (e, row, column) =>
        hidden.at(e, row, column) > 0
          ? dot(outputs, (k) => delta.at(e, row, k), (k) => weight.at(e, k, column))
          : { value: 0, size: 0 },
    );
    tf.dispose([delta.tensor, weight.tensor, hidden.tensor, below]);
  });

  testOperations(`gradients are D^T X and the rows of D, added, ${sizes}`, async (operations) => {
    const delta = randomStack([E, B, outputs], 1);
    const hidden = randomStack([E, B, inputs], 2);
    const weight = randomStack([E, outputs, inputs], 3);
    const bias = randomStack([E, 1, outputs], 4);
    const { input, at } = randomImages(operations, B, inputs);
    const ofHidden = (e: number, row: number, column: number): Expected =>
      dot(B, (k) => delta.at(e, k, row), (k) => hidden.at(e, k, column));
    const ofImages = (e: number, row: number, column: number): Expected =>
      dot(B, (k) => delta.at(e, k, row), (k) => at(k, column));
    const ofBias = (e: number, _: number, column: number): Expected =>
      dot(B, (k) => delta.at(e, k, column), () => 1);
    const added = (old: number, { value, size }: Expected): Expected => ({
      value: old + value,
      size: size + Math.abs(old),
    });

    const fresh = operations.weightGradient(delta.tensor, hidden.tensor);
    await assertSums(operations, fresh, B, ofHidden);
    const freshBias = operations.biasGradient(delta.tensor);
    await assertSums(operations, freshBias, B, ofBias);
    const sum = operations.weightGradient(delta.tensor, input, weight.tensor);
    await assertSums(operations, sum, B, (...at) => added(weight.at(...at), ofImages(...at)));
    const sumBias = operations.biasGradient(delta.tensor, bias.tensor);
    await assertSums(operations, sumBias, B, (...at) => added(bias.at(...at), ofBias(...at)));
    tf.dispose([delta, hidden].map(({ tensor }) => tensor));
    tf.dispose([input.images, fresh, freshBias, sum, sumBias]);
  });
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
});
