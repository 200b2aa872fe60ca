/**
 * A run's files: its result, its trained model, its checkpoint and its lock. What is read is checked
 * against the study; what is damaged is set aside and counts as absent.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { type SharedFloats } from "~/lib/engine.ts";
import {
  isObstructed,
  printable,
  readIfThere,
  reasonOf,
  setAside,
  UNFINISHED,
  writeWhole,
} from "~/lib/files/files.ts";
import { countParameters } from "~/lib/model.ts";
import { decodeModel, encodeModel, type ModelFile } from "~/lib/model.ts";
import { formatResult, parseResult, type ResultFile, runSchema } from "~/lib/results/schema.ts";
import { optimizers } from "~/lib/optimizer.ts";
import { modelsFolder, resultsFolder, type RunConfig, runPath, type Study } from "~/lib/study.ts";

/** Where a study lives. */
export interface Folders {
  readonly models: string;
  readonly results: string;
}

/** Paths of one run. */
export interface RunFiles {
  readonly study: Study;
  readonly config: RunConfig;
  readonly result: string;
  readonly model: string;
  readonly checkpoint: string;
  /** Wall time of training in seconds, as text: kept apart so that a model's bytes are its run's. */
  readonly seconds: string;
  readonly lock: string;
}

/** Called with one line about every file that was set aside. */
export type OnDamage = (message: string) => void;

/** Names the files of a run. */
export function runFiles(study: Study, config: RunConfig, folders: Folders): RunFiles {
  const path = runPath(config);
  const model = join(folders.models, modelsFolder(study), path);
  return {
    study,
    config,
    result: join(folders.results, resultsFolder(study), `${path}.json`),
    model: `${model}.safetensors`,
    checkpoint: `${model}.checkpoint.safetensors`,
    seconds: `${model}.seconds`,
    lock: `${model}.lock`,
  };
}

/** What a model file's metadata says of how it came about. */
const modelRecord = runSchema.pick({ config: true, data: true, training: true }).extend({
  protocol: runSchema.shape.protocol.omit({
    radius: true,
    directions: true,
    directionSeed: true,
  }),
  engines: runSchema.shape.engines.shape.training,
});
export type ModelRecord = z.infer<typeof modelRecord>;

/** What a checkpoint's metadata says. */
const checkpointRecord = modelRecord.omit({ training: true }).extend({
  epochLosses: runSchema.shape.training.shape.epochLosses,
});
export type CheckpointRecord = z.infer<typeof checkpointRecord>;

/** Reads a run's result; undefined if there is none or it was set aside. */
export function readResult(
  files: RunFiles,
  onDamage: OnDamage,
): Promise<ResultFile | undefined> {
  const atMost = recordBytes(files);
  return readChecked(files.result, { onDamage, atMost }, (bytes) => decodeResult(files, bytes));
}

/** Tells whether a run has a good result, without touching a damaged one. */
export async function hasResult(files: RunFiles): Promise<boolean> {
  try {
    const bytes = await readIfThere(files.result, { atMost: recordBytes(files) });
    return bytes !== undefined && decodeResult(files, bytes) !== undefined;
  } catch (error) {
    damageOf(files.result, error);
    return false;
  }
}

function decodeResult({ result: path, config, study }: RunFiles, bytes: Uint8Array): ResultFile {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  const result = parseResult(text, path);
  demandSame(path, result.run.config, config);
  demandSame(path, result.run.protocol, { ...study.training, ...study.sharpness });
  return result;
}

/** Writes a run's result. */
export async function writeResult(
  files: RunFiles,
  content: Pick<ResultFile, "run" | "timing">,
): Promise<void> {
  await writeWhole(files.result, formatResult(content));
}

/** Reads a run's trained model; undefined if there is none or it was set aside. */
export function readModel(
  files: RunFiles,
  onDamage: OnDamage,
): Promise<{ model: ModelFile; record: ModelRecord } | undefined> {
  const atMost = recordBytes(files) + tensorBytes(files);
  return readChecked(files.model, { onDamage, atMost }, (bytes) => {
    const model = decodeModel(bytes, files.model);
    demandVerified(files.model, model);
    const record = modelRecord.parse(JSON.parse(model.metadata.run ?? "null"));
    demandSame(files.model, record.config, files.config);
    demandSame(files.model, record.protocol, files.study.training);
    demandSame(files.model, model.sizes, files.study.training.sizes);
    return { model, record };
  });
}

/** Writes a trained model, then removes its checkpoint. */
export async function writeModel(
  files: RunFiles,
  parameters: SharedFloats,
  { record, seconds }: { record: ModelRecord; seconds: number },
): Promise<void> {
  const { sizes } = files.study.training;
  await writeWhole(files.seconds, `${seconds}\n`);
  await writeWhole(
    files.model,
    encodeModel(sizes, parameters, { metadata: { run: JSON.stringify(record) } }),
  );
  await removeCheckpoint(files);
}

/** Removes the checkpoint of a run that has ended. */
export async function removeCheckpoint(files: RunFiles): Promise<void> {
  await removeIfThere(files.checkpoint);
}

/** Reads a run's checkpoint; undefined if there is none or it was set aside. */
export function readCheckpoint(
  files: RunFiles,
  onDamage: OnDamage,
): Promise<{ model: ModelFile; record: CheckpointRecord; seconds: number } | undefined> {
  const slots = optimizers[files.config.optimizer].stateSlots;
  const atMost = recordBytes(files) + (1 + slots) * tensorBytes(files);
  return readChecked(files.checkpoint, { onDamage, atMost }, (bytes) => {
    const model = decodeModel(bytes, files.checkpoint);
    demandVerified(files.checkpoint, model);
    const record = checkpointRecord.parse(JSON.parse(model.metadata.run ?? "null"));
    demandSame(files.checkpoint, record.config, files.config);
    demandSame(files.checkpoint, record.protocol, files.study.training);
    demandSame(files.checkpoint, model.sizes, files.study.training.sizes);
    const state = { "state length": slots * model.parameters.length };
    demandSame(files.checkpoint, { "state length": model.state.length }, state);
    return { model, record, seconds: z.coerce.number().min(0).parse(model.metadata.seconds) };
  });
}

/** Writes a checkpoint over the one before. */
export async function writeCheckpoint(
  files: RunFiles,
  { parameters, state }: { parameters: SharedFloats; state: SharedFloats },
  { record, seconds }: { record: CheckpointRecord; seconds: number },
): Promise<void> {
  const metadata = { run: JSON.stringify(record), seconds: String(seconds) };
  const { sizes } = files.study.training;
  await writeWhole(files.checkpoint, encodeModel(sizes, parameters, { state, metadata }));
}

/** Wall time of a model's training in seconds; 0 where it was not kept. */
export async function readSeconds(files: RunFiles): Promise<number> {
  const text = await Deno.readTextFile(files.seconds).catch(() => "0");
  return Math.max(0, Number(text) || 0);
}

/** Removes a run's result, model and checkpoint; what is no file in their places is set aside. */
export async function forget(files: RunFiles, onDamage: OnDamage): Promise<void> {
  for (const path of [files.result, files.checkpoint, files.model, files.seconds]) {
    await clearWay(path, onDamage);
    await removeIfThere(path);
  }
}

/** Sets aside what stands in the place of a file and is none. */
export async function clearWay(path: string, onDamage: OnDamage): Promise<void> {
  if (await isObstructed(path)) {
    await announceAside(path, `Cannot use ${path} as it must be a file`, onDamage);
  }
}

/** Removes what a process that was killed while it wrote has left beside a run's files. */
export async function removeUnfinished({ result, model }: RunFiles): Promise<void> {
  for (const folder of [dirname(result), dirname(model)]) {
    const run = basename(model, "safetensors");
    for await (const { name, isFile } of readFolder(folder)) {
      if (isFile && name.startsWith(run) && name.includes(UNFINISHED)) {
        await removeIfThere(join(folder, name));
      }
    }
  }
}

async function* readFolder(folder: string): AsyncGenerator<Deno.DirEntry> {
  try {
    yield* Deno.readDir(folder);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Most bytes of a record: a number of a list takes 25 digits at most, indented on its own line. */
function recordBytes({ study: { training, sharpness } }: RunFiles): number {
  return 2 ** 16 + 40 * (training.maxEpochs + sharpness.directions);
}

/** Bytes of a network's parameters, or of a slot of an optimizer's state. */
function tensorBytes({ study: { training: { sizes } } }: RunFiles): number {
  return 4 * countParameters(sizes);
}

async function readChecked<T>(
  path: string,
  { onDamage, atMost }: { onDamage: OnDamage; atMost: number },
  decode: (bytes: Uint8Array) => T,
): Promise<T | undefined> {
  try {
    const bytes = await readIfThere(path, { atMost });
    return bytes === undefined ? undefined : decode(bytes);
  } catch (error) {
    await announceAside(path, damageOf(path, error), onDamage);
    return undefined;
  }
}

/**
 * Says what is wrong with a file.
 *
 * @throws The error itself where it does not show that the file is damaged: a disk that fails to
 * read, a permission, memory that is short.
 */
function damageOf(path: string, error: unknown): string {
  if (error instanceof z.ZodError) return `Cannot read ${path}: its record is not a run's`;
  if (!(error instanceof TypeError || error instanceof SyntaxError)) throw error;
  const { message } = error;
  return printable(message.includes(path) ? message : `Cannot read ${path}: ${message}`, 5000);
}

async function announceAside(path: string, reason: string, onDamage: OnDamage): Promise<void> {
  let aside: string;
  try {
    aside = await setAside(path);
  } catch (error) {
    // Another process that shares the study was first.
    if (error instanceof Deno.errors.NotFound) return;
    throw new Error(`${reason}; it cannot be set aside: ${reasonOf(error)}`, { cause: error });
  }
  onDamage(`${reason}; set aside as ${aside}, it will be computed again`);
}

function demandVerified(path: string, { verified }: ModelFile): void {
  if (!verified) throw new TypeError(`Cannot use ${path} for this run as it has no checksum`);
}

function demandSame(path: string, found: object, expected: object): void {
  const differing = Object.entries(expected).find(([key, value]) =>
    JSON.stringify(value) !== JSON.stringify(found[key as keyof typeof found])
  );
  if (differing !== undefined) {
    const [key, value] = differing;
    throw new TypeError(
      `Cannot use ${path} for this run as its ${key} must be ${JSON.stringify(value)}: ` +
        `current value is ${JSON.stringify(found[key as keyof typeof found])}`,
    );
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new Error(`Cannot remove ${path}: ${reasonOf(error)}`, { cause: error });
  }
}
