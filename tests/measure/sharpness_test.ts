/**
 * Sampling around minima whose losses are known in closed form, and on the real engine.
 *
 * @module
 */
import { drawDirection } from "~/lib/engine/direction.ts";
import type { Engine, PerturbOptions } from "~/lib/engine/engine.ts";
import { initialise } from "~/lib/model/layout.ts";
import { sampleSharpness, type SharpnessSamples } from "~/lib/measure/sharpness.ts";
import {
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { testLibraries, withEngine } from "~/tests/fixtures/engine_cpu_fixture.ts";
import { floats, stubEngine } from "~/tests/fixtures/stub_engine.ts";
import { randomDataset, share } from "~/tests/fixtures/tiny_dataset.ts";

/** An engine whose loss is any function of the parameters, in float64. */
function lossEngine(
  loss: (w: ArrayLike<number>) => number,
  asked: PerturbOptions[] = [],
): Engine {
  return {
    ...stubEngine(),
    evaluate: (_sizes, models) =>
      Promise.resolve(models.map((w) => ({ loss: loss(w), accuracy: 1, gradientNorm: NaN }))),
    perturbedLosses(_sizes, models, options): Promise<number[][]> {
      asked.push(options);
      return Promise.resolve(models.map((w) =>
        options.directions.map((k) => {
          const { normal, inverseNorm } = drawDirection(
            new Float32Array(w.length),
            options.seed,
            k,
          );
          const step = options.radius * inverseNorm;
          return loss(Float64Array.from(w, (value, i) => value + step * normal[i]!));
        })
      ));
    },
  };
}

const P = 40;
const SIZES = [P, 1]; // read by no stub
const curvature = Array.from({ length: P }, (_, i) => 1 + i % 7);
const trace = curvature.reduce((a, b) => a + b);
const quadratic = (w: ArrayLike<number>): number =>
  Array.from(w).reduce((sum, value, i) => sum + curvature[i]! * value * value / 2, 0);
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b) / values.length;

Deno.test("sampleSharpness() averages r^2 tr(H) / 2P at the minimum of a quadratic", async () => {
  const [measured] = await sampleSharpness(lossEngine(quadratic), {
    sizes: SIZES,
    models: [share(new Float32Array(P))],
    radius: 3,
    directions: 400,
    directionSeed: 5,
  });
  assertEquals(measured!.loss, 0);
  // u'Hu of uniform u has variance 2 (P tr(H^2) - tr(H)^2) / (P^2 (P + 2)): 4 standard errors.
  const squares = curvature.reduce((sum, h) => sum + h * h, 0);
  const variance = 2 * (P * squares - trace ** 2) / (P ** 2 * (P + 2));
  assertAlmostEquals(
    mean(measured!.samples),
    9 * trace / (2 * P),
    4 * 4.5 * Math.sqrt(variance / 400),
  );
});

Deno.test("sampleSharpness() is r^2/2 where every direction curves alike", async () => {
  // L = |w|^2 / 2 at 0: each sample is r^2 |u|^2 / 2, |u| = 1 to float64's rounding of 40 terms.
  const engine = lossEngine((w) =>
    Array.from(w).reduce((sum, value) => sum + value * value / 2, 0)
  );
  const models = [share(new Float32Array(P))];
  for (const radius of [0.5, 5]) {
    const [measured] = await sampleSharpness(engine, {
      sizes: SIZES,
      models,
      radius,
      directions: 5,
      directionSeed: 1,
    });
    for (const sample of measured!.samples) {
      assertAlmostEquals(sample, radius ** 2 / 2, 1e-14 * radius ** 2);
    }
  }
});

Deno.test("sampleSharpness() is linear in the slope: negative samples are kept", async () => {
  // L = <a, w>: sample k is r <a, u_k>, whatever w; models of the same direction agree.
  const slope = Array.from({ length: P }, (_, i) => Math.sin(i));
  const linear = (w: ArrayLike<number>): number =>
    Array.from(w).reduce((sum, value, i) => sum + slope[i]! * value, 0);
  const [one, other] = await sampleSharpness(lossEngine(linear), {
    sizes: SIZES,
    models: [0, 1].map((seed) => initialise([P - 1, 1], seed)),
    radius: 2,
    directions: 20,
    directionSeed: 7,
  });
  for (const [k, sample] of one!.samples.entries()) {
    const { normal, inverseNorm } = drawDirection(new Float32Array(P), 7, k);
    const expected = 2 * inverseNorm * normal.reduce((sum, g, i) => sum + g * slope[i]!, 0);
    assertAlmostEquals(sample, expected, 1e-12);
    assertAlmostEquals(other!.samples[k]!, expected, 1e-12);
  }
  assertEquals(one!.samples.some((sample) => sample < 0), true);
});

Deno.test("sampleSharpness() asks for directions 0..K-1 of the study's seed, once for all models", async () => {
  const asked: PerturbOptions[] = [];
  const signal = new AbortController().signal;
  const onProgress = (): void => {};
  await sampleSharpness(lossEngine(quadratic, asked), {
    sizes: SIZES,
    models: [1, 2, 3].map(() => share(new Float32Array(P))),
    radius: 5,
    directions: 4,
    directionSeed: 11,
  }, { signal, onProgress });
  assertEquals(asked.length, 1);
  const { seed, directions, radius, ...rest } = asked[0]!;
  // null: the minimum itself, by the same way.
  assertEquals(directions, [null, 0, 1, 2, 3]);
  assertEquals({ seed, radius }, { seed: 11, radius: 5 });
  assertStrictEquals(rest.signal, signal);
  assertStrictEquals(rest.onProgress, onProgress);
});

Deno.test("sampleSharpness() says what it cannot sample", async () => {
  const ask = (
    options: { radius?: number; directions?: number; w?: number },
  ): Promise<SharpnessSamples[]> =>
    sampleSharpness(stubEngine((w) => Math.log(w)), {
      sizes: [1, 1],
      models: [floats(options.w ?? 1)],
      radius: options.radius ?? 1,
      directions: options.directions ?? 2,
      directionSeed: 1,
    });
  for (const radius of [-1, NaN, Infinity, -Infinity, "5" as unknown as number]) {
    assertEquals(
      (await assertRejects(() => ask({ radius }), RangeError)).message,
      `Cannot sample sharpness as radius must be finite and >= 0: current value is ${radius}`,
    );
  }
  for (const directions of [0, -1, 1.5, NaN, Infinity, 2 ** 53]) {
    assertEquals(
      (await assertRejects(() => ask({ directions }), RangeError)).message,
      `Cannot sample sharpness as directions must be an integer >= 1: current value is ${directions}`,
    );
  }
  assertEquals(
    (await assertRejects(() => ask({ w: -1 }), TypeError)).message,
    "Cannot sample sharpness as the loss must be finite: current value is NaN",
  );
  const nowhere = stubEngine((w) => (w > 2 ? Infinity : w));
  assertEquals(
    (await assertRejects(() =>
      sampleSharpness(nowhere, {
        sizes: [1, 1],
        models: [floats(1)],
        radius: 1,
        directions: 2,
        directionSeed: 1,
      }), TypeError)).message,
    "Cannot sample sharpness as the loss at radius 1 must be finite: current value is Infinity",
  );
});

testLibraries("sampleSharpness(): more directions add samples and change none", async (library) => {
  const sizes = [9, 17, 4];
  const dataset = randomDataset(sizes, 90);
  const models = [1, 2].map((seed) => initialise(sizes, seed));
  await withEngine({ dataset, library, threads: 2 }, async (engine) => {
    const protocol = { sizes, models, radius: 5, directionSeed: 3 };
    const few = await sampleSharpness(engine, { ...protocol, directions: 3 });
    const more = await sampleSharpness(engine, { ...protocol, directions: 8 });
    for (const [m, { loss, samples }] of more.entries()) {
      assertEquals({ loss, samples: samples.slice(0, 3) }, few[m]!);
    }
  });
});
