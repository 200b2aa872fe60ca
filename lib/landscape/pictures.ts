/**
 * The landscapes of the study, and where they are kept: lines between networks at one epoch loss,
 * planes around networks at the stop.
 *
 * @module
 */
import { join } from "node:path";
import { type Landscape, readLandscape } from "~/lib/landscape/survey.ts";
import { type Pair, presets } from "~/lib/study.ts";

/** A network of a picture. */
export interface PicturedNetwork extends Pair {
  readonly optimizer: string;
  /** Where a figure names it. */
  readonly name: string;
}

/** A landscape that is to be had. */
export interface Picture {
  /** Of its file. */
  readonly name: string;
  /** Of its panel. */
  readonly heading: string;
  /** The stop and the seed of its networks. */
  readonly stop: string;
  readonly seed: number;
  /** Two for the line between them, one for the plane of two random directions around it. */
  readonly networks: readonly [PicturedNetwork, PicturedNetwork?];
  /** Points along each axis. */
  readonly points: number;
}

/**
 * From a small to a large batch and from a small to a large learning rate, each at one epoch loss
 * (Keskar et al. arXiv 1609.04836, section 2.2.1).
 */
export const LINES: readonly Picture[] = [
  {
    ...{ name: "line-batch-size", heading: "SGD, batch size 64 to 16384" },
    ...{ stop: "loss:1.9", seed: 1 },
    networks: [
      { optimizer: "SGD", learningRate: 1e-4, batchSize: 64, name: "64" },
      { optimizer: "SGD", learningRate: 1e-4, batchSize: 16384, name: "16384" },
    ],
    points: 41,
  },
  {
    ...{ name: "line-learning-rate", heading: "SGD, learning rate 10⁻³ to 10⁻¹" },
    ...{ stop: "loss:1.1", seed: 0 },
    networks: [
      { optimizer: "SGD", learningRate: 1e-3, batchSize: 128, name: "10⁻³" },
      { optimizer: "SGD", learningRate: 1e-1, batchSize: 128, name: "10⁻¹" },
    ],
    points: 41,
  },
];

/** Planes around the networks of standard's first seed, filters moved by shares of their norms. */
export const PLANES: readonly Picture[] =
  ([[1e-4, "10⁻⁴"], [1e-2, "10⁻²"], [1e-1, "10⁻¹"]] as const)
    .flatMap(([learningRate, rate]) =>
      ["SGD", "AdaGrad"].map((optimizer) => ({
        ...{ name: `plane-${optimizer}-${learningRate}`, stop: presets.standard.stops[0]! },
        seed: 0,
        heading: `${optimizer}, learning rate ${rate}`,
        networks: [{ optimizer, learningRate, batchSize: 128, name: "" }] as const,
        points: 13,
      }))
    );

/** Where a picture's landscape is kept. */
export function pictureFile({ name }: Picture, results: string): string {
  return join(results, "landscape", `${name}.json`);
}

/** Reads a picture's landscape; undefined where it is not whole. */
export async function readPicture(
  picture: Picture,
  results: string,
): Promise<Landscape | undefined> {
  const { networks, points } = picture;
  const kept = await readLandscape(pictureFile(picture, results));
  return kept?.points.length === (networks.length === 1 ? points ** 2 : points) ? kept : undefined;
}
