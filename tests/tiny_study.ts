/**
 * A tiny study on real images, places to run it in, and what it must end with.
 *
 * @module
 */
import { join } from "node:path";
import { sha256 } from "~/lib/files.ts";
import { decodeModel } from "~/lib/model_file.ts";
import { run, type RunOptions, type RunOutcome } from "~/lib/reproduce.ts";
import { listRuns, presets, type Study } from "~/lib/study.ts";
import { assertEquals } from "~/tests/assert.ts";
import { listFiles, withFolder } from "~/tests/temporary_folder.ts";

/** Four runs of a network of 24,674 parameters on 200 images. */
export const STUDY: Study = {
  preset: "quick",
  grid: {
    effects: ["learning-rate", "batch-size"],
    optimizers: ["SGD", "AdaGrad"],
    learningRates: [0.1],
    batchSizes: [64],
    baseLearningRate: 0.1,
    baseBatchSize: 100,
    seeds: [0],
  },
  training: {
    sizes: [3072, 8, 10],
    images: 200,
    maxEpochs: 3,
    stopping: "consecutive",
    stoppingCriterion: 1e-3,
    stoppingCriterionEpochs: 5,
  },
  sharpness: { radius: 5, directions: 3, directionSeed: presets.quick.sharpness.directionSeed },
};
/** Its number of runs. */
export const RUNS = listRuns(STUDY.grid).length;

/** A study with its grid or training changed. */
export function change(
  { grid = {}, training = {} }: {
    grid?: Partial<Study["grid"]>;
    training?: Partial<Study["training"]>;
  },
): Study {
  return {
    ...STUDY,
    grid: { ...STUDY.grid, ...grid },
    training: { ...STUDY.training, ...training },
  };
}

/** A place for studies. */
export interface Place {
  readonly folder: string;
  readonly messages: string[];
  /** Runs a study here on the CPU. */
  readonly compute: (study?: Study, options?: RunOptions) => Promise<RunOutcome>;
  readonly options: RunOptions;
}

/** Works in a new folder, which is removed. */
export function withPlace<T>(work: (place: Place) => Promise<T>): Promise<T> {
  return withFolder((folder) => {
    const messages: string[] = [];
    const options: RunOptions = {
      folders: { models: join(folder, "models"), results: join(folder, "results") },
      engine: "cpu",
      threads: 2,
      onMessage: (message) => void messages.push(message),
    };
    const compute = (study = STUDY, more: RunOptions = {}): Promise<RunOutcome> =>
      run(study, { ...options, ...more });
    return work({ folder, messages, options, compute });
  });
}

/** What must be the same whenever and however a study is run: models' bytes, results' runs. */
export async function contents(folder: string): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>();
  for (const path of listFiles(folder)) {
    const whole = join(folder, path);
    if (path.endsWith(".json")) found.set(path, JSON.parse(await Deno.readTextFile(whole)).run);
    else if (path.endsWith(".safetensors")) found.set(path, await Deno.readFile(whole));
  }
  return found;
}

let peaceful: Promise<{ files: Map<string, unknown>; outcome: RunOutcome }> | undefined;

/** The study computed once, in peace: what all other ways are compared with. */
export function uninterrupted(): Promise<{ files: Map<string, unknown>; outcome: RunOutcome }> {
  peaceful ??= withPlace(async ({ folder, messages, compute }) => {
    const outcome = await compute();
    assertEquals(messages, []);
    return { outcome, files: await contents(folder) };
  });
  return peaceful;
}

/** Fails unless two studies' files are the same. */
export function assertSame(actual: Map<string, unknown>, wanted: Map<string, unknown>): void {
  assertEquals([...actual.keys()].sort(), [...wanted.keys()].sort());
  // Records and checksums of models: a list of the differing bytes would help nobody.
  const brief = (content: unknown): unknown =>
    content instanceof Uint8Array
      ? { record: decodeModel(content, "a model").metadata, bytes: sha256(content) }
      : content;
  for (const [path, content] of wanted) assertEquals(brief(actual.get(path)), brief(content), path);
}
