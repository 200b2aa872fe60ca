/**
 * The failure of a measure whose network has left the numbers.
 *
 * @module
 */

/** A loss, gradient or curvature that a measure needs is NaN or infinite. */
export class NotFiniteError extends Error {
  override readonly name = "NotFiniteError";
}

/**
 * Checks that what a measure is made from is a number.
 *
 * @param measure Its name.
 * @param what Names the value: "the loss at a step of 5 along direction 3".
 * @throws {NotFiniteError} "Cannot measure <measure> as <what> must be finite: current value is ...".
 */
export function demandFinite(value: number, measure: string, what: string): number {
  if (Number.isFinite(value)) return value;
  throw new NotFiniteError(
    `Cannot measure ${measure} as ${what} must be finite: current value is ${value}`,
  );
}
