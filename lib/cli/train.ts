/**
 * `deno task train`: one network.
 *
 * @module
 */
import { dirname } from "node:path";
import { engineOptions, foldersFrom, orderFrom, readModelFile } from "~/lib/cli/asked.ts";
import type { Main } from "~/lib/cli/main.ts";
import type { Values } from "~/lib/cli/options.ts";
import { UsageError } from "~/lib/domain.ts";
import { sha256, writeWhole } from "~/lib/files/files.ts";
import { plural } from "~/lib/files/numbers.ts";
import { formatSeconds } from "~/lib/files/text.ts";
import { DivergedError, run } from "~/lib/reproduce.ts";
import { locateStop, type TrajectoryRecord } from "~/lib/results.ts";
import { checkStudy, listTrajectories, presets, type Study } from "~/lib/study.ts";
import { networkFile, type Trajectory } from "~/lib/trainer.ts";

type Required = "optimizer" | "learning-rate" | "batch-size" | "seed" | "out";

/** The study of one trajectory that the options describe. */
export function trainingFrom(values: Values<Exclude<Required, "out">>): Study {
  const { standard } = presets;
  return checkStudy({
    ...standard,
    images: values.images ?? standard.images,
    ...orderFrom(values),
    maxEpochs: values["max-epochs"] ?? standard.maxEpochs,
    stops: values.stops ?? ["cumulative:1e-3"],
    measures: { first: [], others: [] },
    grid: {
      ...standard.grid,
      effects: ["pairs"],
      optimizers: [values.optimizer],
      pairs: [{ learningRate: values["learning-rate"], batchSize: values["batch-size"] }],
      seeds: [values.seed],
    },
  });
}

/** Trains, writes the network of the last stop and tells of it. */
export const main: Main<Required> = async (values, { signal, display }) => {
  const asked = trainingFrom(values);
  const options = engineOptions(values);
  const { out, init } = values;
  demandFile(out);
  const { models } = await foldersFrom(values);
  const initial = init === undefined ? undefined : await readModelFile(init, "init");
  const study = initial === undefined ? asked : {
    ...asked,
    sizes: initial.sizes,
    init: sha256(new Uint8Array(initial.parameters.buffer)).slice(0, 12),
  };
  const { records: [record] } = await run(study, {
    ...{ ...options, ...display, signal },
    // The record stays with the networks: results/ is for studies.
    folders: { models, results: models },
    networks: true,
    ...(initial === undefined ? {} : { initial: initial.parameters }),
  });
  const [trajectory] = listTrajectories(study);
  const seconds = performance.now() / 1000;
  const report = reportOf(study, trajectory!, record!);
  const { epochs, stopped, trainLoss, testAccuracy } = report;
  await writeWhole(out, await Deno.readFile(networkFile(models, trajectory!, epochs)));
  display.onMessage(
    `${plural(epochs, "epoch")} (${stopped}), training loss ${trainLoss.toFixed(4)}, test ` +
      `accuracy ${(100 * testAccuracy).toFixed(1)} %, written to ${out}, ${formatSeconds(seconds)}`,
  );
  return { ...report, seconds };
};

/** What the last stop gave. */
function reportOf(
  study: Study,
  config: Trajectory,
  { content, provenance }: TrajectoryRecord,
): { epochs: number; stopped: string; trainLoss: number; testAccuracy: number } {
  const states = study.stops.flatMap((stop) => locateStop(study, stop, content) ?? []);
  const last = states.sort((a, b) => a.epoch - b.epoch).at(-1);
  const network = content.networks.find(({ epoch }) => epoch === last?.epoch);
  if (last === undefined || network === undefined || last.outcome === "diverged") {
    throw new DivergedError(
      `Training diverged in epoch ${
        content.epochLosses.length + 1
      }: nothing was written; a smaller ` +
        "learning rate may stay finite",
    );
  }
  const { measures: _, sha256: __, epoch: epochs, ...values } = network;
  const epochLosses = content.epochLosses.slice(0, epochs);
  const fields = { config, epochs, epochLosses, stopped: last.outcome, stops: content.stops };
  return { ...fields, ...values, ...{ engine: provenance.at(-1)!.engine } };
}

/** @throws {UsageError} If the path is not that of a file, there or not, in a folder that is. */
function demandFile(out: string): void {
  const kindOf = (path: string): "folder" | "file" | "nothing" | "unusable" => {
    try {
      return Deno.statSync(path).isDirectory ? "folder" : "file";
    } catch (error) {
      return error instanceof Deno.errors.NotFound ? "nothing" : "unusable";
    }
  };
  const isFile = ["file", "nothing"].includes(kindOf(out)) && !/[/\\]$/.test(out);
  if (isFile && kindOf(dirname(out)) === "folder") return;
  throw new UsageError(
    `--out must name a file in a folder that exists: current value is ${out}`,
  );
}
