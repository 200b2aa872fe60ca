/**
 * Worst-case sharpness: the largest rise in a ball around a minimum, by projected gradient ascent.
 *
 * @module
 */
import { count, positive } from "~/lib/domain.ts";
import type { Evaluation } from "~/lib/engine.ts";
import {
  type ComputeOptions,
  type MeasureDefinition,
  type MeasuredNetwork,
  type MeasureValue,
  validateFinite,
} from "~/lib/measure/definition.ts";
import { unitDirection } from "~/lib/measure/lanczos.ts";
import { dot, norm, share } from "~/lib/model.ts";

/** Forward passes that a loss with its gradient takes: see `rayPasses`. */
const GRADIENT_PASSES = 2.5;

type Ball = { readonly radius: number; readonly steps: number };

/**
 * `max L(w + d) - L(w)` over `|d| <= rho` (Keskar et al. arXiv 1609.04836), found from below;
 * `rho |g| + rho^2 lambda_max / 2` bounds it for small rho. The default radius is SAM's on CIFAR-10
 * (Foret et al. arXiv 2010.01412): at ten times as much a network of this study rose from 0.94 to 2.7
 * nats, where chance is 2.3.
 *
 * Its value has `loss`, L(w) in nats; `rises`, those of every step, the first of them SAM's;
 * `firstOrder`, the rise that the slope at w alone promises; and `alignment`, the cosine
 * between the step and the slope where it leads: 1 at a maximum on the ball's surface.
 */
export const worstCase = inBall(0.05, () => undefined, {
  name: "worst-case",
  summary: "largest rise of L in the ball of radius rho, by projected gradient ascent",
  label: "worst-case sharpness",
});

/** ASAM (Kwon et al. arXiv 2102.11600), biases as weights and no constant added. */
export const adaptiveWorstCase = inBall(0.5, ({ parameters }) => parameters.map(Math.abs), {
  name: "adaptive-worst-case",
  summary: "worst-case with a step relative to each weight: L(w + |w| z), |z| <= rho (ASAM)",
  label: "adaptive worst-case sharpness",
});

/** @param scaleOf The diagonal of T in `w + T z`, shape [P]; default 1. */
function inBall(
  usual: number,
  scaleOf: (network: MeasuredNetwork) => Float32Array | undefined,
  described: Pick<MeasureDefinition, "name" | "summary" | "label">,
): MeasureDefinition<Ball> {
  return {
    ...described,
    unit: "nats",
    parameters: {
      radius: { schema: positive, default: usual, help: "radius rho of the ball" },
      steps: { schema: count, default: 10, help: "steps of ascent" },
    },
    method: (ball) => ({
      passes: (ball.steps + 1) * GRADIENT_PASSES,
      compute: (network, options) =>
        ascend(network, { ...options, ...ball, scale: scaleOf(network) }),
    }),
  };
}

interface Slope {
  readonly loss: number;
  /** T g over its length. */
  readonly unit: Float64Array;
  readonly length: number;
}

/**
 * The largest `L(w + T z)` with `|z| <= rho` by projected ascent on z along T g, g the gradient at
 * w + T z. Steps are first taken without end, `z <- rho T g / |T g|`, which rises step by step where L
 * is convex (Journee et al. arXiv 0811.4724) and leaves no length to choose; where a step does not
 * rise, the next ones from the best point are shorter: rho / 2, rho / 6 ...
 */
async function ascend(
  { sizes, parameters }: MeasuredNetwork,
  options: ComputeOptions & Ball & { readonly scale: Float32Array | undefined },
): Promise<MeasureValue> {
  const { engine, radius, steps, scale, seed, signal } = options;
  const P = parameters.length;
  function slopeAt({ loss, gradient }: Evaluation, where: string): Slope {
    validateFinite(loss, `the loss ${where}`);
    const slope = scale ? share(P, (i) => gradient[i]! * scale[i]!) : gradient;
    const length = validateFinite(norm(slope), `the gradient ${where}`);
    // Where there is no slope, the study's first direction.
    const unit = length > 0
      ? new Float64Array(slope).map((g) => g / length)
      : new Float64Array(unitDirection(P, seed, 0));
    return { loss, length, unit };
  }
  const start = slopeAt(await options.gradient(), "of the network");
  const rises: number[] = [];
  let z = start.unit;
  let best = { rise: -Infinity, z, ascent: z };
  // Of the inverse length of a step; 0: a step without end.
  let inertia = 0;
  for (let step = 1; step <= steps; step++) {
    signal.throwIfAborted();
    const point = share(P, (i) => parameters[i]! + radius * (scale?.[i] ?? 1) * z[i]!);
    const whole = { split: "train", gradient: "whole", signal } as const;
    const [found] = await engine.evaluate(sizes, [point], whole);
    const there = slopeAt(found!, `at radius ${radius}`);
    const rise = there.loss - start.loss;
    rises.push(rise);
    if (rise > best.rise) best = { rise, z, ascent: there.unit };
    else inertia = 2 * inertia + 2;
    z = project(best.z, best.ascent, inertia);
    options.onProgress(step / steps);
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

/** `z + ascent / inertia`, in the unit ball. */
function project(z: Float64Array, ascent: Float64Array, inertia: number): Float64Array {
  if (inertia === 0) return ascent;
  const step = z.map((value, i) => value + ascent[i]! / inertia);
  const length = Math.max(1, norm(step));
  return step.map((value) => value / length);
}
