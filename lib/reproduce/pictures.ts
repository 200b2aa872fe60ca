/**
 * The study's landscapes: lines between networks at equal loss, planes around networks at the stop.
 *
 * @module
 */
import { join } from "node:path";
import { type Landscape, lineBetween, randomSpan, readLandscape, survey } from "~/lib/landscape.ts";
import { DIRECTION_SEED } from "~/lib/measure.ts";
import { getModelReady } from "~/lib/reproduce/model_ready.ts";
import { placed, revision, type RunOptions, withEngine } from "~/lib/reproduce/options.ts";
import { hashOf } from "~/lib/reproduce/steps.ts";
import { type Pair, presets, type Study, trajectoryOf } from "~/lib/study.ts";

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

/** Planes reach half as far as each filter's own norm, twice as far as the scale-free measure. */
const RADIUS = 0.5;

/**
 * The landscape of a picture: from results/landscape where it was finished, else its networks
 * are trained and it is surveyed; what is finished of it is kept.
 *
 * @returns Undefined where it is not whole and `cachedOnly` forbids to compute.
 */
export async function surveyPicture(
  { name, networks, stop, seed, points }: Picture,
  { study = presets.standard, ...options }: RunOptions & { readonly study?: Study } = {},
): Promise<Landscape | undefined> {
  const { folders: { results }, onProgress, signal } = placed(options);
  const path = join(results, "landscape", `${name}.json`);
  const wanted = networks.length === 1 ? points ** 2 : points;
  const kept = await readLandscape(path);
  if (kept?.points.length === wanted) return kept;
  if (options.cachedOnly) return undefined;
  const asked = { ...study, stops: [stop], measures: { first: [], others: [] } };
  return await withEngine(study.images, options, async (opened) => {
    const { engine, engine: { info } } = opened;
    const found = [];
    for (const network of networks) {
      const trajectory = trajectoryOf(study, network!, seed);
      const parameters = await getModelReady(asked, trajectory, { ...options, opened });
      found.push({ name: network!.name, sizes: study.sizes, parameters });
    }
    const [from, to] = found;
    const span = to === undefined
      ? randomSpan(from!, {
        ...{ seed: DIRECTION_SEED, normalise: "filter", biases: "move", radius: RADIUS },
        points: [points, points],
      })
      : lineBetween(from!, to, points);
    const question = {
      ...{ picture: name, stop, networks: found.map(({ parameters }) => hashOf(parameters)) },
      ...{ images: study.images, radius: to === undefined ? RADIUS : null },
      ...{ normalise: to === undefined ? "filter" : "none", biases: "move" },
      ...{ engine: { name: info.name, library: info.library }, revision: revision() },
    };
    return await survey(engine, span, {
      ...{ question, path },
      ...(signal === undefined ? {} : { signal }),
      onProgress: (done, total) => onProgress?.({ message: `landscape ${name}`, done, total }),
    });
  });
}
