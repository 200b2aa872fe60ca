/**
 * Networks on a trajectory as files: one for each epoch that is kept, and the newest with the
 * optimizer's state, from which training goes on.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import type { EngineInfo, SharedFloats } from "~/lib/engine.ts";
import { DamagedFileError, type OnDamage, readChecked } from "~/lib/files/checked.ts";
import { removeIfThere, writeWhole } from "~/lib/files/files.ts";
import { countParameters, decodeModel, encodeModel } from "~/lib/model.ts";
import { openOptimizer } from "~/lib/optimizer.ts";
import { isSameTrajectory, type Trajectory, trajectoryPath } from "~/lib/trainer/trajectory.ts";

/** A network at an epoch, as it was kept. */
export interface KeptNetwork {
  readonly parameters: SharedFloats;
  /** The optimizer's state, shape [S * P]; empty where the file has none though S > 0. */
  readonly state: Float32Array;
  /** Losses up to this network's epoch, in nats. */
  readonly epochLosses: number[];
  /** MD5 of the data files that it was trained on, by name. */
  readonly data: Readonly<Record<string, string>>;
  /** What trained it, in the order of its last use. */
  readonly engines: readonly EngineInfo[];
  /** Wall time of training; 0 where the file does not say, as its bytes are the trajectory's. */
  readonly seconds: number;
}

const jsonOf = <T>(schema: z.ZodType<T>): z.ZodType<T> =>
  z.string().transform((text) => JSON.parse(text)).pipe(schema) as unknown as z.ZodType<T>;

const metadataSchema = z.object({
  trajectory: jsonOf(z.custom<Trajectory>((value) => typeof value === "object" && value !== null)),
  epochLosses: jsonOf(z.array(z.number())),
  data: jsonOf(z.record(z.string(), z.string())),
  engines: jsonOf(z.array(z.looseObject({ name: z.string(), library: z.string() }))),
  seconds: z.coerce.number().min(0).optional(),
});

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
  const metadata = {
    trajectory: JSON.stringify(trajectory),
    epochLosses: JSON.stringify(epochLosses),
    data: JSON.stringify(data),
    engines: JSON.stringify(engines),
    ...(latest ? { seconds: String(seconds) } : {}),
  };
  await writeWhole(
    path,
    encodeModel(trajectory.sizes, parameters, { metadata, ...(withState ? { state } : {}) }),
  );
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
    if (!verified) throw new DamagedFileError(`Cannot use ${path} as it has no checksum`);
    const record = metadataSchema.parse(metadata);
    if (!isSameTrajectory(record.trajectory, trajectory)) {
      throw new DamagedFileError(`Cannot use ${path} as it is of another trajectory`);
    }
    if (epoch !== "latest" && record.epochLosses.length !== epoch) {
      throw new DamagedFileError(
        `Cannot use ${path} as its epoch must be ${epoch}: current value is ${record.epochLosses.length}`,
      );
    }
    const { slots } = openOptimizer(trajectory.optimizer);
    const numbers = slots.length * countParameters(trajectory.sizes);
    if (state.length !== numbers && (epoch === "latest" || state.length !== 0)) {
      throw new DamagedFileError(
        `Cannot use ${path} as it must have ${numbers} numbers of state: it has ${state.length}`,
      );
    }
    const { epochLosses, data, engines, seconds = 0 } = record;
    return { parameters, state, epochLosses, data, engines: engines as EngineInfo[], seconds };
  });
}

/** Epochs whose networks are kept, ascending. */
export async function listNetworks(models: string, trajectory: Trajectory): Promise<number[]> {
  const path = join(models, trajectoryPath(trajectory));
  const prefix = `${basename(path)}.epoch=`;
  const epochs: number[] = [];
  try {
    for await (const { name } of Deno.readDir(dirname(path))) {
      const match = name.startsWith(prefix)
        ? /^(\d+)\.safetensors$/.exec(name.slice(prefix.length))
        : null;
      if (match !== null) epochs.push(Number(match[1]));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return epochs.sort((a, b) => a - b);
}

/** Removes the network of an epoch. */
export async function removeNetwork(
  models: string,
  trajectory: Trajectory,
  epoch: number | "latest",
): Promise<void> {
  await removeIfThere(networkFile(models, trajectory, epoch));
}
