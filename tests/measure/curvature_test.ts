/**
 * Eigenvalues and spectral densities of small matrices, of losses whose spectrum is known, and of a
 * network whose whole spectrum is.
 *
 * @module
 */
import type { Engine } from "~/lib/engine.ts";
import { openEngine } from "~/lib/engine/open_engine.ts";
import {
  type MeasuredNetwork,
  type MeasureValue,
  parseMeasure,
  validateAvailable,
} from "~/lib/measure.ts";
import { growKrylov, unitDirection } from "~/lib/measure/lanczos.ts";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { EigenvalueDecomposition } from "ml-matrix";
import { dataset, network, pytorch } from "~/tests/fixtures/curvature_network.ts";
import { hessianProducts, share } from "~/tests/fixtures/tiny_dataset.ts";
import {
  dot,
  functionEngine,
  measured,
  measureOne,
  quadratic,
} from "~/tests/fixtures/function_engine.ts";
import { stepOf } from "~/tests/fixtures/reference_rays.ts";

const P = 60;
/** Of a Householder reflection: no eigenvector lies along an axis. */
const v = Array.from({ length: P }, (_, i) => Math.sin(1 + 2 * i));
/** A bulk in -1..1 and three that stand out: 9, 7, 6.5. */
const spectrum = Array.from({ length: P }, (_, i) => [9, 7, 6.5][i] ?? Math.cos(i));

type Eigenvalue = { residual: number; converged: boolean; iterations: number };

async function measure(
  of: ReturnType<typeof quadratic>,
  text: string,
  known: Partial<MeasuredNetwork> = {},
): Promise<MeasureValue & Eigenvalue> {
  return await measureOne<Eigenvalue>(functionEngine(of), measured(new Float32Array(P), known), {
    text,
  });
}

Deno.test("lambda-max is not ended by an eigenvalue that only seems to be found", async () => {
  const seed = 3;
  const start = unitDirection(P, seed, 0);
  const places = [...start.keys()].sort((i, j) => Math.abs(start[j]!) - Math.abs(start[i]!));
  // The start has most of the eigenvector of 8 and an eighth of that of 10. After three products residual
  // / eigenvalue is 5 %, and residual^2 / gap, as the next one found lies near 0, 0.3 %.
  const value = await measureOne<Eigenvalue>(
    functionEngine(
      quadratic(
        spectrum.map((_, i) => ({ [places[0]!]: 8, [places[44]!]: 10 })[i] ?? Math.cos(i) / 2),
      ),
    ),
    measured(new Float32Array(P)),
    { text: "lambda-max(tolerance=0.01)", seed },
  );
  assertAlmostEquals(value.estimate, 10, 0.01 * 10);
  assert(value.residual <= 0.01 * value.estimate);
});

Deno.test("lambda-max is the largest eigenvalue on a quadratic, by value and not by magnitude", async () => {
  const of = quadratic(spectrum.map((value, i) => i === 5 ? -30 : value), { v });
  const value = await measure(of, "lambda-max", { learningRate: 0.1 });
  assertAlmostEquals(value.estimate, 9, 1e-3 * 9);
  assert(value.residual <= 1e-3 * 9 && Math.abs(value.estimate - 9) <= value.residual);
  assertEquals(value.converged, true);
  assertEquals(value.standardError, null);
  assertEquals(value["timesLearningRate"], 0.1 * value.estimate);
  const strict = await measure(of, "lambda-max(tolerance=1e-5)");
  assertAlmostEquals(strict.estimate, 9, 1e-5 * 9);
  for (const seed of [0, 1, 2]) {
    const text = "lambda-max";
    const network = measured(new Float32Array(P));
    const other = await measureOne<object>(functionEngine(of), network, { text, seed });
    assertAlmostEquals(other.estimate, 9, 1e-3 * 9);
    assertEquals(other["timesLearningRate"], null);
  }
});

Deno.test("lambda-max says where it did not converge, with a residual that is true", async () => {
  const of = quadratic(spectrum, { v });
  const value = await measure(of, "lambda-max(iterations=3)");
  assertEquals([value.converged, value.iterations], [false, 3]);
  // Some eigenvalue lies within the residual; none of this spectrum is far above the bulk but three.
  assert(spectrum.some((each) => Math.abs(each - value.estimate) <= value.residual + 1e-6));
  assert(value.residual > 0.1);
});

Deno.test("preconditioned-lambda-max is that of D^-1/2 H D^-1/2", async () => {
  // H diagonal: its entries over sqrt(accumulator). Where the accumulator is 0 nothing ever moved.
  const state = Float32Array.from({ length: P }, (_, i) => i === 0 ? 0 : (1 + i % 5) ** 2);
  const expected = Math.max(...spectrum.slice(1).map((h, i) => h / Math.sqrt(state[i + 1]!)));
  const known = { optimizer: "AdaGrad", learningRate: 0.5, state };
  const value = await measure(quadratic(spectrum), "preconditioned-lambda-max", known);
  assertAlmostEquals(value.estimate, expected, 1e-3 * expected);
  assertEquals(value["timesLearningRate"], 0.5 * value.estimate);
  // An epsilon that dwarfs the accumulator: H / epsilon.
  const even = await measure(quadratic(spectrum), "preconditioned-lambda-max", {
    ...known,
    optimizer: "AdaGrad(epsilon=1000)",
    state: state.map(() => 1e-6),
  });
  assertAlmostEquals(even.estimate, 9 / 1000, 1e-3 * 9 / 1000);
});

Deno.test("preconditioned-lambda-max says why it cannot be had", () => {
  const network = measured(new Float32Array(P));
  const adagrad = { ...network, optimizer: "AdaGrad" };
  const momentum = { ...network, optimizer: "SGD(momentum=0.9)", state: new Float32Array(P) };
  const validate = (of: MeasuredNetwork): void =>
    validateAvailable([parseMeasure("preconditioned-lambda-max")], of);
  const cases = [
    [network, "the network's optimizer is not known"],
    [momentum, "SGD keeps no accumulator"],
    [
      adagrad,
      "the optimizer's state was not kept with the network (models/*.latest.safetensors has it)",
    ],
    [
      { ...adagrad, state: new Float32Array(P - 1) },
      "the optimizer's state must have 60 numbers: current number is 59",
    ],
  ] as const;
  for (const [of, reason] of cases) {
    const { message } = assertThrows(() => validate(of), RangeError);
    assertEquals(message, `Cannot measure preconditioned-lambda-max as ${reason}`);
  }
  validate({ ...adagrad, state: new Float32Array(P) });
});

// --- Density ---

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
  const symmetric = columns!.map((column, i) =>
    axes.map((_, j) => (column[j]! + columns![j]![i]!) / 2)
  );
  return new EigenvalueDecomposition(symmetric, { assumeSymmetric: true })
    .realEigenvalues.toReversed();
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

Deno.test("growKrylov() finds every eigenvalue once when it may use the whole space", async () => {
  // No copies ("ghosts"), which a basis that loses orthogonality brings forth.
  const distinct = Array.from({ length: 20 }, (_, i) => 20 - i);
  const { product } = quadratic(distinct, { v: v.slice(0, 20) });
  const { values, basis } = await growKrylov(
    (x) => Promise.resolve(share(product([], x))),
    unitDirection(20, 1, 0),
    (space) => space.isExhausted || space.basis.length === 20 ? space : undefined,
  );
  assertEquals(values.length, 20);
  // float32 products of vectors of norm 20.
  for (const [i, value] of values.entries()) assertAlmostEquals(value, distinct[i]!, 20 * 1e-6);
  for (const [i, q] of basis.entries()) {
    for (const other of basis.slice(0, i)) assertAlmostEquals(dot(q, other), 0, 1e-6);
  }
});

Deno.test("lambda-max takes Hessians that are flat, alike everywhere, or of one direction", async () => {
  const flat = await measure(quadratic(new Float64Array(P)), "lambda-max");
  assertEquals([flat.estimate, flat.residual, flat.converged], [0, 0, true]);
  const alike = await measure(quadratic(spectrum.map(() => 2)), "lambda-max");
  assertAlmostEquals(alike.estimate, 2, 1e-6);
  assertEquals(alike.converged, true);
  // One parameter of 60, which 10 products would find: 4 and 0 alone are 2 of them.
  const one = await measure(quadratic(spectrum.map((_, i) => Number(i === 7) * 4)), "lambda-max");
  assertAlmostEquals(one.estimate, 4, 1e-5);
  assert(one.iterations <= 3);
});
