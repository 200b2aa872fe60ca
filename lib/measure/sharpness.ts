/**
 * Sharpness: the rise in training loss at random points around a minimum.
 *
 * @module
 */
import type { Engine, SharedFloats } from "~/lib/engine.ts";
import type { LayerSizes } from "~/lib/model.ts";
import { isSeed, MAX_SEED } from "~/lib/random.ts";
import type { SharpnessProtocol } from "~/lib/study.ts";
import { isCount } from "~/lib/study.ts";

/** Sharpness samples of one model. */
export interface SharpnessSamples {
  /** Unperturbed loss L(w) on the full training split in nats. */
  readonly loss: number;
  /** L(w + r u_k) - L(w) in nats by direction, shape [K]; may be negative. */
  readonly samples: number[];
}

/** How sampling goes on. */
export interface SampleOptions {
  /** Losses finished and in all: K + 1 a model. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Samples the rise in loss at random points around minima.
 *
 * Sample k of a model is `L(w + r u_k) - L(w)` with `u_k` uniform on the unit sphere in R^P and the
 * same for every model; L is the mean cross-entropy over the full training split, logits normalised
 * with the statistics of all its rows. Both losses go through the same products, so that a radius of
 * 0 gives exactly 0.
 *
 * @param models Flat parameters, shape [P] each; read, never written.
 * @returns Samples of each model in nats.
 * @throws {RangeError} If `radius` is not finite and >= 0, `directions` not an integer >= 1 or
 * `directionSeed` not one in 0..2^32-1.
 * @throws {TypeError} If a loss is not finite, at a model or around it.
 */
export async function sampleSharpness(
  engine: Engine,
  { sizes, models, radius, directions, directionSeed }:
    & { readonly sizes: LayerSizes; readonly models: readonly SharedFloats[] }
    & SharpnessProtocol,
  { onProgress, signal }: SampleOptions = {},
): Promise<SharpnessSamples[]> {
  if (!(Number.isFinite(radius) && radius >= 0)) {
    throw new RangeError(
      `Cannot sample sharpness as radius must be finite and >= 0: current value is ${radius}`,
    );
  }
  if (!isCount(directions)) {
    throw new RangeError(
      `Cannot sample sharpness as directions must be an integer >= 1: current value is ${directions}`,
    );
  }
  if (!isSeed(directionSeed)) {
    throw new RangeError(
      `Cannot sample sharpness as direction seed must be an integer in 0..${MAX_SEED}: ` +
        `current value is ${directionSeed}`,
    );
  }
  // The minimum among its neighbours: its loss takes no pass of its own over the first layer.
  const losses = await engine.perturbedLosses(sizes, models, {
    seed: directionSeed,
    directions: [null, ...Array.from({ length: directions }, (_, k) => k)],
    radius,
    ...(onProgress ? { onProgress } : {}),
    ...(signal ? { signal } : {}),
  });
  return losses.map(([loss, ...perturbed]) => {
    checkLoss(loss!, "the loss");
    for (const value of perturbed) checkLoss(value, `the loss at radius ${radius}`);
    return { loss: loss!, samples: perturbed.map((value) => value - loss!) };
  });
}

function checkLoss(loss: number, name: string): void {
  if (!Number.isFinite(loss)) {
    throw new TypeError(
      `Cannot sample sharpness as ${name} must be finite: current value is ${loss}`,
    );
  }
}
