/**
 * What a command line asks for: a study, paths that can be used, a network's file.
 *
 * @module
 */
import { lstatSync } from "node:fs";
import { dirname, isAbsolute, relative } from "node:path";
import { type OptionName, optionOf, type PathUse, type Values } from "~/lib/cli/options.ts";
import { dataDirectory } from "~/lib/dataset.ts";
import { UsageError } from "~/lib/domain.ts";
import { readIfThere, realPath } from "~/lib/files/files.ts";
import { printable } from "~/lib/files/text.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { decodeModel, type ModelFile } from "~/lib/model.ts";
import { checkStudy, listCells, presets, type Study } from "~/lib/study.ts";
import { isPassed, parseStop, Trajectory } from "~/lib/trainer.ts";

/** The study that the options make of another one. */
export function studyFrom(values: Values, from: Study = presets.standard): Study {
  const study = values.preset === undefined ? from : presets[values.preset];
  const { grid, measures: { first, others } } = study;
  const { cells, optimizer, order, seed, measures = first, "learning-rate": rate } = values;
  return checkStudy({
    ...study,
    grid: {
      ...grid,
      effects: cells ? ["pairs"] : values.effects ?? grid.effects,
      pairs: cells ?? grid.pairs,
      optimizers: values.optimizers ?? (optimizer === undefined ? grid.optimizers : [optimizer]),
      learningRates: values["learning-rates"] ?? (rate === undefined ? grid.learningRates : [rate]),
      batchSizes: values["batch-sizes"] ?? grid.batchSizes,
      baseBatchSize: values["batch-size"] ?? grid.baseBatchSize,
      seeds: values.seeds ?? (seed === undefined ? grid.seeds : [seed]),
    },
    images: values.images ?? study.images,
    // File order is not named.
    ...(order === "shuffled" ? { order } : {}),
    maxEpochs: values["max-epochs"] ?? study.maxEpochs,
    stops: values.stops ?? study.stops,
    measures: {
      first: measures.map((text) => setInMeasure(text, values)),
      others: measures.length === 0 ? [] : others,
    },
  });
}

/** Sets the parameters of a measure that is taken at the study's radius. */
function setInMeasure(text: string, { directions, radius }: Values): string {
  const { name, parameters, isAtStudyRadius } = parseMeasure(text);
  if (!isAtStudyRadius) return text;
  const given: Readonly<Record<string, number | undefined>> = { directions, radius };
  const parts = Object.entries(parameters).map(([key, value]) => `${key}=${given[key] ?? value}`);
  return `${name}(${parts})`;
}

/** What batches of so many images do: normalised, logits of one row are 0, of two all but 1 and -1. */
const TOO_FEW: Readonly<Record<number, string>> = {
  1: "one image: they train nothing, and their loss is ln 10",
  2: "two images: they hardly train, as their gradient is all but 0",
};

/** What may not be meant: options without a use in the study that they make, and what it cannot give. */
export function remarks(values: Values, study: Study): string[] {
  const { grid: { effects }, images, measures } = study;
  const hasRadius = measures.first.some((text) => parseMeasure(text).isAtStudyRadius);
  const used: readonly (readonly [OptionName, boolean])[] = [
    ["learning-rates", effects.includes("learning-rate")],
    ["batch-sizes", effects.includes("batch-size")],
    ["directions", hasRadius],
    ["radius", hasRadius],
  ];
  const idle = used.filter(([name, isUsed]) => values[name] !== undefined && !isUsed);
  const sizes = new Set(listCells(study).map(({ batchSize }) => batchSize));
  const stops = study.stops.map(parseStop);
  return [
    ...idle.map(([name]) => `--${name} changes nothing in this study`),
    ...[...sizes].filter((size) => size > images)
      .map((size) => `Batch size ${size} is that of all ${images} images`),
    ...[...sizes].flatMap((size) => {
      const fault = TOO_FEW[size < 3 ? size : images % size];
      return fault === undefined ? [] : [`Batch size ${size} makes batches of ${fault}`];
    }),
    ...stops.slice(0, 1).filter((first) => isPassed(first, stops)).map(({ text }) =>
      `Training does not go on for ${text}, the first stop: ` +
      "runs that end before have no result there"
    ),
  ];
}

/** What a path must name for its use, and what may stand there. */
const WANTED: Readonly<Record<PathUse, readonly [what: string, ...kinds: string[]]>> = {
  read: ["what exists", "is a file", "is a folder"],
  keep: ["a folder", "is a folder", "is not there"],
  write: ["a file in a folder that exists", "is a file", "is not there"],
};

/**
 * Demands that paths can be used as their options will; those to keep files in may not lie in the
 * data's folder.
 *
 * @throws {UsageError} If one cannot.
 */
export function checkPaths(values: Values): void {
  for (const [name, value] of Object.entries(values)) {
    const { path: use } = optionOf(name as OptionName);
    if (use === undefined) continue;
    const path = String(value);
    const [what, ...kinds] = WANTED[use];
    const demand = (at: string, wanted: readonly string[]): void => {
      const kind = kindOf(at);
      if (!wanted.includes(kind)) {
        throw new UsageError(`--${name} must name ${what}: ${at} ${kind}`);
      }
    };
    demand(path, kinds);
    if (use === "write") demand(/[/\\]$/.test(path) ? path : dirname(path), ["is a folder"]);
    const way = relative(realPath(dataDirectory(values.data)), realPath(path));
    if (use === "keep" && !isAbsolute(way) && way.split(/[/\\]/)[0] !== "..") {
      throw new UsageError(`--${name} must not lie in the data's folder: current value is ${path}`);
    }
  }
}

function kindOf(path: string): string {
  try {
    return Deno.statSync(path).isDirectory ? "is a folder" : "is a file";
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      return `cannot be used: ${(error as Error).message}`;
    }
    return lstatSync(path, { throwIfNoEntry: false }) ? "is a link to nothing" : "is not there";
  }
}

/** A network's file, and the trajectory that it is on where the file is one of ours. */
export type NetworkFile = ModelFile & { readonly trajectory: Trajectory | undefined };

/** Reads a network for CIFAR-10 from a file that the command line names. */
export async function readModelFile(path: string): Promise<NetworkFile> {
  const model = await readIfThere(path)
    .then((bytes) => decodeModel(bytes ?? new Uint8Array(), path))
    .catch(({ message }) => {
      throw new UsageError(printable(message, 1000));
    });
  for (const note of model.notes) console.error(note);
  const { sizes } = model;
  if (sizes[0] === 3072 && sizes.at(-1) === 10) {
    return { ...model, trajectory: trajectoryIn(model) };
  }
  throw new UsageError(
    `Cannot use ${path} as a network for CIFAR-10 must have 3072 inputs and 10 outputs: ` +
      `current sizes are ${sizes.join(", ")}`,
  );
}

function trajectoryIn({ metadata }: ModelFile): Trajectory | undefined {
  try {
    return Trajectory.parse(JSON.parse(metadata.trajectory ?? ""));
  } catch {
    return undefined;
  }
}

/** Training images that a network is looked at on: as asked, else those that it was trained on, else all. */
export function imagesFor(
  { images }: Values,
  { trajectory }: NetworkFile,
  onMessage: (message: string) => void,
): number {
  if (images !== undefined || trajectory === undefined) return images ?? presets.standard.images;
  if (trajectory.images < presets.standard.images) {
    onMessage(`On the first ${trajectory.images} images, as it was trained; --images takes others`);
  }
  return trajectory.images;
}
