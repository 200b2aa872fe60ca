/**
 * What a command line asks for: a study, folders, an engine, a network's file.
 *
 * @module
 */
import { isAbsolute, relative } from "node:path";
import type { Values } from "~/lib/cli/options.ts";
import { dataDirectory } from "~/lib/dataset.ts";
import { UsageError } from "~/lib/domain.ts";
import { isLink } from "~/lib/files/files.ts";
import { printable } from "~/lib/files/text.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { decodeModel, type ModelFile } from "~/lib/model.ts";
import { type Folders, PROJECT_FOLDERS, type RunOptions } from "~/lib/reproduce.ts";
import { checkStudy, presets, type Study } from "~/lib/study.ts";

/** A measure's text with the directions and the radius that are given, where they are about it. */
export function sampled(text: string, { directions, radius }: Values): string {
  const { name, parameters, isAtStudyRadius } = parseMeasure(text);
  if (!isAtStudyRadius) return text;
  const wanted = {
    ...parameters,
    ...(directions === undefined ? {} : { directions }),
    ...(radius === undefined ? {} : { radius }),
  };
  const parts = Object.entries(wanted).map(([key, value]) => `${key}=${value}`);
  return parseMeasure(`${name}(${parts.join(",")})`).text;
}

/** The study that the options describe. */
export function studyFrom(values: Values): Study {
  const preset = presets[values.preset ?? "standard"];
  const { grid, measures } = preset;
  const pairs = values.cells;
  return checkStudy({
    ...preset,
    grid: {
      ...grid,
      effects: pairs === undefined ? values.effects ?? grid.effects : ["pairs"],
      optimizers: values.optimizers ?? grid.optimizers,
      learningRates: values["learning-rates"] ?? grid.learningRates,
      batchSizes: values["batch-sizes"] ?? grid.batchSizes,
      pairs: pairs ?? grid.pairs,
      seeds: values.seeds ?? grid.seeds,
    },
    images: values.images ?? preset.images,
    ...orderFrom(values),
    maxEpochs: values["max-epochs"] ?? preset.maxEpochs,
    stops: values.stops ?? preset.stops,
    measures: {
      first: (values.measures ?? measures.first).map((text) => sampled(text, values)),
      others: values.measures?.length === 0 ? [] : measures.others,
    },
  });
}

/** What the options say of the images' order; file order is not named. */
export function orderFrom({ order }: Values): Pick<Study, "order"> {
  return order === "shuffled" ? { order } : {};
}

/** How the options want things computed. */
export function engineOptions({ engine, threads, data }: Values): RunOptions {
  if (data !== undefined) validateThere(data, "data");
  return {
    ...(engine === undefined ? {} : { engine }),
    ...(threads === undefined ? {} : { threads }),
    ...(data === undefined ? {} : { data }),
  };
}

/** The folders that the options name; they may not lie in the data's. */
export async function foldersFrom(values: Values): Promise<Folders> {
  const folders = {
    models: values.models ?? PROJECT_FOLDERS.models,
    results: values.results ?? PROJECT_FOLDERS.results,
  };
  const data = realPath(dataDirectory(values.data));
  for (const [option, path] of Object.entries(folders)) {
    const fail = (reason: string): never => {
      throw new UsageError(`--${option} must ${reason}`);
    };
    const info = await Deno.stat(path).catch((error) =>
      error instanceof Deno.errors.NotFound ? undefined : fail(`be usable: ${error.message}`)
    );
    if (info?.isDirectory === false) fail(`name a folder: ${path} is a file`);
    if (info === undefined && await isLink(path)) {
      fail(`name a folder: ${path} is a link to nothing`);
    }
    const way = relative(data, realPath(path));
    if (!isAbsolute(way) && way.split(/[/\\]/)[0] !== "..") {
      fail(`not lie in the data's folder: current value is ${path}`);
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

/** Reads a network for CIFAR-10 from a file that the command line names. */
export async function readModelFile(path: string, option: string): Promise<ModelFile> {
  validateThere(path, option);
  let model: ModelFile;
  try {
    model = decodeModel(await Deno.readFile(path), path);
  } catch (error) {
    throw new UsageError(printable((error as Error).message, 1000));
  }
  for (const note of model.notes) console.error(note);
  const { sizes } = model;
  if (sizes[0] !== 3072 || sizes.at(-1) !== 10) {
    throw new UsageError(
      `Cannot use ${path} as a network for CIFAR-10 must have 3072 inputs and 10 outputs: ` +
        `current sizes are ${sizes.join(", ")}`,
    );
  }
  return model;
}

/** Demands that something is there. @throws {UsageError} If it is not, or cannot be looked at. */
export function validateThere(path: string, option: string): void {
  try {
    Deno.statSync(path);
  } catch (error) {
    throw new UsageError(
      error instanceof Deno.errors.NotFound
        ? `--${option} must name what exists: there is no ${path}`
        : `--${option} cannot be read: ${(error as Error).message}`,
    );
  }
}
