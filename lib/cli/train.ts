/**
 * `deno task train`: one network.
 *
 * @module
 */
import { dirname } from "node:path";
import { type Command, runCommand, type Values } from "~/lib/cli/command.ts";
import {
  ENGINE_OPTIONS,
  engineOptions,
  imagesOption,
  readModelFile,
} from "~/lib/cli/common_options.ts";
import { foldersFrom } from "~/lib/cli/study_options.ts";
import { openDisplay } from "~/lib/cli/terminal.ts";
import { numberOption, required, textOption, textsOption } from "~/lib/cli/values.ts";
import { batchSize, epochs, learningRate, seed, UsageError } from "~/lib/domain.ts";
import { sha256, writeWhole } from "~/lib/files/files.ts";
import { formatSeconds } from "~/lib/files/text.ts";
import { MLP_1, type ModelFile } from "~/lib/model.ts";
import { openOptimizer, optimizerHelp } from "~/lib/optimizer.ts";
import { DivergedError, run } from "~/lib/reproduce.ts";
import { locateStop, type TrajectoryRecord } from "~/lib/results.ts";
import { listTrajectories, presets, type Study } from "~/lib/study.ts";
import { networkFile, openStop, STOP_HELP, type Trajectory } from "~/lib/trainer.ts";

/** Where training ends if nothing is said. */
const USUAL_STOP = "cumulative:1e-3";

/** Its options. */
export const COMMAND: Command = {
  name: "train",
  summary: "Trains one network and writes it as safetensors, with PyTorch's names and layout.",
  options: {
    "learning-rate": { value: "LR", help: `${learningRate.description}, required` },
    "batch-size": { value: "B", help: "images a batch, required" },
    optimizer: { value: "NAME", help: 'e.g. SGD or "SGD(momentum=0.9)", required' },
    seed: { value: "S", help: "seed of the initial weights, required" },
    init: { value: "FILE", help: "start from these weights instead" },
    stops: {
      value: "LIST",
      help: `${STOP_HELP} (default ${USUAL_STOP}); that of the last epoch is written`,
    },
    "max-epochs": { value: "N", help: "epochs at most; 0 writes the initial weights" },
    images: { value: "N", help: "train on the first N images (default 50000)" },
    models: { value: "DIR", help: "where its trajectory is kept, to go on from (default models/)" },
    out: { value: "FILE", help: "where to write it, required" },
    ...ENGINE_OPTIONS,
  },
  notes: ["Optimizers:", ...optimizerHelp().map((line) => `  ${line}`)],
};

/**
 * The study of one trajectory that the options describe.
 *
 * @throws {UsageError} If a value is missing or is not one for training.
 */
export function trainingFrom(values: Values): Study {
  const { standard } = presets;
  const optimizer = openOptimizer(required(textOption(values, "optimizer"), "optimizer")).text;
  const pair = {
    learningRate: required(numberOption(values, "learning-rate", learningRate), "learning-rate"),
    batchSize: required(numberOption(values, "batch-size", batchSize), "batch-size"),
  };
  const seeds = [required(numberOption(values, "seed", seed), "seed")];
  return {
    ...standard,
    sizes: MLP_1,
    images: imagesOption(values),
    maxEpochs: numberOption(values, "max-epochs", epochs) ?? standard.maxEpochs,
    stops: textsOption(values, "stops", openStop) ?? [USUAL_STOP],
    measures: { first: [], others: [] },
    grid: {
      ...standard.grid,
      effects: ["pairs"],
      optimizers: [optimizer],
      pairs: [pair],
      seeds,
    },
  };
}

if (import.meta.main) {
  await runCommand(COMMAND, async (values, signal) => {
    const start = performance.now();
    const asked = trainingFrom(values);
    const options = engineOptions(values);
    const out = required(textOption(values, "out"), "out");
    demandWritable(out);
    const { models } = await foldersFrom(values);
    const init = textOption(values, "init");
    const initial = init === undefined ? undefined : await readModelFile(init, "init");
    const study = initial === undefined
      ? asked
      : { ...asked, sizes: initial.sizes, init: hashOf(initial) };
    const display = openDisplay();
    try {
      const { records: [record] } = await run(study, {
        ...options,
        ...display,
        signal,
        // The record stays with the networks: results/ is for studies.
        folders: { models, results: models },
        networks: true,
        ...(initial === undefined ? {} : { initial: initial.parameters }),
      });
      const [trajectory] = listTrajectories(study);
      const report = reportOf(study, trajectory!, record!);
      await writeWhole(out, await Deno.readFile(networkFile(models, trajectory!, report.epochs)));
      const seconds = (performance.now() - start) / 1000;
      display.onMessage(
        `${report.epochs} epochs (${report.stopped}), training loss ${report.trainLoss}, test ` +
          `accuracy ${report.testAccuracy}, written to ${out}, ${formatSeconds(seconds)}`,
      );
      if (values.json) console.log(JSON.stringify({ ...report, seconds }));
    } finally {
      display.close();
    }
  });
}

interface Report {
  readonly epochs: number;
  readonly stopped: string;
  readonly trainLoss: number;
  readonly testAccuracy: number;
}

/** What the last stop gave. */
function reportOf(
  study: Study,
  config: Trajectory,
  { content, provenance }: TrajectoryRecord,
): Report {
  const states = study.stops.flatMap((stop) => locateStop(study, stop, content) ?? []);
  const last = states.sort((a, b) => a.epoch - b.epoch).at(-1);
  const network = content.networks.find(({ epoch }) => epoch === last?.epoch);
  if (last === undefined || network === undefined || last.outcome === "diverged") {
    throw new DivergedError(
      `Training diverged after epoch ${content.epochLosses.length}: nothing was written`,
    );
  }
  const { measures: _, sha256: __, epoch: epochs, ...values } = network;
  return {
    config,
    epochs,
    epochLosses: content.epochLosses.slice(0, epochs),
    stopped: last.outcome,
    stops: content.stops,
    ...values,
    engine: provenance.at(-1)!.engine,
  } as Report;
}

function hashOf({ parameters }: ModelFile): string {
  return sha256(new Uint8Array(parameters.buffer)).slice(0, 12);
}

function demandWritable(out: string): void {
  if (/[/\\]$/.test(out)) {
    throw new UsageError(`--out must name a file in a folder: ${out} ends as a folder does`);
  }
  const folder = dirname(out);
  for (const [path, wanted] of [[folder, "folder"], [out, "file"]] as const) {
    let info: Deno.FileInfo;
    try {
      info = Deno.statSync(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound && wanted === "file") continue;
      throw new UsageError(`--out must name a file in a folder that exists: there is no ${path}`);
    }
    if (info.isDirectory !== (wanted === "folder")) {
      throw new UsageError(`--out must name a file in a folder: ${path} is no ${wanted}`);
    }
  }
}
