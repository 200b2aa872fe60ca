/**
 * The study's network in plain float64 loops: slow, short, and independent of every engine.
 *
 * @module
 */

/** Rows of inputs in 0..1 with their labels. */
export interface ReferenceData {
  readonly inputs: readonly Float64Array[];
  readonly labels: readonly number[];
}

/** Loss, accuracy and gradient of a batch. */
export interface ReferencePass {
  readonly loss: number;
  readonly accuracy: number;
  readonly gradient: Float64Array;
  /** Outputs of every layer by row: [layer][row][unit]; the last are the normalised logits. */
  readonly outputs: Float64Array[][];
}

/** Bytes 0..255, `width` a row, as inputs. */
export function referenceData(
  pixels: ArrayLike<number>,
  labels: ArrayLike<number>,
  width: number,
): ReferenceData {
  return {
    inputs: Array.from(
      { length: labels.length },
      (_, row) => Float64Array.from({ length: width }, (_, i) => pixels[row * width + i]! / 255),
    ),
    labels: Array.from(labels),
  };
}

/** The rows first..last-1. */
export function referenceRows(data: ReferenceData, first: number, last: number): ReferenceData {
  return { inputs: data.inputs.slice(first, last), labels: data.labels.slice(first, last) };
}

/** Forward and backward pass of the mean cross-entropy of normalised logits. */
export function referencePass(
  sizes: readonly number[],
  parameters: ArrayLike<number>,
  { inputs, labels }: ReferenceData,
): ReferencePass {
  const N = inputs.length;
  const L = sizes.length - 1;
  const offsets: number[] = [];
  let offset = 0;
  for (let l = 0; l < L; l++) {
    offsets.push(offset);
    offset += sizes[l]! * sizes[l + 1]! + sizes[l + 1]!;
  }
  const weight = (l: number, o: number, i: number): number => offsets[l]! + o * sizes[l]! + i;
  const bias = (l: number, o: number): number => offsets[l]! + sizes[l]! * sizes[l + 1]! + o;

  const outputs: Float64Array[][] = [];
  let x = [...inputs];
  for (let l = 0; l < L; l++) {
    const out = x.map((row) =>
      Float64Array.from({ length: sizes[l + 1]! }, (_, o) => {
        let sum = parameters[bias(l, o)]!;
        for (let i = 0; i < row.length; i++) sum += parameters[weight(l, o, i)]! * row[i]!;
        return l < L - 1 ? Math.max(0, sum) : sum;
      })
    );
    outputs.push(out);
    x = out;
  }
  const C = sizes[L]!;
  const logits = outputs[L - 1]!;
  const inverse = new Float64Array(C);
  for (let c = 0; c < C; c++) {
    const mean = logits.reduce((sum, row) => sum + row[c]!, 0) / N;
    const variance = logits.reduce((sum, row) => sum + (row[c]! - mean) ** 2, 0) / N;
    inverse[c] = 1 / Math.sqrt(variance + 1e-5);
    for (const row of logits) row[c] = (row[c]! - mean) * inverse[c]!;
  }
  let loss = 0;
  let correct = 0;
  let delta = logits.map((row, n) => {
    const largest = Math.max(...row);
    const exponentials = row.map((z) => Math.exp(z - largest));
    const sum = exponentials.reduce((a, b) => a + b, 0);
    loss += (Math.log(sum) + largest - row[labels[n]!]!) / N;
    if (row.indexOf(largest) === labels[n]) correct++;
    return exponentials.map((e, c) => (e / sum - (c === labels[n] ? 1 : 0)) / N);
  });
  for (let c = 0; c < C; c++) {
    const mean = delta.reduce((sum, row) => sum + row[c]!, 0) / N;
    const projection = delta.reduce((sum, row, n) => sum + row[c]! * logits[n]![c]!, 0) / N;
    for (const [n, row] of delta.entries()) {
      row[c] = inverse[c]! * (row[c]! - mean - logits[n]![c]! * projection);
    }
  }
  const gradient = new Float64Array(offset);
  for (let l = L - 1; l >= 0; l--) {
    const below = l === 0 ? inputs : outputs[l - 1]!;
    const next = delta.map((row, n) => {
      const back = new Float64Array(sizes[l]!);
      for (let o = 0; o < row.length; o++) {
        gradient[bias(l, o)]! += row[o]!;
        for (let i = 0; i < back.length; i++) {
          gradient[weight(l, o, i)]! += row[o]! * below[n]![i]!;
          back[i]! += parameters[weight(l, o, i)]! * row[o]!;
        }
      }
      return l === 0 ? back : back.map((value, i) => (below[n]![i]! > 0 ? value : 0));
    });
    delta = next;
  }
  return { loss, accuracy: correct / N, gradient, outputs };
}
