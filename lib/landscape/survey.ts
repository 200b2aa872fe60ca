/**
 * Evaluates the points of a line or a plane, row by row, and keeps what is finished.
 *
 * @module
 */
import { z } from "zod";
import { UsageError } from "~/lib/domain.ts";
import type { Engine } from "~/lib/engine.ts";
import { readIfThere, writeWhole } from "~/lib/files/files.ts";
import { fillPoint, type Span } from "~/lib/landscape/span.ts";
import { share } from "~/lib/model.ts";

// Null where it is not finite: JSON has neither NaN nor infinity.
const number = z.number().nullable();
const point = z.object({
  x: z.number(),
  /** 0 on a line. */
  y: z.number(),
  /** Full-set losses in nats and accuracies as fractions, each split with its own statistics. */
  trainLoss: number,
  trainAccuracy: number,
  testLoss: number,
  testAccuracy: number,
});
const landscape = z.object({
  landscape: z.literal(1),
  /** All that decides the numbers: networks' SHA-256, directions, images, engine. */
  question: z.record(z.string(), z.json()),
  axes: z.array(z.object({ label: z.string(), ticks: z.array(z.number()).readonly() }))
    .min(1).max(2),
  networks: z.array(z.object({ name: z.string(), x: z.number(), y: z.number() })).readonly(),
  /** x fastest; fewer than the axes have while it is unfinished. */
  points: z.array(point),
});

/** A landscape as it stands in its file. */
export type Landscape = z.infer<typeof landscape>;

/** How to survey. */
export interface SurveyOptions {
  readonly question: Landscape["question"];
  /** Its JSON file, from which the same question goes on; absent: nothing is kept. */
  readonly path?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** After every point. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Reads what a file holds of a landscape. @throws {UsageError} If it holds something else. */
export async function readLandscape(path: string): Promise<Landscape | undefined> {
  const bytes = await readIfThere(path);
  if (bytes === undefined) return undefined;
  try {
    return landscape.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    throw new UsageError(`Cannot write ${path} as what is there is no landscape: move it away`);
  }
}

/**
 * Evaluates every point on both splits. One point's weights are in memory at a time, beside the axes:
 * 8 P bytes each. A row of a plane, or a point of a line, is kept when it is finished.
 *
 * @throws The signal's reason; what is finished stays in the file.
 */
export async function survey(
  engine: Engine,
  span: Span,
  { question, path, signal, onProgress }: SurveyOptions,
): Promise<Landscape> {
  const { networks } = span;
  const axes = span.axes.map(({ label, ticks }) => ({ label, ticks }));
  const [xs = [], ys = [0]] = axes.map(({ ticks }) => ticks);
  const kept = path === undefined ? undefined : await readLandscape(path);
  const isSame = JSON.stringify(kept?.question) === JSON.stringify(question);
  const points: Landscape["points"] = isSame ? kept!.points : [];
  const found: Landscape = { landscape: 1, question, axes, networks, points };
  const weights = share(span.origin.length);
  const isAt = points.length;
  const shared = await alongRay(engine, span, xs.slice(isAt), signal);
  const total = xs.length * ys.length;
  const perRow = axes.length === 1 ? 1 : xs.length;
  while (points.length < total) {
    signal?.throwIfAborted();
    const [x, y] = [xs[points.length % xs.length]!, ys[Math.floor(points.length / xs.length)]!];
    fillPoint(weights, span, [x, y]);
    const of = async (split: "train" | "test"): Promise<{ loss: number; accuracy: number }> =>
      (await engine.evaluate(span.sizes, [weights], { split }))[0]!;
    const [train, test] = [shared[points.length - isAt] ?? await of("train"), await of("test")];
    const finite = (value: number): number | null => Number.isFinite(value) ? value : null;
    points.push({
      ...{ x, y },
      ...{ trainLoss: finite(train.loss), trainAccuracy: finite(train.accuracy) },
      ...{ testLoss: finite(test.loss), testAccuracy: finite(test.accuracy) },
    });
    onProgress?.(points.length, total);
    if (path !== undefined && points.length % perRow === 0) {
      await writeWhole(path, `${JSON.stringify(found)}\n`);
    }
  }
  return found;
}

/** Training losses and accuracies along a ray, by step; none where the span is no ray. */
async function alongRay(
  engine: Engine,
  { sizes, origin, ray }: Span,
  steps: readonly number[],
  signal: AbortSignal | undefined,
): Promise<{ loss: number; accuracy: number }[]> {
  if (ray === undefined || steps.length === 0) return [];
  const { seed, ...along } = ray;
  const options = { seed, rays: [{ ...along, steps }], signal };
  const [found] = await engine.perturbedLosses(sizes, [origin], options);
  return found!.losses[0]!.map((loss, i) => ({ loss, accuracy: found!.accuracies[0]![i]! }));
}

/** One row a point, units in the columns' names. */
export function landscapeCsv({ axes, points }: Landscape): string {
  const places = (["x", "y"] as const).slice(0, axes.length);
  const columns = ["trainLoss", "trainAccuracy", "testLoss", "testAccuracy"] as const;
  const units = columns.map((name) => `${name} [${name.endsWith("Loss") ? "nats" : "fraction"}]`);
  const rows = points.map((point) => [...places, ...columns].map((name) => point[name] ?? ""));
  return [[...places, ...units], ...rows].map((row) => `${row.join(",")}\n`).join("");
}
