/**
 * The largest loss in a ball around a network, by projected gradient ascent.
 *
 * @module
 */
import type { Engine, SharedFloats } from "~/lib/engine.ts";
import type { ComputeOptions, MeasuredNetwork, MeasureValue } from "~/lib/measure/definition.ts";
import { demandFinite } from "~/lib/measure/not_finite_error.ts";
import { unitDirection } from "~/lib/measure/unit_direction.ts";
import { dot, norm, scaled } from "~/lib/measure/vectors.ts";

/** What is asked for. */
export interface AscentOptions
  extends ComputeOptions<{ readonly radius: number; readonly steps: number }> {
  /** For messages. */
  readonly measure: string;
  /** The diagonal of T in `w + T z`, shape [P]; default: 1. */
  readonly scale?: Float32Array;
}

/**
 * Looks for the largest `L(w + T z)` with `|z| <= rho` by projected ascent on z along T g, with
 * g the gradient at w + T z. Steps are first taken without end, `z <- rho T g / |T g|`, which rises
 * step by step where L is convex (Journee et al. arXiv 0811.4724) and leaves no length to choose;
 * where a step does not rise, the next ones from the best point are shorter: rho / 2, rho / 6 ...
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
    const slope = scaled(gradient, scale);
    return { loss, slope, length: demandFinite(norm(slope), measure, `the gradient ${where}`) };
  };
  const start = await look(parameters, "of the network");
  const point = new Float32Array(new SharedArrayBuffer(4 * parameters.length)) as SharedFloats;
  const rises: number[] = [];
  let z = unit(start, seed);
  let best = { rise: -Infinity, z, ascent: z };
  // Of the inverse length of a step; 0: a step without end.
  let inertia = 0;
  for (let step = 1; step <= steps; step++) {
    for (let i = 0; i < point.length; i++) {
      point[i] = parameters[i]! + radius * (scale?.[i] ?? 1) * z[i]!;
    }
    const there = await look(point, `at radius ${radius}`);
    const rise = there.loss - start.loss;
    rises.push(rise);
    if (rise > best.rise) best = { rise, z, ascent: unit(there, seed) };
    else inertia = 2 * inertia + 2;
    z = project(best.z, best.ascent, inertia);
    onProgress?.(step / steps);
  }
  return {
    // The centre lies in the ball, too.
    estimate: Math.max(0, best.rise),
    standardError: null,
    loss: start.loss,
    rises,
    firstOrder: radius * start.length,
    alignment: dot(best.z, best.ascent) / norm(best.z),
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
  if (length === 0) return new Float64Array(unitDirection(slope.length, { seed, k: 0 }));
  const direction = new Float64Array(slope);
  for (let i = 0; i < direction.length; i++) direction[i]! /= length;
  return direction;
}

/** `z + ascent / inertia`, in the unit ball. */
function project(z: Float64Array, ascent: Float64Array, inertia: number): Float64Array {
  if (inertia === 0) return ascent;
  const step = z.map((value, i) => value + ascent[i]! / inertia);
  const length = Math.max(1, norm(step));
  return step.map((value) => value / length);
}
