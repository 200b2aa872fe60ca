/**
 * Networks on a trajectory as files: one for each epoch that is kept, and the newest with the
 * optimizer's state, from which training goes on.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import type { EngineInfo } from "~/lib/engine.ts";
import { DamagedFileError, type OnDamage, readChecked } from "~/lib/files/checked.ts";
import { writeWhole } from "~/lib/files/files.ts";
import { countParameters, decodeModel, encodeModel, type SharedFloats } from "~/lib/model.ts";
import { parseOptimizer } from "~/lib/optimizer.ts";
import { isSameTrajectory, Trajectory, trajectoryPath } from "~/lib/trainer/trajectory.ts";

const engine: z.ZodType<EngineInfo> = z.looseObject({ name: z.string(), library: z.string() });

/** What a file's metadata holds, each value as JSON. */
const metadataSchema = z.object({
  trajectory: Trajectory,
  /** Losses up to this network's epoch, in nats. */
  epochLosses: z.array(z.number()),
  /** MD5 of the data files that it was trained on, by name. */
  data: z.record(z.string(), z.string()),
  /** What trained it, in the order of its last use. */
  engines: z.array(engine).readonly(),
  /** Wall time of training; 0 where the file does not say, as its bytes are the trajectory's. */
  seconds: z.number().min(0).default(0),
});

/** A network at an epoch, as it was kept. */
export interface KeptNetwork extends Readonly<Omit<z.infer<typeof metadataSchema>, "trajectory">> {
  readonly parameters: SharedFloats;
  /** The optimizer's state, shape [S * P]; empty where the file has none though S > 0. */
  readonly state: Float32Array;
}

/** Where a trajectory's network of an epoch is kept; `"latest"` for the newest. */
export function networkFile(
  models: string,
  trajectory: Trajectory,
  epoch: number | "latest",
): string {
  const name = epoch === "latest" ? "latest" : `epoch=${epoch}`;
  return `${join(models, trajectoryPath(trajectory))}.${name}.safetensors`;
}

/** The lock of a trajectory: whoever holds it trains and measures it. */
export function lockFile(models: string, trajectory: Trajectory): string {
  return `${join(models, trajectoryPath(trajectory))}.lock`;
}

/** Writes a network; with the optimizer's state where asked, and as the newest with the time taken. */
export async function writeNetwork(
  models: string,
  trajectory: Trajectory,
  network: KeptNetwork,
  { latest = false, state: withState = latest }: { latest?: boolean; state?: boolean } = {},
): Promise<string> {
  const { parameters, state, epochLosses, data, engines, seconds } = network;
  const path = networkFile(models, trajectory, latest ? "latest" : epochLosses.length);
  const values = { trajectory, epochLosses, data, engines, ...(latest ? { seconds } : {}) };
  const metadata = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, JSON.stringify(value)]),
  );
  const content = { metadata, ...(withState ? { state } : {}) };
  await writeWhole(path, encodeModel(trajectory.sizes, parameters, content));
  return path;
}

/** Reads a network; undefined if it is not there, or damaged: with `onDamage` it is set aside. */
export function readNetwork(
  models: string,
  trajectory: Trajectory,
  epoch: number | "latest",
  onDamage: OnDamage | undefined,
): Promise<KeptNetwork | undefined> {
  const path = networkFile(models, trajectory, epoch);
  return readChecked(path, onDamage, (bytes) => {
    const { parameters, state, metadata, verified } = decodeModel(bytes, path);
    const parsed = Object.entries(metadata).filter(([key]) => key in metadataSchema.shape)
      .map(([key, text]) => [key, JSON.parse(text)]);
    const { trajectory: own, ...record } = metadataSchema.parse(Object.fromEntries(parsed));
    const current = record.epochLosses.length;
    const { slots } = parseOptimizer(trajectory.optimizer);
    const numbers = slots.length * countParameters(trajectory.sizes);
    const fault = !verified
      ? "it has no checksum"
      : !isSameTrajectory(own, trajectory)
      ? "it is of another trajectory"
      : epoch !== "latest" && current !== epoch
      ? `its epoch must be ${epoch}: current value is ${current}`
      : state.length !== numbers && (epoch === "latest" || state.length !== 0)
      ? `it must have ${numbers} numbers of state: it has ${state.length}`
      : undefined;
    if (fault !== undefined) throw new DamagedFileError(`Cannot use ${path} as ${fault}`);
    return { ...record, parameters, state };
  });
}

/** Epochs whose networks are kept, ascending. */
export async function listNetworks(models: string, trajectory: Trajectory): Promise<number[]> {
  const path = join(models, trajectoryPath(trajectory));
  const prefix = `${basename(path)}.epoch=`;
  const epochs: number[] = [];
  try {
    for await (const { name } of Deno.readDir(dirname(path))) {
      const [, epoch] = /^(\d+)\.safetensors$/.exec(name.replace(prefix, "")) ?? [];
      if (epoch !== undefined && name.startsWith(prefix)) epochs.push(Number(epoch));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return epochs.sort((a, b) => a - b);
}
