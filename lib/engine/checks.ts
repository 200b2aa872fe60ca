/**
 * What both engines refuse: networks that do not fit a data set, vectors that do not fit a network.
 *
 * @module
 */
import type { Dataset } from "~/lib/dataset.ts";
import type { SharedFloats } from "~/lib/engine/engine.ts";
import { countParameters, type LayerSizes } from "~/lib/model.ts";

/**
 * A check of layer sizes against a data set's images and labels.
 *
 * @returns Throws RangeError if the first layer has other inputs, or the last fewer outputs than there
 * are classes.
 */
export function sizesCheck({ train, test }: Dataset): (sizes: LayerSizes) => void {
  const inputs = train.pixels.length / train.size;
  const classes = 1 + Math.max(largest(train.labels), largest(test.labels));
  return (sizes) => {
    const [first, last] = [sizes[0]!, sizes.at(-1)!];
    if (first !== inputs) {
      throw new RangeError(
        `Cannot run a network on these images as its first layer must have ${inputs} inputs: ` +
          `current value is ${first}`,
      );
    }
    if (last < classes) {
      throw new RangeError(
        `Cannot run a network on these images as its last layer must have ${classes} outputs or ` +
          `more: current value is ${last}`,
      );
    }
  };
}

function largest(values: Uint8Array): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

/** @throws {RangeError} If a vector has another length than the parameters. */
export function checkVectors(sizes: LayerSizes, vectors: readonly SharedFloats[]): void {
  const P = countParameters(sizes);
  const wrong = vectors.find((vector) => vector.length !== P);
  if (wrong === undefined) return;
  throw new RangeError(
    `Cannot multiply by the Hessian as a vector must have ${P} numbers: ` +
      `current number is ${wrong.length}`,
  );
}
