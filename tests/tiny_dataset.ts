/**
 * Small random data sets in CIFAR-10's place, and networks on them.
 *
 * @module
 */
import type { Dataset, Split } from "~/lib/dataset.ts";
import type { Engine, Member, SharedFloats, StackOptions } from "~/lib/engine/engine.ts";
import { countParameters, initialise, type LayerSizes } from "~/lib/model.ts";
import { allocateState, type OptimizerName } from "~/lib/optimizer.ts";
import { openStream } from "~/lib/random.ts";
import { type ReferenceData, referenceData } from "~/tests/reference_network.ts";

/** Copies numbers into memory that threads can share. */
export function share(values: ArrayLike<number>): SharedFloats {
  const shared = new Float32Array(new SharedArrayBuffer(4 * values.length));
  shared.set(values);
  return shared;
}

/** A split of these bytes and labels. */
export function makeSplit(pixels: ArrayLike<number>, labels: ArrayLike<number>): Split {
  const bytes = (values: ArrayLike<number>): Uint8Array<SharedArrayBuffer> => {
    const shared = new Uint8Array(new SharedArrayBuffer(values.length));
    shared.set(values);
    return shared;
  };
  return { pixels: bytes(pixels), labels: bytes(labels), size: labels.length };
}

/** A data set of these splits; the test split defaults to the training split. */
export function makeDataset(train: Split, test: Split = train): Dataset {
  return { name: "tiny", classes: [], train, test, md5: {} };
}

/**
 * Random bytes and labels of the right shape for `sizes`; the test split has 2/3 of the rows and
 * other numbers, so that a mix-up would show.
 */
export function randomDataset(sizes: LayerSizes, rows: number, seed = 1): Dataset {
  const stream = openStream(seed, 0);
  const draw = (length: number, below: number): number[] =>
    Array.from({ length }, () => (stream.next() >>> 0) % below);
  const split = (size: number): Split =>
    makeSplit(draw(size * sizes[0]!, 256), draw(size, sizes.at(-1)!));
  return makeDataset(split(rows), split(Math.ceil(2 / 3 * rows)));
}

/** A split as the float64 reference takes it. */
export function referenceSplit({ pixels, labels, size }: Split): ReferenceData {
  return referenceData(pixels, labels, pixels.length / size);
}

/** An initialised network with its optimizer's state. */
export function makeMember(
  sizes: LayerSizes,
  { seed, learningRate, optimizer }: {
    readonly seed: number;
    readonly learningRate: number;
    readonly optimizer: OptimizerName;
  },
): Member {
  const state = allocateState(optimizer, countParameters(sizes));
  return { learningRate, parameters: initialise(sizes, seed), state };
}

/** Epoch losses, shape [epochs][E], and the members as saved. */
export interface Trained {
  readonly losses: number[][];
  readonly members: Member[];
}

/** Trains copies of members. */
export async function train(
  engine: Engine,
  options: StackOptions,
  { members, epochs }: { readonly members: readonly Member[]; readonly epochs: number },
): Promise<Trained> {
  const copies = members.map(({ learningRate, parameters, state }) => ({
    learningRate,
    parameters: share(parameters),
    state: share(state),
  }));
  const stack = await engine.createStack(options, copies);
  const losses: number[][] = [];
  for (let epoch = 0; epoch < epochs; epoch++) losses.push(await stack.trainEpoch());
  await stack.save();
  stack.dispose();
  return { losses, members: copies };
}
