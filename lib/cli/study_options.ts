/**
 * The study and the folders that a command line describes.
 *
 * @module
 */
import { isAbsolute, relative } from "node:path";
import type { Option, Values } from "~/lib/cli/command.ts";
import {
  choiceOption,
  choicesOption,
  numberOption,
  numbersOption,
  pairsOption,
  textOption,
  textsOption,
} from "~/lib/cli/values.ts";
import { dataDirectory } from "~/lib/dataset.ts";
import * as domain from "~/lib/domain.ts";
import { UsageError } from "~/lib/domain.ts";
import { isLink } from "~/lib/files/files.ts";
import { openMeasure } from "~/lib/measure.ts";
import { openOptimizer } from "~/lib/optimizer.ts";
import { type Folders, PROJECT_FOLDERS } from "~/lib/reproduce.ts";
import { checkStudy, PRESETS, presets, type Study } from "~/lib/study.ts";
import { openStop, STOP_HELP } from "~/lib/trainer.ts";

/** What says which study. */
export const STUDY_OPTIONS: Readonly<Record<string, Option>> = {
  preset: { value: "NAME", help: "standard (default), quick or paper" },
  effects: { value: "LIST", help: "learning-rate,batch-size (default: the preset's, both)" },
  optimizers: { value: "LIST", help: 'e.g. SGD,AdaGrad or "SGD(momentum=0.9)"' },
  "learning-rates": { value: "LIST", help: "in place of the preset's, e.g. 1e-3,1e-2" },
  "batch-sizes": { value: "LIST", help: "in place of the preset's, e.g. 32,128" },
  cells: { value: "LIST", help: "pairs LR:B in place of both effects, e.g. 1e-4:128,4e-4:512" },
  seeds: { value: "LIST", help: "seeds of the initial weights, e.g. 0,1,2" },
  images: { value: "N", help: `train on the first N images, ${domain.images.description}` },
  "max-epochs": { value: "N", help: "epochs at most; a criterion not met by then is taken there" },
  stops: { value: "LIST", help: `${STOP_HELP}; figures show the first` },
  measures: { value: "LIST", help: "taken at the first stop, in place of the preset's; none: -" },
  directions: {
    value: "K",
    help: "of sharpness, antithetic and frozen-batchnorm at the first stop (default: the preset's)",
  },
  radius: { value: "R", help: "of the same (default 5)" },
  models: { value: "DIR", help: "where networks are kept (default models/)" },
  results: { value: "DIR", help: "where records and figures are kept (default results/)" },
};

/**
 * The study that the options describe.
 *
 * @throws {UsageError} If a value is not one for a study.
 */
export function studyFrom(values: Values): Study {
  const preset = presets[choiceOption(values, "preset", PRESETS) ?? "standard"];
  const { grid, measures } = preset;
  const pairs = pairsOption(values, "cells", [domain.learningRate, domain.batchSize]);
  const isNone = values.measures === "-";
  const first = isNone ? [] : textsOption(values, "measures", openMeasure);
  const directions = numberOption(values, "directions", domain.directions);
  const radius = numberOption(values, "radius", domain.radius);
  const set = (text: string): string => {
    const { name, parameters, isAtStudyRadius } = openMeasure(text);
    if (!isAtStudyRadius || (directions === undefined && radius === undefined)) return text;
    const wanted = {
      ...parameters,
      ...(directions === undefined ? {} : { directions }),
      ...(radius === undefined ? {} : { radius }),
    };
    return `${name}(${Object.entries(wanted).map(([key, value]) => `${key}=${value}`).join(",")})`;
  };
  const optimizers = textsOption(values, "optimizers", openOptimizer);
  return checkStudy({
    ...preset,
    grid: {
      ...grid,
      effects: pairs !== undefined
        ? ["pairs"]
        : choicesOption(values, "effects", ["learning-rate", "batch-size"]) ?? grid.effects,
      optimizers: optimizers ?? grid.optimizers,
      learningRates: numbersOption(values, "learning-rates", domain.learningRate) ??
        grid.learningRates,
      batchSizes: numbersOption(values, "batch-sizes", domain.batchSize) ?? grid.batchSizes,
      pairs: pairs?.map(([learningRate, batchSize]) => ({ learningRate, batchSize })) ??
        grid.pairs,
      seeds: numbersOption(values, "seeds", domain.seed) ?? grid.seeds,
    },
    images: numberOption(values, "images", domain.images) ?? preset.images,
    maxEpochs: numberOption(values, "max-epochs", domain.epochs) ?? preset.maxEpochs,
    stops: textsOption(values, "stops", openStop) ?? preset.stops,
    measures: {
      first: (first ?? measures.first).map(set),
      others: isNone ? [] : measures.others,
    },
  });
}

/** The folders that the options name; they may not lie in the data's. */
export async function foldersFrom(values: Values): Promise<Folders> {
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
