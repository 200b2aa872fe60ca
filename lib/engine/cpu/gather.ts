/**
 * Rows of a split that do not follow each other.
 *
 * @module
 */

/** Images and labels of rows, as a split shows them. */
export interface GatheredRows {
  /** Shape [rows, inputs]. */
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
  readonly size: number;
}

/** Copies rows of a split in the order of their numbers, the first 0. */
export function gather(
  { pixels, labels, size }: GatheredRows,
  rows: Uint32Array,
): GatheredRows {
  const inputs = pixels.length / size;
  const gathered = new Uint8Array(rows.length * inputs);
  for (const [place, row] of rows.entries()) {
    gathered.set(pixels.subarray(row * inputs, (row + 1) * inputs), place * inputs);
  }
  return {
    pixels: gathered,
    labels: Uint8Array.from(rows, (row) => labels[row]!),
    size: rows.length,
  };
}
