/**
 * The cells that the original study published.
 *
 * @module
 */
import type { EffectName } from "~/lib/study.ts";

/** A published cell: 6 seeds x 49 directions at radius 5, where `cumulative:1e-4` stopped training. */
export interface PublishedCell {
  readonly effect: EffectName;
  readonly optimizer: string;
  /** Learning rate at batch size 128, or batch size at learning rate 1e-4. */
  readonly value: number;
  /** Mean sharpness in nats. */
  readonly mean: number;
  /** Half the width of the 95 % t interval over the 6 seed means. */
  readonly halfWidth: number;
}

/** How the published networks came about, as far as it is the same in all cells. */
export const PUBLISHED_PROTOCOL = {
  images: 50_000,
  stop: "cumulative:1e-4",
  baseLearningRate: 1e-4,
  baseBatchSize: 128,
  radius: 5,
} as const;

/**
 * Computed from the samples that the original study published
 * (https://github.com/Contrapassot/OML, results/). Its base cell stands in both effects, with runs of
 * its own each time; its seeds are not paired.
 */
export const PUBLISHED_CELLS: readonly PublishedCell[] = [
  ...series("learning-rate", "SGD", [
    [1e-4, 1.29571, 0.03383],
    [5e-4, 0.90992, 0.06569],
    [1e-3, 0.74481, 0.01802],
    [5e-3, 0.2267, 0.01426],
    [1e-2, 0.10663, 0.00589],
    [5e-2, 0.0229, 0.00165],
    [1e-1, 0.01024, 0.00085],
  ]),
  ...series("learning-rate", "AdaGrad", [
    [1e-4, 0.56653, 0.01368],
    [5e-4, 0.99071, 0.01852],
    [1e-3, 0.91671, 0.03796],
    [5e-3, 0.17615, 0.00767],
    [1e-2, 0.07782, 0.0078],
    [5e-2, 0.01327, 0.00584],
    [1e-1, 0.00254, 0.0006],
  ]),
  ...series("batch-size", "SGD", [
    [32, 1.19406, 0.02571],
    [64, 1.35438, 0.0156],
    [128, 1.30674, 0.03613],
    [256, 1.17995, 0.04545],
    [512, 1.01863, 0.02],
    [1024, 0.64529, 0.02286],
    [2048, 0.29499, 0.01329],
    [4096, 0.21061, 0.00612],
    [8192, 0.18277, 0.00553],
    [16384, 0.17374, 0.00641],
    [32768, 0.12483, 0.00834],
    [50000, 0.10874, 0.00934],
  ]),
  ...series("batch-size", "AdaGrad", [
    [32, 0.5497, 0.0105],
    [64, 0.55752, 0.01883],
    [128, 0.56608, 0.01718],
    [256, 0.57152, 0.00537],
    [512, 0.57781, 0.019],
    [1024, 0.58909, 0.02408],
    [2048, 0.57875, 0.01602],
    [4096, 0.56085, 0.0135],
    [8192, 0.48514, 0.02766],
    [16384, 0.38802, 0.01691],
    [32768, 0.31304, 0.02772],
    [50000, 0.24874, 0.03525],
  ]),
];

function series(
  effect: EffectName,
  optimizer: string,
  rows: readonly (readonly [value: number, mean: number, halfWidth: number])[],
): PublishedCell[] {
  return rows.map(([value, mean, halfWidth]) => ({ effect, optimizer, value, mean, halfWidth }));
}
