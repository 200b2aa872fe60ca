/**
 * The largest loss in a ball around a network, by projected gradient ascent.
 *
 * @module
 */
import type { Engine, SharedFloats } from "~/lib/engine.ts";
import type { ComputeOptions, MeasuredNetwork, MeasureValue } from "~/lib/measure/definition.ts";
import { demandFinite } from "~/lib/measure/not_finite_error.ts";
import { unitDirection } from "~/lib/measure/unit_direction.ts";

/** What is asked for. */
export interface AscentOptions
  extends ComputeOptions<{ readonly radius: number; readonly steps: number }> {
  /** For messages. */
  readonly measure: string;
  /** The diagonal of T in `w + T z`, shape [P]; default: 1. */
  readonly scale?: Float32Array;
}

/**
 * Looks for the largest `L(w + T z)` with `|z| <= rho`: z goes to the end of the ball along the
 * gradient, `z <- rho T g / |T g|` with g at w + T z, again and again. That is projected ascent with
 * steps of any length, so that there is none to choose; it rises step by step where L is convex
 * (Journee et al. arXiv 0811.4724). Elsewhere it need not, and the best point counts.
 *
 * The first step is that of sharpness-aware minimisation (Foret et al. arXiv 2010.01412).
 *
 * @throws {NotFiniteError} If a loss or gradient is not finite.
 */
export async function ascend(
  engine: Engine,
  { sizes, parameters }: MeasuredNetwork,
  { p: { radius, steps }, seed, signal, onProgress, measure, scale }: AscentOptions,
): Promise<MeasureValue> {
  const look = async (point: SharedFloats, where: string): Promise<Slope> => {
    signal?.throwIfAborted();
    const [found] = await engine.gradients(sizes, [point], signal ? { signal } : {});
    const { loss, gradient } = found!;
    demandFinite(loss, measure, `the loss ${where}`);
    const slope = scale === undefined ? gradient : gradient.map((g, i) => g * scale[i]!);
    return { loss, slope, length: demandFinite(norm(slope), measure, `the gradient ${where}`) };
  };
  const start = await look(parameters, "of the network");
  const point = new Float32Array(new SharedArrayBuffer(4 * parameters.length)) as SharedFloats;
  const rises: number[] = [];
  let best = { rise: -Infinity, alignment: 0 };
  let direction = unit(start, seed);
  for (let step = 1; step <= steps; step++) {
    for (let i = 0; i < point.length; i++) {
      point[i] = parameters[i]! + radius * (scale?.[i] ?? 1) * direction[i]!;
    }
    const there = await look(point, `at radius ${radius}`);
    const next = unit(there, seed);
    const rise = there.loss - start.loss;
    if (rise > best.rise) best = { rise, alignment: dot(direction, next) };
    rises.push(rise);
    direction = next;
    onProgress?.(step / steps);
  }
  return {
    estimate: best.rise,
    standardError: null,
    loss: start.loss,
    rises,
    firstOrder: radius * start.length,
    alignment: best.alignment,
  };
}

interface Slope {
  readonly loss: number;
  /** T g, shape [P]. */
  readonly slope: Float32Array;
  /** Its norm. */
  readonly length: number;
}

/** The slope's direction; where there is no slope the study's first direction. */
function unit({ slope, length }: Slope, seed: number): Float64Array {
  if (length > 0) return Float64Array.from(slope, (value) => value / length);
  return Float64Array.from(unitDirection(slope.length, { seed, k: 0 }));
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function norm(vector: Float32Array): number {
  return Math.sqrt(dot(vector, vector));
}
