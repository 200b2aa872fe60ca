/**
 * `deno task train`: one network.
 *
 * @module
 */
import { dirname } from "node:path";
import { type Command, runCommand, UsageError } from "~/lib/cli/command.ts";
import {
  ENGINE_OPTIONS,
  engineOptions,
  imagesOption,
  readModelFile,
} from "~/lib/cli/common_options.ts";
import { openDisplay } from "~/lib/cli/terminal.ts";
import {
  BATCH_SIZE,
  choiceOption,
  EPOCHS,
  LEARNING_RATE,
  NON_NEGATIVE,
  numberOption,
  required,
  SEED,
  textOption,
} from "~/lib/cli/values.ts";
import { writeWhole } from "~/lib/files/files.ts";
import { initialise, MLP_1 } from "~/lib/model.ts";
import { encodeModel } from "~/lib/model.ts";
import { OPTIMIZERS } from "~/lib/optimizer.ts";
import { openEngineOnData } from "~/lib/reproduce.ts";
import { presets, STOPPING_RULES } from "~/lib/study.ts";
import { trainOne } from "~/lib/trainer.ts";

/** Its options. */
export const COMMAND: Command = {
  name: "train",
  summary: "Trains one network and writes it as safetensors, with PyTorch's names and layout.",
  options: {
    "learning-rate": { value: "LR", help: "required" },
    "batch-size": { value: "B", help: "images a batch, required" },
    optimizer: { value: "NAME", help: "SGD or AdaGrad, required" },
    seed: { value: "S", help: "seed of the initial weights, required" },
    init: { value: "FILE", help: "start from these weights instead" },
    "max-epochs": { value: "N", help: "epochs at most (default 30); 0 writes the initial weights" },
    images: { value: "N", help: "train on the first N images (default 50000)" },
    stopping: {
      value: "RULE",
      help: "consecutive (default) or cumulative epochs without progress",
    },
    "stopping-criterion": {
      value: "NATS",
      help: "progress that an epoch must make (default 1e-3)",
    },
    out: { value: "FILE", help: "where to write it, required" },
    ...ENGINE_OPTIONS,
  },
};

if (import.meta.main) {
  await runCommand(COMMAND, async (values, signal) => {
    const start = performance.now();
    const config = {
      optimizer: required(choiceOption(values, "optimizer", OPTIMIZERS), "optimizer"),
      learningRate: required(
        numberOption(values, "learning-rate", LEARNING_RATE),
        "learning-rate",
      ),
      batchSize: required(numberOption(values, "batch-size", BATCH_SIZE), "batch-size"),
      seed: required(numberOption(values, "seed", SEED), "seed"),
    };
    const out = required(textOption(values, "out"), "out");
    demandWritable(out);
    const { standard } = presets;
    const training = {
      ...standard.training,
      images: imagesOption(values),
      maxEpochs: numberOption(values, "max-epochs", EPOCHS) ?? standard.training.maxEpochs,
      stopping: choiceOption(values, "stopping", STOPPING_RULES) ?? standard.training.stopping,
      stoppingCriterion: numberOption(values, "stopping-criterion", NON_NEGATIVE) ??
        standard.training.stoppingCriterion,
    };
    const init = textOption(values, "init");
    const { sizes, parameters } = init === undefined
      ? { sizes: MLP_1, parameters: initialise(MLP_1, config.seed) }
      : await readModelFile(init, "init");
    const options = engineOptions(values);
    const display = openDisplay();
    try {
      const { onProgress } = display;
      const onData = await openEngineOnData({ training }, { ...options, onProgress });
      try {
        const protocol = { ...training, sizes };
        const record = await trainOne(onData, { config, protocol, parameters, onProgress, signal });
        const metadata = { run: JSON.stringify({ ...record, config, protocol }) };
        await writeWhole(out, encodeModel(sizes, parameters, { metadata }));
        const { training: trained, engines: [engine] } = record;
        const seconds = (performance.now() - start) / 1000;
        display.onMessage(
          `${trained.epochs} epochs (${trained.stopped}), training loss ${trained.trainLoss}, ` +
            `test accuracy ${trained.testAccuracy}, written to ${out}`,
        );
        if (values.json) {
          const { epochs, epochLosses, stopped, ...rest } = trained;
          console.log(
            JSON.stringify({ config, epochs, epochLosses, stopped, ...rest, engine, seconds }),
          );
        }
      } finally {
        await onData.engine.close();
      }
    } finally {
      display.close();
    }
  });
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
