/**
 * `deno task train`: one network.
 *
 * @module
 */
import { readModelFile, remarks, studyFrom } from "~/lib/cli/asked.ts";
import type { Main } from "~/lib/cli/main.ts";
import { sha256, writeWhole } from "~/lib/files/files.ts";
import { plural } from "~/lib/files/numbers.ts";
import { formatSeconds } from "~/lib/files/text.ts";
import { DivergedError, PROJECT_FOLDERS, run } from "~/lib/reproduce.ts";
import { runsAt, type TrajectoryRecord } from "~/lib/results.ts";
import { presets, type Study } from "~/lib/study.ts";
import { networkFile } from "~/lib/trainer.ts";

/** A study of one trajectory, which the options complete. */
export const TRAINING: Study = {
  ...presets.standard,
  stops: ["cumulative:1e-3"],
  measures: { first: [], others: [] },
  grid: { ...presets.standard.grid, effects: ["learning-rate"] },
};

/** Trains, writes the network of the last stop and tells of it. */
export const main: Main<"out"> = async (values, about) => {
  const asked = studyFrom(values, TRAINING);
  for (const remark of remarks(values, asked)) about.onMessage(remark);
  const { out, init, models = PROJECT_FOLDERS.models } = values;
  const initial = init === undefined ? undefined : await readModelFile(init);
  const study = initial === undefined ? asked : {
    ...asked,
    sizes: initial.sizes,
    init: sha256(initial.parameters).slice(0, 12),
  };
  const { records } = await run(study, {
    ...{ ...values, ...about },
    // The record stays with the networks: results/ is for studies.
    folders: { models, results: models },
    ...{ networks: true, initial: initial?.parameters },
  });
  const [{ content, provenance }] = records as readonly [TrajectoryRecord];
  const runs = study.stops.flatMap((stop) => runsAt(study, records, stop))
    .sort((a, b) => a.training.epochs - b.training.epochs);
  const last = runs.at(-1);
  // Weights that are not finite from the start have no run.
  if (last?.network === undefined) {
    throw new DivergedError(
      `Training diverged in epoch ${content.epochLosses.length + 1}: nothing was written; a ` +
        "smaller learning rate may stay finite",
    );
  }
  const { config, training, network: { epoch, sha256: _, measures: __, ...evaluated } } = last;
  const { trainLoss, testAccuracy } = evaluated;
  const seconds = performance.now() / 1000;
  const time = formatSeconds(seconds);
  await writeWhole(out, await Deno.readFile(networkFile(models, config, epoch)));
  about.onMessage(
    `${plural(epoch, "epoch")} (${training.stopped}), training loss ${trainLoss.toFixed(4)}, ` +
      `test accuracy ${(100 * testAccuracy).toFixed(1)} %, written to ${out}, ${time}`,
  );
  const { engine } = provenance.at(-1)!;
  const passed = Object.entries(content.stops).filter(([stop]) => study.stops.includes(stop));
  const stops = Object.fromEntries(passed);
  return { config, ...training, ...evaluated, stops, engine, seconds };
};
