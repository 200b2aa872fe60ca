/**
 * The spectral density: moments that are known, and a network whose whole spectrum is.
 *
 * @module
 */
import type { Engine } from "~/lib/engine/engine.ts";
import { openEngine } from "~/lib/engine/open_engine.ts";
import type { MeasureValue } from "~/lib/measure.ts";
import { symmetricEigen } from "~/lib/measure/lanczos.ts";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { dataset, network, pytorch, testEngines } from "~/tests/fixtures/curvature_network.ts";
import {
  dot,
  functionEngine,
  measured,
  measureOne,
  quadratic,
} from "~/tests/fixtures/function_engine.ts";
import { stepOf } from "~/tests/fixtures/reference_rays.ts";
import { share } from "~/tests/fixtures/tiny_dataset.ts";
import { hessianProducts } from "~/tests/fixtures/hessian_products.ts";

type Density = MeasureValue & {
  readonly samples: number[];
  readonly smallest: number;
  readonly largest: number;
  readonly probes: readonly { readonly nodes: number[]; readonly weights: number[] }[];
};

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b) / values.length;
/** `sum w f(theta)` of a probe. */
const integral = ({ nodes, weights }: Density["probes"][number], f: (x: number) => number) =>
  dot(nodes.map(f), weights);

Deno.test("density has 2 m moments of every probe after m products", async () => {
  const P = 60;
  const spectrum = Array.from({ length: P }, (_, i) => [9, -3][i] ?? Math.cos(i));
  const of = quadratic(spectrum, { v: spectrum.map((_, i) => Math.sin(1 + 2 * i)) });
  const start = measured(new Float32Array(P));
  const text = "density(probes=3,steps=5)";
  const { probes } = await measureOne<Density>(functionEngine(of), start, { text });
  for (const [direction, probe] of probes.entries()) {
    assertEquals([probe.nodes.length, probe.weights.length], [5, 5]);
    const u = stepOf([P - 1, 1], start.parameters, { direction, scaling: "global" }, 3);
    let power: ArrayLike<number> = u;
    for (let j = 0; j < 10; j++) {
      // float32 vectors, of which H^j makes 9^j.
      assertAlmostEquals(integral(probe, (x) => x ** j), dot(u, power), 1e-6 * (1 + 9 ** j));
      power = of.product([], power);
    }
  }
});

Deno.test("density has every eigenvalue of a quadratic once the space is used up", async () => {
  // Three distinct ones: three products find all, whatever was asked for.
  const spectrum = Array.from({ length: 30 }, (_, i) => [4, 1, -2][i % 3]!);
  const value = await measureOne<Density>(
    functionEngine(quadratic(spectrum)),
    measured(new Float32Array(30)),
    { text: "density(probes=50)" },
  );
  for (const { nodes, weights } of value.probes) {
    assertEquals(nodes.map((node) => Math.round(1e5 * node) / 1e5), [4, 1, -2]);
    assertAlmostEquals(weights.reduce((a, b) => a + b), 1, 1e-12);
  }
  // A third each: a weight's variance is 2 (1/3) (2/3) / 32.
  for (const i of [0, 1, 2]) {
    const third = mean(value.probes.map(({ weights }) => weights[i]!));
    assertAlmostEquals(third, 1 / 3, 4 * Math.sqrt(4 / 9 / 32 / 50));
  }
  assertAlmostEquals(value.estimate, 1, 4 * value.standardError!);
});

/** All eigenvalues of the network's Hessian, from its products with the axes. */
async function wholeSpectrum(engine: Engine): Promise<number[]> {
  const P = network.parameters.length;
  const axes = Array.from(
    { length: P },
    (_, i) => share(Array.from({ length: P }, (_, j) => +(i === j))),
  );
  const [columns] = await hessianProducts(engine, pytorch.sizes, [network.parameters], [axes]);
  return symmetricEigen(
    columns!.map((column, i) => axes.map((_, j) => (column[j]! + columns![j]![i]!) / 2)),
  ).values;
}

Deno.test("density is that of a network's whole spectrum", async () => {
  const engine = await openEngine("cpu", { dataset, threads: 1 });
  const spectrum = await wholeSpectrum(engine);
  const value = await measureOne<Density>(engine, network, { text: "density(probes=30)" });
  await engine.close();
  const top = spectrum[0]!;
  assertAlmostEquals(value.largest, top, 1e-4 * top);
  assertAlmostEquals(value.smallest, spectrum.at(-1)!, 1e-4 * top);
  // Bumps of 1/50 to 1/5 of the spectrum's width, in the bulk, beside it, and where nothing is.
  for (const [center, width] of [[0, 0.3], [0, 1], [1, 1], [4, 2], [-1, 0.5], [top, 1]] as const) {
    const bump = (x: number): number => Math.exp(-(((x - center) / width) ** 2) / 2);
    const samples = value.probes.map((probe) => integral(probe, bump));
    const error = Math.sqrt(mean(samples.map((s) => (s - mean(samples)) ** 2)) / 29);
    // What 40 nodes leave out of a bump is far below the probes' own spread.
    assertAlmostEquals(mean(samples), mean(spectrum.map(bump)), 4 * error + 1e-4);
    assert(error < 0.02);
  }
});

testEngines("density agrees with hessian-trace, |H|_F^2 and lambda-max", async (engine) => {
  const P = network.parameters.length;
  const value = await measureOne<Density>(engine, network, { text: "density" });
  const trace = await measureOne<Density>(engine, network, { text: "hessian-trace" });
  const { estimate } = await measureOne(engine, network, { text: "lambda-max" });
  // The same four directions; rounding of float32 products of norm 14.
  for (const [k, sample] of value.samples.entries()) {
    assertAlmostEquals(P * sample, trace.samples[k]!, P * 14 * 1e-6);
  }
  assertAlmostEquals(value.estimate, trace.estimate / P, 14 * 1e-6);
  assertAlmostEquals(value.standardError!, trace.standardError! / P, 14 * 1e-6);
  assertAlmostEquals(value.largest, estimate, 1e-3 * estimate);
  // Hutchinson: |H u|^2 has mean |H|_F^2 / P.
  const directions = [0, 1, 2, 3].map((direction) =>
    share(stepOf(pytorch.sizes, network.parameters, { direction, scaling: "global" }, 3))
  );
  const [products] = await hessianProducts(engine, pytorch.sizes, [network.parameters], [
    directions,
  ]);
  for (const [k, product] of products!.entries()) {
    const second = integral(value.probes[k]!, (x) => x * x);
    assertAlmostEquals(second, dot(product, product), 1e-5 * dot(product, product));
  }
});
