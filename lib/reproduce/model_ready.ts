/**
 * One trained network, the counterpart of the original's `get_model_ready`, and what rescaling a
 * layer, which changes no output, does to its measures: computed once and kept.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import { readCheckedJson } from "~/lib/files/checked.ts";
import { sha256, writeWhole } from "~/lib/files/files.ts";
import { isHeld } from "~/lib/files/lock.ts";
import { measureNetworks } from "~/lib/measure.ts";
import { rescaleLayer, type SharedFloats } from "~/lib/model.ts";
import { readAgreeing } from "~/lib/reproduce/claim.ts";
import { type RunOptions, withDefaults, withEngine } from "~/lib/reproduce/options.ts";
import { run } from "~/lib/reproduce/run.ts";
import { readRecord, runAt } from "~/lib/results.ts";
import { checkStudy, type Study } from "~/lib/study.ts";
import { describeTrajectory, lockFile, type Trajectory, trajectoryPath } from "~/lib/trainer.ts";

/** A trajectory ended with a loss that is not finite: there is no network at the stop. */
export class DivergedError extends Error {
  override readonly name = "DivergedError";
}

/**
 * Gives the network of a trajectory at a study's first stop: from models/ if it is there, else it is
 * trained and kept.
 *
 * @returns Flat parameters, shape [P].
 * @throws {DivergedError} If the trajectory diverged before the stop.
 * @throws {Error} If another process is training it, or training ends without passing the stop.
 */
export async function getModelReady(
  asked: Study,
  trajectory: Trajectory,
  given: RunOptions = {},
): Promise<SharedFloats> {
  const options = withDefaults(given);
  const { models, results } = options.folders;
  const { optimizer, learningRate, batchSize, seed, sizes, images, order, init } = trajectory;
  const before = await readRecord(results, trajectory, options.onMessage);
  const study = checkStudy({
    ...{ ...asked, sizes, images, order, init },
    // What a record says is computed whole where this machine's losses replace it.
    measures: before === undefined ? { first: [], others: [] } : asked.measures,
    grid: {
      ...asked.grid,
      effects: ["pairs"],
      optimizers: [optimizer],
      pairs: [{ learningRate, batchSize }],
      seeds: [seed],
    },
  });
  const { records: [record], missingRuns } = await run(study, {
    ...options,
    wait: false,
    networks: true,
  });
  const failure = `Cannot get the network of ${describeTrajectory(trajectory)} ready`;
  if (missingRuns > 0 && await isHeld(lockFile(models, trajectory)) !== undefined) {
    throw new Error(`${failure} as another process is training it: wait for that to end`);
  }
  const [stop] = study.stops as [string];
  const { training } = (record && runAt(study, record, stop)) ?? {};
  if (training?.stopped === "diverged") {
    throw new DivergedError(`${failure} as training diverged after epoch ${training.epochs}`);
  }
  const network = training && await readAgreeing(options, trajectory, training.epochLosses);
  if (network !== undefined) return network.parameters;
  const isEnded = record !== undefined && missingRuns === 0;
  const reason = isEnded ? `training ended without passing the stop ${stop}` : "it is not kept";
  throw new Error(`${failure}: ${reason}`);
}

/** The first layer, and the factors c of its scale. */
const LAYER = 0;
const SCALES = [0.1, 0.2, 0.5, 1, 2, 5, 10];

/** Measures of a network one of whose layers is scaled: the measure is a canonical text. */
const rows = z.array(z.object({
  scale: z.number(),
  measure: z.string(),
  value: z.number(),
  standardError: z.nullable(z.number()),
}));
/** A measure of a network whose first layer is scaled. */
export type RescaledMeasure = z.infer<typeof rows>[number];

/** With the SHA-256 of the network's weights. */
const file = z.looseObject({ network: z.string(), rows });

/**
 * Measures the network at a study's first stop with its first layer scaled by 0.1 to 10, and the
 * loss as "loss"; nothing is computed where it was kept for that network, or with `cachedOnly`.
 *
 * @param measures Canonical texts.
 */
export async function rescaledMeasures(
  study: Study,
  trajectory: Trajectory,
  { measures, ...options }: RunOptions & { readonly measures: readonly string[] },
): Promise<RescaledMeasure[]> {
  const { folders: { results }, onMessage } = withDefaults(options);
  const [stop] = study.stops as [string];
  const asked = { trajectory: trajectoryPath(trajectory), stop, layer: LAYER };
  const key = sha256(JSON.stringify([asked, measures])).slice(0, 12);
  const path = join(results, "rescaling", `${key}.json`);
  const kept = await readCheckedJson(path, onMessage, file);
  const record = await readRecord(results, trajectory, onMessage);
  const known = record && runAt(study, record, stop)?.network?.sha256;
  if (kept && !options.fresh && kept.network === (known ?? kept.network)) return kept.rows;
  if (options.cachedOnly) return [];
  const parameters = await getModelReady(study, trajectory, options);
  return await withEngine(trajectory.images, options, async ({ engine }) => {
    const { sizes } = trajectory;
    const scaled = SCALES.map((c) => rescaleLayer(sizes, parameters, { layer: LAYER, c }));
    const evaluations = await engine.evaluate(sizes, scaled, { split: "train" });
    const networks = scaled.map((parameters) => ({ sizes, parameters }));
    const values = await measureNetworks(engine, networks, SCALES.map(() => measures));
    const rows = SCALES.flatMap((scale, index): RescaledMeasure[] => [
      { scale, measure: "loss", value: evaluations[index]!.loss, standardError: null },
      ...values[index]!.map(({ estimate, standardError }, place) => (
        { scale, measure: measures[place]!, value: estimate, standardError }
      )),
    ]);
    const content = { ...asked, network: sha256(parameters), rows };
    await writeWhole(path, JSON.stringify(content, null, 1) + "\n");
    return rows;
  });
}
