/**
 * The landscapes of the study, and where they are kept: lines between networks at one epoch loss,
 * planes around networks at the stop.
 *
 * @module
 */
import { join } from "node:path";
import { scientific } from "~/lib/files/numbers.ts";
import { type Landscape, readLandscape } from "~/lib/landscape/survey.ts";
import { type Pair, presets } from "~/lib/study.ts";

/** A landscape that is to be had. */
export interface Picture {
  /** Of its file. */
  readonly name: string;
  /** Of its panel. */
  readonly heading: string;
  /** The stop and the seed of its networks. */
  readonly stop: string;
  readonly seed: number;
  /**
   * Two for the line between them, one for the plane of two random directions around it; each with its
   * name in a figure.
   */
  readonly networks: readonly (Pair & { readonly optimizer: string; readonly name: string })[];
  /** Points along each axis. */
  readonly points: number;
}

/**
 * From a small to a large batch and from a small to a large learning rate, each at one epoch loss
 * (Keskar et al. arXiv 1609.04836, section 2.2.1).
 */
export const LINES: readonly Picture[] = [
  {
    ...{ name: "line-batch-size", heading: "SGD, batch size 64 to 16384", points: 41 },
    ...{ stop: "loss:1.9", seed: 1 },
    networks: [64, 16384].map((batchSize) => (
      { optimizer: "SGD", learningRate: 1e-4, batchSize, name: String(batchSize) }
    )),
  },
  {
    ...{ name: "line-learning-rate", heading: "SGD, learning rate 10⁻³ to 10⁻¹", points: 41 },
    ...{ stop: "loss:1.1", seed: 0 },
    networks: [1e-3, 1e-1].map((learningRate) => (
      { optimizer: "SGD", learningRate, batchSize: 128, name: scientific(learningRate) }
    )),
  },
];

/** Planes around the networks of standard's first seed, filters moved by shares of their norms. */
export const PLANES: readonly Picture[] = [1e-4, 1e-2, 1e-1].flatMap((learningRate) =>
  ["SGD", "AdaGrad"].map((optimizer): Picture => ({
    name: `plane-${optimizer}-${learningRate}`,
    heading: `${optimizer}, learning rate ${scientific(learningRate)}`,
    ...{ stop: presets.standard.stops[0]!, seed: 0, points: 13 },
    networks: [{ optimizer, learningRate, batchSize: 128, name: "" }],
  }))
);

/** Where a picture's landscape is kept. */
export function pictureFile({ name }: Picture, results: string): string {
  return join(results, "landscape", `${name}.json`);
}

/** Reads a picture's landscape of so many images; undefined where it is not whole, or is of others. */
export async function readPicture(
  picture: Picture,
  results: string,
  images = presets.standard.images,
): Promise<Landscape | undefined> {
  const { points, stop } = picture;
  const kept = await readLandscape(pictureFile(picture, results));
  // A line meets its networks, too, where even points pass between them.
  const counts = kept?.axes.map(({ ticks }) => ticks.length) ?? [];
  const isWhole = kept?.points.length === counts.reduce((product, count) => product * count, 1);
  const isSame = kept?.question.images === images && kept.question.stop === stop &&
    counts.every((count) => count >= points && count <= points + 2);
  return isWhole && isSame ? kept : undefined;
}
