/**
 * The cache of results: one JSON file a run, checked when read, written atomically.
 *
 * @module
 */
import { z } from "zod";
import { printable, sha256 as sha256Of } from "~/lib/files/files.ts";
import { OPTIMIZERS } from "~/lib/optimizer.ts";
import { STOPPING_RULES } from "~/lib/study.ts";

/** Version of the file format; a file of another version is computed again. */
export const RESULT_FORMAT = 1;

const finite = z.number();
const count = z.int().min(0);
const fraction = z.number().min(0).max(1);
const engine = z.strictObject({ name: z.string(), library: z.string() });

/** A list, up to its first fault: zod's own tells every one, gigabytes of them in a hostile file. */
function listOf<T>(item: z.ZodType<T>): z.ZodType<T[]> {
  return z.unknown().transform((value, context) => {
    if (!Array.isArray(value)) {
      context.addIssue("Invalid input: expected array");
      return z.NEVER;
    }
    const list: T[] = [];
    for (const [index, each] of value.entries()) {
      const parsed = item.safeParse(each);
      if (!parsed.success) {
        const { path, message } = parsed.error.issues[0]!;
        context.addIssue({ code: "custom", path: [index, ...path], message });
        return z.NEVER;
      }
      list.push(parsed.data);
    }
    return list;
  });
}

/** MD5 by file name; no more than a data set can have. */
const md5s = z.custom<object>((value) => Object.keys(Object(value)).length <= 100, "Too many files")
  .pipe(z.record(z.string(), z.string().regex(/^[0-9a-f]{32}$/)));

/** What is kept of a run; the same bytes whenever it is computed again on the same machine. */
export const runSchema = z.strictObject({
  config: z.strictObject({
    optimizer: z.enum(OPTIMIZERS),
    learningRate: z.number().positive(),
    batchSize: z.int().min(1),
    seed: count,
  }),
  protocol: z.strictObject({
    sizes: listOf(z.int().min(1)),
    images: z.int().min(1),
    maxEpochs: count,
    stopping: z.enum(STOPPING_RULES),
    stoppingCriterion: z.number().min(0),
    stoppingCriterionEpochs: z.int().min(1),
    radius: z.number().min(0),
    directions: z.int().min(1),
    directionSeed: count,
  }),
  /** MD5 of every data file used, by file name. */
  data: md5s,
  engines: z.strictObject({
    /** In the order in which they trained the run: more than one where it was resumed elsewhere. */
    training: listOf(engine),
    sharpness: z.nullable(engine),
  }),
  training: z.strictObject({
    /** Mean batch loss of every epoch in nats; ends before the epoch that diverged. */
    epochLosses: listOf(finite),
    epochs: count,
    stopped: z.enum(["converged", "epoch limit", "diverged"]),
    /** Full-split losses in nats and accuracies, fractions; null where training diverged. */
    trainLoss: z.nullable(finite),
    trainAccuracy: z.nullable(fraction),
    testLoss: z.nullable(finite),
    testAccuracy: z.nullable(fraction),
    /** Euclidean norms over all P parameters. */
    gradientNorm: z.nullable(finite),
    weightNorm: z.nullable(finite),
  }),
  /** Null where training diverged. */
  sharpness: z.nullable(z.strictObject({
    /** Unperturbed full training loss in nats. */
    loss: finite,
    /** L(w + r u_k) - L(w) in nats, by direction k. */
    samples: listOf(finite),
  })),
});

/** One trained and measured network. */
export type RunResult = z.infer<typeof runSchema>;

const timing = z.strictObject({
  /** Wall time of training, its evaluation included, over all resumed parts. */
  trainSeconds: z.number().min(0),
  /** The run's share of the wall time of the block in which it was measured. */
  sharpnessSeconds: z.number().min(0),
  threads: z.int().min(1),
  /** ISO 8601. */
  finished: z.iso.datetime(),
});

/** What may differ between two computations of the same run. */
export type RunTiming = z.infer<typeof timing>;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** A result file: the run and its timing apart, each with its checksum. */
export const resultFile = z.strictObject({
  format: z.literal(RESULT_FORMAT),
  run: runSchema,
  timing,
  sha256: z.strictObject({ run: sha256, timing: sha256 }),
});
export type ResultFile = z.infer<typeof resultFile>;

/**
 * Reads and checks a result file.
 *
 * @param text The file's text.
 * @param name Names the file in messages.
 * @throws {TypeError} If it is not such a file, or was altered: the message says where.
 */
export function parseResult(text: string, name: string): ResultFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new TypeError(`Cannot read ${name}: it is not JSON`);
  }
  const parsed = resultFile.safeParse(json);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    const reason = `${path.join(".") || "the file"}: ${message}`;
    throw new TypeError(`Cannot read ${name}: ${printable(reason)}`);
  }
  const expected = checksums(parsed.data);
  for (const part of ["run", "timing"] as const) {
    if (parsed.data.sha256[part] !== expected[part]) {
      throw new TypeError(
        `Cannot read ${name} as the checksum of its ${part} must be ` +
          `${parsed.data.sha256[part]}: current value is ${expected[part]}`,
      );
    }
  }
  return parsed.data;
}

/** The text of a result file: stable, readable in a diff, the same bytes for the same run. */
export function formatResult(content: Pick<ResultFile, "run" | "timing">): string {
  // The schema brings keys into its own order, on which the checksums stand.
  const ordered = { run: runSchema.parse(content.run), timing: timing.parse(content.timing) };
  const file = { format: RESULT_FORMAT, ...ordered, sha256: checksums(ordered) };
  return JSON.stringify(file, null, 1) + "\n";
}

function checksums(content: Pick<ResultFile, "run" | "timing">): ResultFile["sha256"] {
  return {
    run: sha256Of(JSON.stringify(content.run)),
    timing: sha256Of(JSON.stringify(content.timing)),
  };
}
