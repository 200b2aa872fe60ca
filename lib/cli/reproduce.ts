/**
 * `deno task reproduce`: the study from data to figures.
 *
 * @module
 */
import { isAbsolute, join, relative } from "node:path";
import { reportCells, summariseCells } from "~/lib/results.ts";
import { type Command, runCommand, UsageError, type Values } from "~/lib/cli/command.ts";
import { ENGINE_OPTIONS, engineOptions } from "~/lib/cli/common_options.ts";
import { openDisplay } from "~/lib/cli/terminal.ts";
import {
  BATCH_SIZE,
  choiceOption,
  choicesOption,
  DIRECTIONS,
  EPOCHS,
  IMAGES,
  LEARNING_RATE,
  NON_NEGATIVE,
  numberOption,
  numbersOption,
  SEED,
  textOption,
} from "~/lib/cli/values.ts";
import { dataDirectory } from "~/lib/dataset.ts";
import { isLink } from "~/lib/files/files.ts";
import { OPTIMIZERS } from "~/lib/optimizer.ts";
import { formatSeconds } from "~/lib/files/progress.ts";
import { type Plan, plan, PROJECT_FOLDERS, run } from "~/lib/reproduce.ts";
import type { Folders } from "~/lib/results.ts";
import {
  EFFECTS,
  PRESETS,
  presets,
  resultsFolder,
  runPath,
  STOPPING_RULES,
  type Study,
} from "~/lib/study.ts";
import { checkStudy } from "~/lib/study.ts";

/** Its options. */
export const COMMAND: Command = {
  name: "reproduce",
  summary:
    "Trains and measures the runs of a study that have no result yet, then draws its figures.",
  options: {
    preset: { value: "NAME", help: "quick (default), standard or paper" },
    effects: { value: "LIST", help: "learning-rate, batch-size or both" },
    optimizers: { value: "LIST", help: "SGD, AdaGrad or both" },
    "learning-rates": { value: "LIST", help: "in place of the preset's, e.g. 1e-3,1e-2" },
    "batch-sizes": { value: "LIST", help: "in place of the preset's, e.g. 32,128" },
    seeds: { value: "LIST", help: "seeds of the initial weights, e.g. 0,1,2" },
    images: { value: "N", help: "train on the first N images, 1..50000" },
    "max-epochs": { value: "N", help: "epochs at most" },
    stopping: {
      value: "RULE",
      help: "consecutive (default) or cumulative epochs without progress",
    },
    "stopping-criterion": {
      value: "NATS",
      help: "progress that an epoch must make (default 1e-3)",
    },
    directions: { value: "K", help: "sharpness samples a model" },
    radius: { value: "R", help: "length of their step (default 5)" },
    models: { value: "DIR", help: "where trained models are kept (default models/)" },
    results: { value: "DIR", help: "where results and figures are kept (default results/)" },
    fresh: { help: "compute again what exists" },
    "dry-run": { help: "list the runs, which are cached, and the time the others may take" },
    ...ENGINE_OPTIONS,
  },
};

/**
 * The study that the options describe.
 *
 * @throws {UsageError | RangeError} If a value is not one for a study.
 */
export function studyFrom(values: Values): Study {
  const preset = presets[choiceOption(values, "preset", PRESETS) ?? "quick"];
  const { grid, training, sharpness } = preset;
  const study: Study = {
    ...preset,
    grid: {
      ...grid,
      effects: choicesOption(values, "effects", EFFECTS) ?? grid.effects,
      optimizers: choicesOption(values, "optimizers", OPTIMIZERS) ?? grid.optimizers,
      learningRates: numbersOption(values, "learning-rates", LEARNING_RATE) ?? grid.learningRates,
      batchSizes: numbersOption(values, "batch-sizes", BATCH_SIZE) ?? grid.batchSizes,
      seeds: numbersOption(values, "seeds", SEED) ?? grid.seeds,
    },
    training: {
      ...training,
      images: numberOption(values, "images", IMAGES) ?? training.images,
      maxEpochs: numberOption(values, "max-epochs", EPOCHS) ?? training.maxEpochs,
      stopping: choiceOption(values, "stopping", STOPPING_RULES) ?? training.stopping,
      stoppingCriterion: numberOption(values, "stopping-criterion", NON_NEGATIVE) ??
        training.stoppingCriterion,
    },
    sharpness: {
      ...sharpness,
      directions: numberOption(values, "directions", DIRECTIONS) ?? sharpness.directions,
      radius: numberOption(values, "radius", NON_NEGATIVE) ?? sharpness.radius,
    },
  };
  checkStudy(study);
  return study;
}

async function foldersFrom(values: Values): Promise<Folders> {
  const folders = {
    models: textOption(values, "models") ?? PROJECT_FOLDERS.models,
    results: textOption(values, "results") ?? PROJECT_FOLDERS.results,
  };
  const data = realPath(dataDirectory(textOption(values, "data")));
  for (const [option, path] of Object.entries(folders)) {
    const info = await tryStat(option, path);
    if (info !== undefined && !info.isDirectory) {
      throw new UsageError(`--${option} must name a folder: ${path} is a file`);
    }
    const way = relative(data, realPath(path));
    if (!isAbsolute(way) && way.split(/[/\\]/)[0] !== "..") {
      throw new UsageError(
        `--${option} must not lie in the data's folder: current value is ${path}`,
      );
    }
  }
  return folders;
}

/** Where a path leads, links followed; the path itself if nothing is there yet. */
function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}

/** What a path leads to; undefined if nothing is there yet. */
async function tryStat(option: string, path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new UsageError(`--${option} cannot be used: ${(error as Error).message}`);
    }
  }
  if (await isLink(path)) {
    throw new UsageError(`--${option} must name a folder: ${path} is a link to nothing`);
  }
  return undefined;
}

function showPlan({ runs, secondsOfMissing }: Plan): void {
  for (const { config, cached } of runs) {
    console.log(`${cached ? "cached " : "missing"}  ${runPath(config)}`);
  }
  const missing = runs.filter(({ cached }) => !cached).length;
  console.log(
    `${runs.length} runs, ${runs.length - missing} cached, ${missing} to compute: ` +
      `at most about ${formatSeconds(secondsOfMissing)} on this machine's cores`,
  );
}

if (import.meta.main) {
  await runCommand(COMMAND, async (values, signal) => {
    const start = performance.now();
    const study = studyFrom(values);
    const folders = await foldersFrom(values);
    const options = { ...engineOptions(values), folders, signal };
    if (values["dry-run"]) {
      const planned = await plan(study, options);
      if (values.json) console.log(JSON.stringify({ preset: study.preset, ...planned }));
      else showPlan(planned);
      return;
    }
    const display = openDisplay();
    try {
      const { results, cachedRuns, computedRuns } = await run(study, {
        ...options,
        ...display,
        fresh: values.fresh === true,
      });
      const { writeFigures } = await import("~/lib/figures.ts");
      const runs = results.map((result) => result.run);
      const directory = join(folders.results, resultsFolder(study), "figures");
      const figures = await writeFigures(study, runs, directory);
      const seconds = (performance.now() - start) / 1000;
      display.onMessage(
        `${results.length} runs (${cachedRuns} cached, ${computedRuns} computed), ` +
          `${figures.length} figure files in ${directory}, ${formatSeconds(seconds)}`,
      );
      if (values.json) {
        const cells = reportCells(summariseCells(study, runs));
        const { preset } = study;
        console.log(JSON.stringify({ preset, cells, figures, cachedRuns, computedRuns, seconds }));
      }
    } finally {
      display.close();
    }
  });
}
