/**
 * The stack's matrix products against float64 loops, on TensorFlow.js's CPU backend and as WebGPU
 * kernels.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { LayerInput, Operations } from "~/lib/engine/tensorflow/operations.ts";
import { openStream } from "~/lib/random.ts";
import { assert, assertLessOrEqual } from "@std/assert";
import {
  assertSums,
  dot,
  type Expected,
  randomStack,
  testOperations,
  UNIT,
} from "~/tests/fixtures/operations_fixture.ts";

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
  testOperations(
    `linear() is X W^T + b for E, B, in, out = ${[E, B, inputs, outputs]}`,
    async (operations) => {
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
    },
  );

  testOperations(
    `linear() reads bytes as 0..1 for E, B, in, out = ${[E, B, inputs, outputs]}`,
    async (operations) => {
      const { input, at, images } = randomImages(operations, B, inputs);
      const weight = randomStack([E, outputs, inputs], 2);
      const output = operations.linear(input, weight.tensor, { relu: false });
      await assertSums(
        output,
        inputs,
        (e, row, column) => dot(inputs, (k) => at(row, k), (k) => weight.at(e, column, k)),
      );
      tf.dispose([images, weight.tensor, output]);
    },
  );

  testOperations(
    `propagate() is D W where the unit below is positive for E, B, in, out = ${[
      E,
      B,
      inputs,
      outputs,
    ]}`,
    async (operations) => {
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
    },
  );

  testOperations(
    `addWeightGradient() and addBiasGradient() add D^T X and the rows of D for E, B, in, out = ${[
      E,
      B,
      inputs,
      outputs,
    ]}`,
    async (operations) => {
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
        return {
          value: bias.at(e, 0, column) - value,
          size: size + Math.abs(bias.at(e, 0, column)),
        };
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
    },
  );
}

testOperations("linear() gives the same bits alone and in a stack of 140", async (operations) => {
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
