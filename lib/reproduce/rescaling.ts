/**
 * What rescaling a layer, which changes no output, does to measures: computed once and kept.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import { readChecked } from "~/lib/files/checked.ts";
import { sha256, writeWhole } from "~/lib/files/files.ts";
import { DIRECTION_SEED, measureNetworks } from "~/lib/measure.ts";
import { rescaleLayer } from "~/lib/model.ts";
import { openEngineOnData } from "~/lib/reproduce/engine_on_data.ts";
import { hashOf } from "~/lib/reproduce/measure.ts";
import { getModelReady } from "~/lib/reproduce/model_ready.ts";
import { placed, type RunOptions } from "~/lib/reproduce/options.ts";
import { readRecord, runsAt } from "~/lib/results.ts";
import type { Study } from "~/lib/study.ts";
import { type Trajectory, trajectoryPath } from "~/lib/trainer.ts";

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
/** One of them. */
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
  const { folders: { results }, onMessage } = placed(options);
  const asked = { trajectory: trajectoryPath(trajectory), stop: study.stops[0]!, layer: LAYER };
  const key = sha256(JSON.stringify([asked, measures])).slice(0, 12);
  const path = join(results, "rescaling", `${key}.json`);
  const kept = await readChecked(
    path,
    onMessage,
    (bytes) => file.parse(JSON.parse(new TextDecoder().decode(bytes))),
  );
  const record = await readRecord(results, trajectory, onMessage);
  const [run] = record === undefined ? [] : runsAt(study, [record]);
  if (kept !== undefined && kept.network === (run?.training.sha256 ?? kept.network)) {
    return kept.rows;
  }
  if (options.cachedOnly) return [];
  const parameters = await getModelReady(study, trajectory, options);
  const { engine } = options.opened ?? await openEngineOnData(trajectory.images, options);
  try {
    const { sizes } = trajectory;
    const scaled = SCALES.map((c) => rescaleLayer(sizes, parameters, { layer: LAYER, c }));
    const evaluations = await engine.evaluate(sizes, scaled, { split: "train", gradient: false });
    const networks = evaluations.map(({ loss, accuracy }, index) => ({
      ...{ sizes, parameters: scaled[index]!, trainLoss: loss, trainAccuracy: accuracy },
      ...{ testLoss: NaN, testAccuracy: NaN },
    }));
    const values = await measureNetworks(engine, networks, SCALES.map(() => measures), {
      seed: DIRECTION_SEED,
    });
    const rows = SCALES.flatMap((scale, index): RescaledMeasure[] => [
      { scale, measure: "loss", value: evaluations[index]!.loss, standardError: null },
      ...values[index]!.map(({ estimate, standardError }, place) => (
        { scale, measure: measures[place]!, value: estimate, standardError }
      )),
    ]);
    const content = { ...asked, network: hashOf(parameters), rows };
    await writeWhole(path, JSON.stringify(content, null, 1) + "\n");
    return rows;
  } finally {
    if (options.opened === undefined) await engine.close();
  }
}
