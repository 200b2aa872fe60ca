/**
 * What both engines refuse to multiply.
 *
 * @module
 */
import type { SharedFloats } from "~/lib/engine/engine.ts";
import { countParameters, type LayerSizes } from "~/lib/model.ts";

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
