/**
 * The commands: a new one is an entry here and a file with its `main`.
 *
 * @module
 */
import { FLAT_HELP, type OptionName } from "~/lib/cli/options.ts";
import { measureHelp } from "~/lib/measure.ts";
import { optimizerHelp } from "~/lib/optimizer.ts";
import { STOP_HELP } from "~/lib/trainer.ts";

/** A command as the table has it. */
export interface Command {
  readonly summary: string;
  readonly options: readonly OptionName[];
  readonly required?: readonly OptionName[];
  /** Options of which one at most may be given, group by group. */
  readonly apart?: readonly (readonly OptionName[])[];
  /** Options that another one must be given with. */
  readonly needs?: Readonly<Partial<Record<OptionName, OptionName>>>;
  /** Where the options' own help does not say it. */
  readonly help?: Readonly<Partial<Record<OptionName, string>>>;
  /** Sections below the options: title and lines. */
  readonly notes?: Readonly<Record<string, readonly string[]>>;
  /** What exports its `main`. */
  readonly file: string;
}

const ENGINE = ["engine", "threads", "data", "json"] as const;
const OPTIMIZERS = { "Optimizers, NAME or NAME(key=value,...)": optimizerHelp() };
/** What the symbols in the measures' help are. */
const SYMBOLS =
  "L: training loss; w: the P weights and biases; u_k: random, of length 1; H: Hessian of L";
const MEASURES = { "Measures, NAME or NAME(key=value,...)": [SYMBOLS, ...measureHelp()] };

/** Of the commands that look at networks. */
const OF_NETWORK =
  "the first N training images (default: those that --model was trained on, else all)";

/** Every command by its task's name. */
export const COMMANDS = {
  reproduce: {
    file: "~/lib/cli/reproduce.ts",
    summary:
      "Trains and measures what a study's trajectories lack, then draws its figures and tables.",
    options: [
      ...["preset", "effects", "optimizers", "learning-rates", "batch-sizes", "cells"],
      ...["seeds", "images", "order", "max-epochs", "stops", "measures", "directions", "radius"],
      ...["models", "results", "cached-only", "verify", "verify-seed", "fresh"],
      ...["no-wait", "dry-run", "slurm", "sbatch", ...ENGINE],
    ],
    apart: [
      ["cached-only", "verify", "fresh", "dry-run"],
      ["slurm", "cached-only", "verify", "fresh"],
      ["cells", "effects"],
      ["cells", "learning-rates"],
      ["cells", "batch-sizes"],
    ],
    needs: { sbatch: "slurm", "verify-seed": "verify" },
    help: { images: "the first N training images, instead of the preset's" },
    notes: { ...OPTIMIZERS, ...MEASURES },
  },
  train: {
    file: "~/lib/cli/train.ts",
    summary: "Trains one network and writes it as safetensors, with PyTorch's names and layout.",
    options: [
      ...["learning-rate", "batch-size", "optimizer", "seed", "init", "stops"],
      ...["max-epochs", "images", "order", "models", "out", ...ENGINE],
    ],
    required: ["optimizer", "learning-rate", "batch-size", "seed", "out"],
    help: {
      models: "where its trajectory is kept, to go on from (default models/)",
      stops:
        `when training ends: ${STOP_HELP} (default cumulative:1e-3); ${FLAT_HELP}; the latest ` +
        "network is written",
    },
    notes: OPTIMIZERS,
  },
  sharpness: {
    file: "~/lib/cli/measure.ts",
    summary: "Samples the rise in training loss at random points around a trained network.",
    options: ["model", "directions", "radius", "images", ...ENGINE],
    required: ["model"],
    help: { directions: "random directions (default 49)", images: OF_NETWORK },
  },
  measure: {
    file: "~/lib/cli/measure.ts",
    summary: "Measures a trained network: sharpness, curvature, generalization.",
    options: ["model", "measures", "images", ...ENGINE],
    required: ["model", "measures"],
    help: { measures: "one or more of those below", images: OF_NETWORK },
    notes: MEASURES,
  },
  landscape: {
    file: "~/lib/cli/landscape.ts",
    summary:
      "Loss and accuracy, training and test, along a line or in a plane: from one network in random " +
      "directions, or through two or three. At each point the logits are normalised over all images.",
    options: [
      ...["model", "to", "and", "points", "plane", "normalise", "biases", "radius", "seed"],
      ...["images", "out", ...ENGINE],
    ],
    required: ["model"],
    apart: [
      ["to", "normalise"],
      ["to", "biases"],
      ["to", "radius"],
      ["to", "seed"],
      ["plane", "points"],
      ["and", "points"],
    ],
    needs: { and: "to" },
    help: {
      radius: "the longest step in a random direction (default 1; 5 with --normalise none)",
      seed: "seed of the directions (default: the study's)",
      images: OF_NETWORK,
      out:
        "writes FILE.json, .csv, .svg and .png; the same command goes on from .json, another replaces them",
    },
  },
  report: {
    file: "~/lib/cli/report.ts",
    summary:
      "Writes the page of a study from what is in results/: one file, to explore in a browser.",
    options: ["preset", "results"],
    help: {
      preset: "the study that is shown (default standard)",
      results: "where records are read and the page is written (default results/)",
    },
  },
  bench: {
    file: "~/tests/bench/bench.ts",
    summary:
      "Times training, sharpness and curvature on the CPU, or what is asked for; medians of 5.",
    options: [
      ...["optimizers", "batch-sizes", "measures", "images", "libraries", "against"],
      ...["threads", "data", "json"],
    ],
    help: {
      optimizers: "to train with (default SGD,AdaGrad)",
      "batch-sizes": "to train with (default 32,128,1024)",
      measures:
        "to take; none: - (default: sharpness, radius-curve, gradients and Hessian products)",
      images: "training images (default 10240 to train with, 2048 to measure on)",
    },
  },
  "setup:gpu": {
    file: "~/lib/cli/setup_gpu.ts",
    summary: "Installs TensorFlow.js for CUDA (11.2, cuDNN 8.1), for --engine " +
      "tensorflow:tfjs-node-gpu; with --cpu for --engine tensorflow:tfjs-node.",
    options: ["cpu"],
  },
} as const satisfies Readonly<Record<string, Command>>;

export type CommandName = keyof typeof COMMANDS;
