/**
 * What rescaling a layer, which changes no output, does to measures: computed once and kept.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import { readChecked } from "~/lib/files/checked.ts";
import { sha256, writeWhole } from "~/lib/files/files.ts";
import { DIRECTION_SEED, measureNetworks, openMeasure } from "~/lib/measure.ts";
import { rescaleLayer } from "~/lib/model.ts";
import { openEngineOnData } from "~/lib/reproduce/engine_on_data.ts";
import { getModelReady } from "~/lib/reproduce/model_ready.ts";
import { PROJECT_FOLDERS, type RunOptions } from "~/lib/reproduce/options.ts";
import { readRecord, runsAt } from "~/lib/results.ts";
import type { Study } from "~/lib/study.ts";
import { type Trajectory, trajectoryPath } from "~/lib/trainer.ts";

/** Factors c of the layer's scale. */
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

/** With the SHA-256 of the network's weights, little-endian float32. */
const file = z.looseObject({ network: z.string(), rows });

/**
 * Measures the network at a study's first stop with one layer scaled by 0.1 to 10, and the loss as
 * "loss"; nothing is computed where it was kept for that network, and with `cachedOnly` nothing at
 * all.
 *
 * @param measures Canonical texts; `layer`: which layer, 0 for the first.
 */
export async function rescaledMeasures(
  study: Study,
  trajectory: Trajectory,
  { measures, layer = 0, ...options }: RunOptions & {
    readonly measures: readonly string[];
    readonly layer?: number;
  },
): Promise<RescaledMeasure[]> {
  const { folders = PROJECT_FOLDERS, onMessage = console.error, cachedOnly = false } = options;
  const asked = { trajectory: trajectoryPath(trajectory), stop: study.stops[0] ?? "", layer };
  const key = sha256(JSON.stringify([asked, measures])).slice(0, 12);
  const path = join(folders.results, "rescaling", `${key}.json`);
  const kept = await readChecked(
    path,
    onMessage,
    (bytes) => file.parse(JSON.parse(new TextDecoder().decode(bytes))),
  );
  const record = await readRecord(folders.results, trajectory, onMessage);
  const [run] = record === undefined ? [] : runsAt(study, [record]);
  const network = run?.training.sha256;
  if (kept !== undefined && kept.network === (network ?? kept.network)) return kept.rows;
  if (cachedOnly) return [];
  const parameters = await getModelReady(study, trajectory, options);
  const { sizes } = trajectory;
  const { engine } = options.opened ?? await openEngineOnData(trajectory.images, options);
  try {
    const networks = SCALES.map((c) => rescaleLayer(sizes, parameters, { layer, c }));
    const evaluations = await engine.evaluate(sizes, networks, { split: "train", gradient: false });
    const values = await measureNetworks(
      engine,
      networks.map((scaled, index) => ({
        sizes,
        parameters: scaled,
        trainLoss: evaluations[index]!.loss,
        trainAccuracy: evaluations[index]!.accuracy,
        testLoss: NaN,
        testAccuracy: NaN,
      })),
      networks.map(() => measures.map((text) => openMeasure(text).text)),
      { seed: DIRECTION_SEED },
    );
    const rows = SCALES.flatMap((scale, index): RescaledMeasure[] => [
      { scale, measure: "loss", value: evaluations[index]!.loss, standardError: null },
      ...measures.map((measure, place) => {
        const { estimate, standardError } = values[index]![place]!;
        return { scale, measure, value: estimate, standardError };
      }),
    ]);
    const bytes = new Uint8Array(parameters.buffer, parameters.byteOffset, parameters.byteLength);
    await writeWhole(
      path,
      JSON.stringify({ ...asked, network: sha256(bytes), rows }, null, 1) + "\n",
    );
    return rows;
  } finally {
    if (options.opened === undefined) await engine.close();
  }
}
