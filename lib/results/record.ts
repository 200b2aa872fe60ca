/**
 * The record of a trajectory: one JSON file, which every study that asks for it reads and extends.
 *
 * @module
 */
import { z } from "zod";
import { join } from "node:path";
import { DamagedFileError, type OnDamage, readChecked } from "~/lib/files/checked.ts";
import { sha256, writeWhole } from "~/lib/files/files.ts";
import { isSameTrajectory, Trajectory, trajectoryPath } from "~/lib/trainer.ts";

/** Version of the file format; 1 was one file a run with its stopping rule in its identity. */
const FORMAT = 2;

const count = z.int().min(0);
const fraction = z.number().min(0).max(1);
const hash = z.string().regex(/^[0-9a-f]{64}$/);

const engine = z.looseObject({ name: z.string(), library: z.string() });
const norm = z.number().min(0);

const measurement = z.looseObject({
  /** Canonical name without parameters. */
  measure: z.string(),
  /** All parameters, defaults included, and the directions' seed where there are directions. */
  protocol: z.record(z.string(), z.union([z.number(), z.boolean(), z.string()])),
  unit: z.string(),
  estimate: z.number(),
  standardError: z.nullable(z.number()),
  /** What computed it. */
  engine,
});
/** A measure's value, with everything that says how it came about. */
export type Measurement = z.infer<typeof measurement>;

const network = z.looseObject({
  /** Epochs of training behind it. */
  epoch: count,
  /** SHA-256 of its float32 parameters, little-endian, in the order of PyTorch's parameters(). */
  sha256: hash,
  /** Full-split losses in nats and accuracies, fractions. */
  trainLoss: z.number(),
  trainAccuracy: fraction,
  testLoss: z.number(),
  testAccuracy: fraction,
  /** Euclidean norm of the full-set loss's gradient over all P parameters. */
  gradientNorm: norm,
  /** Euclidean norms: of all P parameters, and of each layer's weights and biases together. */
  weightNorm: norm,
  layerNorms: z.array(norm),
  /** |w - w_0|. */
  distance: norm,
  measures: z.array(measurement),
});
/** A network on the trajectory that was evaluated. */
export type NetworkRecord = z.infer<typeof network>;

/** What the same machine computes again to the bit. */
const content = z.looseObject({
  trajectory: Trajectory.loose(),
  /** MD5 of every data file used, by name. */
  data: z.record(z.string(), z.string()),
  /** Mean batch loss of every epoch in nats; ends before the epoch that diverged. */
  epochLosses: z.array(z.number()),
  /** Whether the next epoch's loss is not finite. */
  diverged: z.boolean(),
  /** Epoch of every stop that was asked for and passed so far. */
  stops: z.record(z.string(), count),
  /** By epoch, ascending. */
  networks: z.array(network),
});

/** Work on the trajectory, in order: what may differ between two computations. */
const provenance = z.looseObject({
  /** "trained", "trained again" for a network that was not kept, or "measured " and the measures. */
  did: z.string(),
  /** Epochs that were trained, from (exclusive) and to, or the epoch that was measured. */
  from: count.optional(),
  to: count,
  revision: z.string(),
  deno: z.string(),
  processor: z.string(),
  engine,
  /** Every engine that trained epochs up to `to`, by last use, where `engine` is not the only one. */
  engines: z.array(engine).optional(),
  threads: z.int().min(1),
  seconds: z.number().min(0),
  /** ISO 8601. */
  finished: z.string(),
});
/** One piece of work on a trajectory, and what did it. */
export type Provenance = z.infer<typeof provenance>;

const file = z.looseObject({
  format: z.literal(FORMAT),
  content,
  provenance: z.array(provenance),
  sha256: z.object({ content: hash, provenance: hash }),
});

/** What is kept of a trajectory. */
export type TrajectoryContent = z.infer<typeof content>;
/** A trajectory's content and how it came about; keys that a reader does not know stay. */
export interface TrajectoryRecord {
  readonly content: TrajectoryContent;
  readonly provenance: Provenance[];
  readonly [unknown: string]: unknown;
}

/** Records of trajectories, in any order. */
export type Records = readonly TrajectoryRecord[];

/**
 * Reads the text of a record.
 *
 * @throws {DamagedFileError} If a checksum does not hold.
 * @throws {SyntaxError | z.ZodError} If it is not JSON, or not a record.
 */
export function parseRecord(text: string): TrajectoryRecord {
  const parsed = file.parse(JSON.parse(text));
  for (const part of ["content", "provenance"] as const) {
    const [wanted, found] = [parsed.sha256[part], checksum(parsed[part])];
    if (found !== wanted) {
      throw new DamagedFileError(
        `the checksum of its ${part} must be ${wanted}: current value is ${found}`,
      );
    }
  }
  const { format: _, sha256: __, ...record } = parsed;
  return record;
}

/** The text of a record: stable, readable in a diff, the same bytes for the same content. */
export function formatRecord(record: TrajectoryRecord): string {
  // The schema brings known keys into its own order, on which the checksums stand.
  const ordered = file.omit({ format: true, sha256: true }).parse(record);
  const { content, provenance } = ordered;
  const sums = { content: checksum(content), provenance: checksum(provenance) };
  const whole = { format: FORMAT, ...ordered, sha256: sums };
  // Lists of numbers on one line each; no text inside has line feeds of its own.
  return JSON.stringify(whole, null, 1)
    .replace(
      /\[\n\s+(-?[\d.e+-]+(?:,\n\s+-?[\d.e+-]+)*)\n\s+\]/gi,
      (_, numbers: string) => `[${numbers.replace(/\s+/g, " ")}]`,
    ) + "\n";
}

/**
 * Looks for trainings that overlap or leave a gap, and for work of a revision that nobody knows. A
 * training that was repeated for a network that was not kept is no part of it: "trained again".
 *
 * @returns What is wrong; undefined where nothing is.
 */
export function checkProvenance({ content, provenance }: TrajectoryRecord): string | undefined {
  const nameless = provenance.find(({ revision }) => !/^[0-9a-f]+$/.test(revision));
  if (nameless !== undefined) {
    return `the revision that ${nameless.did} must be known: it is ${nameless.revision}`;
  }
  let trained = 0;
  for (const { did, from = 0, to } of provenance) {
    if (did !== "trained") continue;
    if (from !== trained) {
      const what = from < trained ? "overlap" : "leave a gap";
      return `its trainings ${what}: one begins after epoch ${from}, the one before ended at ${trained}`;
    }
    trained = to;
  }
  const { epochLosses: { length }, diverged } = content;
  // A network that is not finite ends a record before the epoch that was trained last.
  return trained === length || (diverged && trained > length)
    ? undefined
    : `its trainings end at epoch ${trained} and its losses at ${length}`;
}

/** Where a trajectory's record is kept. */
export function recordFile(results: string, trajectory: Trajectory): string {
  return `${join(results, trajectoryPath(trajectory))}.json`;
}

/** Reads a record; undefined if there is none or it is damaged: see `readChecked`. */
export function readRecord(
  results: string,
  trajectory: Trajectory,
  onDamage: OnDamage | undefined,
): Promise<TrajectoryRecord | undefined> {
  return readChecked(recordFile(results, trajectory), onDamage, (bytes) => {
    const record = parseRecord(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (!isSameTrajectory(record.content.trajectory, trajectory)) {
      throw new DamagedFileError("it is of another trajectory");
    }
    return record;
  });
}

/**
 * Writes a record over the one before.
 *
 * @throws {Error} If it does not say whole how it came about: see `checkProvenance`.
 */
export async function writeRecord(results: string, record: TrajectoryRecord): Promise<void> {
  const path = recordFile(results, record.content.trajectory);
  const fault = checkProvenance(record);
  if (fault !== undefined) throw new Error(`Cannot write ${path} as ${fault}`);
  await writeWhole(path, formatRecord(record));
}

function checksum(part: unknown): string {
  return sha256(JSON.stringify(part));
}
