/**
 * Training in float64, from tests/reference_network.ts and the optimizers' definitions, and what
 * float32's rounding can make of it.
 *
 * @module
 */
import type { LayerSizes } from "~/lib/model.ts";
import { type OptimizerName, optimizers } from "~/lib/optimizer.ts";
import { openStream } from "~/lib/random.ts";
import { type ReferenceData, referencePass, referenceRows } from "~/tests/reference_network.ts";

/** One network in training. */
export interface ReferenceRun {
  readonly sizes: LayerSizes;
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  readonly batchSize: number;
  readonly epochs: number;
  /** Initial parameters and state; read only. */
  readonly parameters: ArrayLike<number>;
  readonly state?: ArrayLike<number>;
}

/** What training gave. */
export interface ReferenceOutcome {
  /** Unweighted mean of batch losses of each epoch. */
  readonly losses: number[];
  readonly parameters: Float64Array;
  readonly state: Float64Array;
}

/** Changes a gradient before it is used, as a less exact machine would. */
export type Disturb = (gradient: Float64Array) => void;

/** Trains in float64; `round`, where given, replaces the parameters that each batch's pass reads. */
export function trainReference(
  run: ReferenceRun,
  data: ReferenceData,
  { disturb, round }: { disturb?: Disturb; round?: (w: number) => number } = {},
): ReferenceOutcome {
  const parameters = Float64Array.from(run.parameters);
  const state = Float64Array.from(run.state ?? new Float64Array(parameters.length));
  const losses: number[] = [];
  const rows = data.labels.length;
  for (let epoch = 0; epoch < run.epochs; epoch++) {
    let sum = 0;
    let batches = 0;
    for (let first = 0; first < rows; first += run.batchSize) {
      const batch = referenceRows(data, first, Math.min(first + run.batchSize, rows));
      const read = round === undefined ? parameters : parameters.map(round);
      const { loss, gradient } = referencePass(run.sizes, read, batch);
      disturb?.(gradient);
      optimizers[run.optimizer].step(parameters, gradient, state, run.learningRate);
      sum += loss;
      batches++;
    }
    losses.push(sum / batches);
  }
  return { losses, parameters, state };
}

/** Largest difference of two vectors' elements. */
export function furthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = a.length === b.length ? 0 : NaN;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    // Written so that NaN stays.
    if (!(difference <= most)) most = difference;
  }
  return most;
}

/**
 * What float32 can be off by: `compute` reads its parameters through a function, and this is 10
 * times the largest change of its numbers when every parameter read is off by up to 2^-22.
 *
 * A float32 pass is the exact pass of a network with each product off by 2^-24 and each sum of n
 * terms by a few times that; both are errors of a few ulp in weights. The factor is for sums that
 * cancel: activations are rounded too.
 */
export function floatTolerance(
  compute: (round: (w: number) => number) => ArrayLike<number>,
): number {
  const exact = compute((w) => w);
  return 10 * Math.max(...noises().map((round) => furthest(compute(round), exact)));
}

/** `floatTolerance` of each part of what training gives. */
export function trainingTolerance(
  run: ReferenceRun,
  data: ReferenceData,
): Record<keyof ReferenceOutcome, number> {
  const exact = trainReference(run, data);
  const noisy = noises().map((round) => trainReference(run, data, { round }));
  const tolerance = (part: keyof ReferenceOutcome): number =>
    10 * Math.max(...noisy.map((outcome) => furthest(outcome[part], exact[part])));
  return {
    losses: tolerance("losses"),
    parameters: tolerance("parameters"),
    state: tolerance("state"),
  };
}

/** Random relative errors of at most 2^-22, three streams of them. */
function noises(): ((w: number) => number)[] {
  return [1, 2, 3].map((seed) => {
    const stream = openStream(seed, 0);
    return (w) => w * (1 + 2 ** -22 * (2 * (stream.next() >>> 0) / 2 ** 32 - 1));
  });
}
