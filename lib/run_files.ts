/**
 * A run's files: its result, its trained model, its checkpoint and its lock. What is read is checked
 * against the study; what is damaged is set aside and counts as absent.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import { type SharedFloats } from "~/lib/engine/engine.ts";
import { readIfThere, setAside, writeWhole } from "~/lib/files.ts";
import { decodeModel, encodeModel, type ModelFile } from "~/lib/model_file.ts";
import { formatResult, parseResult, type ResultFile, runSchema } from "~/lib/results.ts";
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
  epochLosses: z.array(z.number()),
});
export type CheckpointRecord = z.infer<typeof checkpointRecord>;

/** Reads a run's result; undefined if there is none or it was set aside. */
export function readResult(
  files: RunFiles,
  onDamage: OnDamage,
): Promise<ResultFile | undefined> {
  return readChecked(files.result, onDamage, (bytes) => decodeResult(files, bytes));
}

/** Tells whether a run has a good result, without touching a damaged one. */
export async function hasResult(files: RunFiles): Promise<boolean> {
  try {
    const bytes = await readIfThere(files.result);
    return bytes !== undefined && decodeResult(files, bytes) !== undefined;
  } catch {
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
  return readChecked(files.model, onDamage, (bytes) => {
    const model = decodeModel(bytes, files.model);
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
  return readChecked(files.checkpoint, onDamage, (bytes) => {
    const model = decodeModel(bytes, files.checkpoint);
    const record = checkpointRecord.parse(JSON.parse(model.metadata.run ?? "null"));
    demandSame(files.checkpoint, record.config, files.config);
    demandSame(files.checkpoint, record.protocol, files.study.training);
    demandSame(files.checkpoint, model.sizes, files.study.training.sizes);
    const slots = optimizers[files.config.optimizer].stateSlots;
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

/** Removes a run's result, model and checkpoint. */
export async function forget(files: RunFiles): Promise<void> {
  for (const path of [files.result, files.checkpoint, files.model, files.seconds]) {
    await removeIfThere(path);
  }
}

async function readChecked<T>(
  path: string,
  onDamage: OnDamage,
  decode: (bytes: Uint8Array) => T,
): Promise<T | undefined> {
  let reason: string;
  try {
    const bytes = await readIfThere(path);
    return bytes === undefined ? undefined : decode(bytes);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const { message } = error as Error;
    if (error instanceof z.ZodError) reason = `Cannot read ${path}: its record is not a run's`;
    else reason = message.includes(path) ? message : `Cannot read ${path}: ${message}`;
  }
  try {
    onDamage(`${reason}; set aside as ${await setAside(path)}, it will be computed again`);
  } catch (error) {
    // Another process that shares the study was first.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return undefined;
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
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
