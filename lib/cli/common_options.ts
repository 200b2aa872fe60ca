/**
 * Options that several commands take, and the files that they name.
 *
 * @module
 */
import type { Option, Values } from "~/lib/cli/command.ts";
import { choiceOption, numberOption, textOption } from "~/lib/cli/values.ts";
import { printable } from "~/lib/files/text.ts";
import { images, threads as threadsDomain, UsageError } from "~/lib/domain.ts";
import { ENGINE_NAMES } from "~/lib/engine.ts";
import { decodeModel, type ModelFile } from "~/lib/model.ts";
import type { RunOptions } from "~/lib/reproduce.ts";

/** What says where arithmetic and data come from. */
export const ENGINE_OPTIONS: Readonly<Record<string, Option>> = {
  engine: {
    value: "NAME",
    help: "auto (default), cpu, cpu:blas, cpu:onnxruntime, tensorflow, tensorflow:webgpu, " +
      "tensorflow:tfjs-node-gpu, tensorflow:tfjs-node",
  },
  threads: { value: "N", help: "threads of the CPU engine (default: the machine's cores)" },
  data: {
    value: "DIR",
    help: "CIFAR-10 that is there already: its folder or tarball (default: CIFAR10_DIR, data/)",
  },
  json: { help: "print one JSON document on stdout; messages go to stderr" },
};

/** Reads `ENGINE_OPTIONS`. */
export function engineOptions(values: Values): Pick<RunOptions, "engine" | "threads" | "data"> {
  const engine = choiceOption(values, "engine", ENGINE_NAMES);
  const threads = numberOption(values, "threads", threadsDomain);
  const data = dataOption(values);
  return {
    ...(engine === undefined ? {} : { engine }),
    ...(threads === undefined ? {} : { threads }),
    ...(data === undefined ? {} : { data }),
  };
}

/** Where the data are, if the command line says so. */
export function dataOption(values: Values): string | undefined {
  const data = textOption(values, "data");
  if (data !== undefined) demandThere(data, "data");
  return data;
}

/** Number of training images, all by default. */
export function imagesOption(values: Values): number {
  return numberOption(values, "images", images) ?? 50_000;
}

/** Reads a network for CIFAR-10 from a file that the command line names. */
export async function readModelFile(path: string, option: string): Promise<ModelFile> {
  demandThere(path, option);
  let model: ModelFile;
  try {
    model = decodeModel(await Deno.readFile(path), path);
  } catch (error) {
    throw new UsageError(printable((error as Error).message, 1000));
  }
  const { sizes } = model;
  if (sizes[0] !== 3072 || sizes.at(-1) !== 10) {
    throw new UsageError(
      `Cannot use ${path} as a network for CIFAR-10 must have 3072 inputs and 10 outputs: ` +
        `current sizes are ${sizes.join(", ")}`,
    );
  }
  return model;
}

function demandThere(path: string, option: string): void {
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
