/**
 * Surveys the study's landscapes.
 *
 * @module
 */
import { sha256 } from "~/lib/files/files.ts";
import {
  type Landscape,
  lineBetween,
  type Picture,
  pictureFile,
  randomSpan,
  readPicture,
  survey,
} from "~/lib/landscape.ts";
import { DIRECTION_SEED } from "~/lib/measure.ts";
import { getModelReady } from "~/lib/reproduce/model_ready.ts";
import { revision, type RunOptions, withDefaults, withEngine } from "~/lib/reproduce/options.ts";
import { presets, type Study, trajectoryOf } from "~/lib/study.ts";

/** Planes reach half as far as each filter's own norm, twice as far as the scale-free measure. */
const RADIUS = 0.5;

/**
 * The landscape of a picture: from results/landscape where it was finished, else its networks
 * are trained and it is surveyed; what is finished of it is kept.
 *
 * @returns Undefined where it is not whole and `cachedOnly` forbids to compute.
 */
export async function surveyPicture(
  picture: Picture,
  { study = presets.standard, ...options }: RunOptions & { readonly study?: Study } = {},
): Promise<Landscape | undefined> {
  const { folders: { results }, onProgress, signal } = withDefaults(options);
  const { name, networks, stop, seed, points } = picture;
  const kept = options.fresh ? undefined : await readPicture(picture, results, study.images);
  if (kept !== undefined || options.cachedOnly) return kept;
  const asked = { ...study, stops: [stop], measures: { first: [], others: [] } };
  return await withEngine(study.images, options, async (opened) => {
    const { engine, engine: { info } } = opened;
    const found = [];
    for (const network of networks) {
      const trajectory = trajectoryOf(study, network, seed);
      const parameters = await getModelReady(asked, trajectory, { ...options, opened });
      found.push({ name: network.name, sizes: study.sizes, parameters });
    }
    const [from, to] = found;
    const span = to === undefined
      ? randomSpan(from!, {
        ...{ seed: DIRECTION_SEED, normalise: "filter", biases: "move", radius: RADIUS },
        points: [points, points],
      })
      : lineBetween(from!, to, points);
    const question = {
      ...{ picture: name, stop, networks: found.map(({ parameters }) => sha256(parameters)) },
      ...{ images: study.images, points, radius: to === undefined ? RADIUS : null },
      ...{ normalise: to === undefined ? "filter" : "none", biases: "move" },
      ...{ engine: { name: info.name, library: info.library }, revision: revision() },
    };
    return await survey(engine, span, {
      ...{ question, path: pictureFile(picture, results), signal },
      onProgress: (done, total) => onProgress?.({ message: `landscape ${name}`, done, total }),
    });
  });
}
