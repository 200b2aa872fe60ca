/**
 * The loss of an epoch's batches under the network that the epoch ended with.
 *
 * @module
 */
import type { Dataset } from "~/lib/dataset.ts";
import type { GemmLibraryName, SharedFloats } from "~/lib/engine.ts";
import { type LayerSizes, share } from "~/lib/model.ts";

/** A part of the batches of an epoch in file order. */
export interface LossAtAge {
  /** Batches between its middle and the end of the epoch: how long ago the network saw it. */
  readonly age: number;
  /** Mean of its batch losses in nats, each normalised by its own rows, as in training. */
  readonly loss: number;
}

/**
 * Mean batch loss of each tenth or so of an epoch, the oldest first: level where the order of the
 * images does not matter, lower where training has just been or, in file order, is to come next.
 *
 * @param network Read, never written: shape [P].
 * @param options parts: default 10; fewer where there are fewer batches. library: of the matrix
 * products; default: what is fast here.
 */
export async function lossByAge(
  dataset: Dataset,
  { sizes, parameters }: { readonly sizes: LayerSizes; readonly parameters: SharedFloats },
  { batchSize, parts = 10, library }: {
    readonly batchSize: number;
    readonly parts?: number;
    readonly library?: GemmLibraryName | undefined;
  },
): Promise<LossAtAge[]> {
  // Loaded here: whoever imports this room knows no engine.
  const { createCpuEngine } = await import("~/lib/engine.ts");
  const { pixels, labels, size } = dataset.train;
  const inputs = pixels.length / size;
  const batches = Math.ceil(size / batchSize);
  const length = Math.ceil(batches / parts);
  const found: LossAtAge[] = [];
  for (let first = 0; first < batches; first += length) {
    const last = Math.min(batches, first + length);
    const [from, to] = [first * batchSize, Math.min(size, last * batchSize)];
    const train = {
      pixels: pixels.subarray(from * inputs, to * inputs),
      labels: labels.subarray(from, to),
      size: to - from,
    };
    const engine = await createCpuEngine({ dataset: { ...dataset, train }, threads: 1 }, library);
    try {
      // An epoch at a rate of 0 changes no weight.
      const stack = await engine.createStack(
        { sizes, batchSize, optimizer: "SGD" },
        [{ learningRate: 0, parameters, state: share(0), epochs: 0 }],
      );
      const [loss] = await stack.trainEpoch();
      found.push({ age: batches - (first + last) / 2, loss: loss! });
      stack.dispose();
    } finally {
      await engine.close();
    }
  }
  return found;
}
