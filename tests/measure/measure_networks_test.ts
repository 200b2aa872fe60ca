/** The door: which measures there are, and how networks go through them. @module */
import {
  MEASURE_NAMES,
  type MeasuredNetwork,
  measureNetworks,
  measurePasses,
  NotFiniteError,
  parseMeasure,
} from "~/lib/measure.ts";
import { formatMeasurement } from "~/lib/cli/measure.ts";
import type { Engine, Ray } from "~/lib/engine.ts";
import { countParameters, type SharedFloats } from "~/lib/model/layout.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  type Asked,
  functionEngine,
  measured,
  measureOne,
  quadratic,
} from "~/tests/fixtures/function_engine.ts";

const P = 12;
const of = quadratic(Array.from({ length: P }, (_, i) => 1 + i));
const network = measured(new Float32Array(P).fill(0.5), {
  optimizer: "AdaGrad",
  learningRate: 0.1,
  state: new Float32Array(P).fill(4),
});

/** Measures networks, the usual one unless told; takes note of what the engine is asked. */
async function take(
  lists: readonly (readonly string[])[],
  { asked = [], networks = lists.map(() => network), engine = {}, ...options }:
    & { asked?: Asked; networks?: readonly MeasuredNetwork[]; engine?: Partial<Engine> }
    & Partial<Parameters<typeof measureNetworks>[3]> = {},
): ReturnType<typeof measureNetworks> {
  const on = { ...functionEngine(of, asked), ...engine };
  return await measureNetworks(on, networks, lists, { seed: 1, ...options });
}

const filled = (value: number): MeasuredNetwork => measured(new Float32Array(P).fill(value));

Deno.test("parseMeasure() has one text for one measure", () => {
  for (const name of MEASURE_NAMES) {
    const measure = parseMeasure(` ${name.toUpperCase()} ()`);
    assertEquals(measure.text, name);
    assertEquals(measure.name, name);
    assert(measure.unit !== "" && measure.label !== "");
    const all = Object.entries(measure.parameters).map(([key, value]) => `${key}=${value}`);
    assertEquals(parseMeasure(`${name}(${all.reverse().join(" , ")})`).text, name);
  }
  assertEquals(
    parseMeasure("Trace(radius=0.1,directions=7)").text,
    "trace(directions=7,radius=0.1)",
  );
  assertEquals(parseMeasure("trace(directions=7)").parameters, { directions: 7, radius: 0.5 });
});

Deno.test("parseMeasure() reads the names that measures had before, and names what there is", () => {
  assertEquals(parseMeasure("Frozen(directions=49, radius=2)").text, "frozen-batchnorm(radius=2)");
  assertEquals(parseMeasure("generalisation").text, "generalization-gap");
  assertThrows(
    () => parseMeasure("constructor"),
    RangeError,
    `Cannot use measure constructor as it must be ${MEASURE_NAMES.join(" or ")}, with `,
  );
});

Deno.test("measureNetworks() returns every measure of every network where it was asked for, as JSON", async () => {
  const before = [...network.parameters];
  const all = await take([MEASURE_NAMES]);
  assertEquals(all[0]!.length, MEASURE_NAMES.length);
  assertEquals(JSON.parse(JSON.stringify(all)), all);
  for (const [place, { estimate, standardError }] of all[0]!.entries()) {
    assert(Number.isFinite(estimate), MEASURE_NAMES[place]);
    assert(standardError === null || standardError >= 0);
  }
  assertEquals([...network.parameters], before);
  // One by one, in another order, with others beside them: the same numbers.
  const networks = [network, filled(-1)];
  for (const [place, name] of MEASURE_NAMES.entries()) {
    const found = await take([["weight-norm", name], ["antithetic(directions=3)"]], { networks });
    assertEquals(found[0]![1], all[0]![place], name);
  }
});

Deno.test("measureNetworks() reports shares of its work, which sum to 1", async () => {
  const shares: number[] = [];
  await take([MEASURE_NAMES, ["trace"]], { onProgress: (share) => shares.push(share) });
  assert(shares.length > 20 && shares.every((share) => share >= 0));
  assertAlmostEquals(shares.reduce((sum, share) => sum + share, 0), 1, 1e-12);
  // Of the evaluation alone there is nothing to compute.
  const none: number[] = [];
  await take([["weight-norm"]], { onProgress: (share) => none.push(share) });
  assertEquals(none, [0, 1]);
});

const { evaluate, openHessian } = functionEngine(of);

Deno.test("measureNetworks() asks once for a network's own gradient and Hessian", async () => {
  const asked: string[] = [];
  const networks = [network, filled(-1)];
  const placeOf = (model: SharedFloats): number =>
    networks.findIndex(({ parameters }) => parameters === model);
  const curved = ["worst-case", "lambda-max", "adaptive-worst-case", "hessian-trace"];
  await take([curved, curved], {
    networks,
    engine: {
      evaluate: (sizes, models, options) => {
        if (placeOf(models[0]!) !== -1) asked.push(`gradient ${placeOf(models[0]!)}`);
        return evaluate(sizes, models, options);
      },
      openHessian: (sizes, model, signal) => {
        asked.push(`Hessian ${placeOf(model)}`);
        return openHessian(sizes, model, signal);
      },
    },
  });
  assertEquals(asked, ["gradient 0", "Hessian 0", "gradient 1", "Hessian 1"]);
});

Deno.test("measureNetworks() takes two networks at once where an engine can", async () => {
  const networks = [1, 2, 3].map(filled);
  const lists = networks.map(() => ["lambda-max", "worst-case"]);
  let [running, most] = [0, 0];
  const engine: Partial<Engine> = {
    concurrency: 16,
    evaluate: async (sizes, models, options) => {
      most = Math.max(most, ++running);
      // As many turns of the event loop as it takes for the others to come this far.
      await new Promise((resolve) => setTimeout(resolve));
      running--;
      return await evaluate(sizes, models, options);
    },
  };
  assertEquals(await take(lists, { networks, engine }), await take(lists, { networks }));
  assertEquals(most, 2);
});

Deno.test("measureNetworks() begins no other network once one has failed", async () => {
  const begun = new Set<SharedFloats>();
  const networks = [1, NaN, 3, 4].map(filled);
  const engine: Partial<Engine> = {
    concurrency: 2,
    openHessian: (sizes, model, signal) => {
      begun.add(model);
      return openHessian(sizes, model, signal);
    },
    evaluate: (_sizes, models) =>
      Promise.resolve(models.map((gradient) => (
        { loss: gradient[0]!, accuracy: NaN, gradientNorm: NaN, gradient }
      ))),
  };
  const lists = networks.map(() => ["worst-case", "lambda-max"]);
  const error = await assertRejects(() => take(lists, { networks, engine }), NotFiniteError);
  assertMatch(error.message, /worst-case .* the loss of the network/);
  assert(!begun.has(networks[3]!.parameters));
});

Deno.test("measureNetworks() ends with the signal's reason, between calls of the engine too", async () => {
  const reason = new Error("enough");
  for (const measures of [["sharpness"], ["lambda-max"], ["worst-case"], ["generalization-gap"]]) {
    const signal = AbortSignal.abort(reason);
    assert(await assertRejects(() => take([measures], { signal })) === reason);
  }
  const controller = new AbortController();
  const { signal } = controller;
  const asked: Asked = [];
  let done = 0;
  const onProgress = (share: number): void =>
    void ((done += share) > 0.6 && controller.abort(reason));
  const measuring = take([["sharpness", "lambda-max"]], { asked, signal, onProgress });
  assert(await assertRejects(() => measuring) === reason);
  assert(asked[0]!.options.signal === signal);
});

const PRECONDITIONED = "preconditioned-lambda-max(iterations=9)";

Deno.test("measureNetworks() computes nothing before it knows that it can", async () => {
  const asked: Asked = [];
  const networks = [network, measured(new Float32Array(P))];
  await assertRejects(
    () => take([["sharpness"], ["sharpness", PRECONDITIONED]], { asked, networks }),
    RangeError,
    `Cannot measure ${PRECONDITIONED} as the network's optimizer is not known`,
  );
  const unknown = (): Promise<unknown> => take([["sharpness", "?"]], { asked });
  await assertRejects(unknown, RangeError, "Cannot use measure ? as");
  const negative = (): Promise<unknown> => take([["sharpness"]], { asked, seed: -1 });
  await assertRejects(negative, RangeError, "Cannot measure as seed must be an integer in 0..");
  assertEquals(asked, []);
});

async function calls(lists: string[][], networks = lists.map(() => network)): Promise<Asked> {
  const asked: Asked = [];
  await take(lists, { asked, networks });
  return asked;
}

const rays = (count: number, ...steps: number[]): Ray[] =>
  Array.from({ length: count }, (_, direction) => ({ direction, scaling: "global", steps }));

Deno.test("measureNetworks() computes points that measures have in common once, for all networks", async () => {
  const usual = ["sharpness", "antithetic", "radius-curve(directions=49)"];
  const measures = [...usual, "sharpness(directions=2)"];
  const [call, ...others] = await calls([measures, measures, measures]);
  assertEquals(others, []);
  assertEquals(call!.models, 3);
  assertEquals(call!.options.rays, rays(49, -10, -5, -2, -1, -0.5, 0.5, 1, 2, 5, 10));
  assertEquals([call!.options.seed, call!.options.frozen], [1, false]);
  // Kept statistics only where a measure reads them.
  const [kept] = await calls([["sharpness", "frozen-batchnorm"]]);
  assertEquals([kept!.options.frozen, kept!.options.rays.length], [true, 49]);
});

Deno.test("measureNetworks() leaves networks apart that are asked for other rays, of other shapes or kept statistics", async () => {
  const few = ["antithetic(directions=16)"];
  const asked = await calls([["antithetic"], few, ["antithetic", "trace"], few, ["weight-norm"]]);
  assertEquals(asked.map(({ models }) => models), [1, 2, 1]);
  assertEquals(asked[1]!.options.rays, rays(16, -5, 5));
  const networks = [network, measured(network.parameters, { sizes: [5, 2] }), network];
  const shapes = await calls([["sharpness"], ["sharpness"], ["frozen-batchnorm"]], networks);
  assertEquals(shapes.map(({ models, options }) => [models, options.frozen]), [
    ...[[1, false], [1, false], [1, true]],
  ]);
});

Deno.test("measurePasses() counts shared directions once and each network's own work", () => {
  const text = "antithetic(directions=16)";
  // A direction's product with the images, L(w), and a tenth of a pass a point.
  assertAlmostEquals(measurePasses([text], 1), 16 + 1 + 3.2, 1e-12);
  assertAlmostEquals(measurePasses([text, "sharpness(directions=2)"], 3), 16 + 3 * 4.2, 1e-12);
  const own = measurePasses(["worst-case"], 1) + measurePasses(["lambda-max"], 1);
  assertAlmostEquals(measurePasses(["worst-case", "lambda-max", "weight-norm"], 2), 2 * own, 1e-9);
});

Deno.test("generalization-gap is the test loss less the training loss, with errors", async () => {
  const known = { trainLoss: 0.5, testLoss: 1.25, trainAccuracy: 0.875, testAccuracy: 0.5 };
  const networks = [{ ...network, ...known }, { ...network, testLoss: Infinity, testAccuracy: 0 }];
  const [[value]] = await take([["generalization-gap"]], { networks: networks.slice(0, 1) }) as [
    [unknown],
  ];
  const errors = { testError: 0.5, trainError: 0.125 };
  assertEquals(value, { estimate: 0.75, standardError: null, ...errors });
  const { message } = await assertRejects(
    () => take([["generalization-gap"]], { networks: networks.slice(1) }),
    NotFiniteError,
    "Cannot measure generalization-gap as the test loss must be finite: current value is Infinity",
  );
  // Told of it, the others go on.
  const told: [number, string][] = [];
  const rows = await take(networks.map(() => ["generalization-gap", "weight-norm"]), {
    networks,
    onNotFinite: (place, error) => told.push([place, error.message]),
  });
  assertEquals(told, [[1, message]]);
  const finite = rows.map((row) => row.map(({ estimate }) => Number.isFinite(estimate)));
  assertEquals(finite, [[true, true], [false, true]]);
});

Deno.test("weight-norm is that of all parameters, with each layer's", async () => {
  const sizes = [2, 3, 1];
  const w = Float32Array.from({ length: countParameters(sizes) }, (_, i) => i + 1);
  const value = await measureOne<{ layers: number[] }>(functionEngine(of), measured(w, { sizes }), {
    text: "weight-norm",
  });
  // 1..9 and 10..13: sums of squares n (n + 1) (2 n + 1) / 6 = 285 and 819 - 285.
  const found = [value.estimate, ...value.layers];
  for (const [i, square] of [819, 285, 534].entries()) {
    assertAlmostEquals(found[i]!, Math.sqrt(square), 1e-13);
  }
});

Deno.test("formatMeasurement() says how far a value can be trusted wherever it is shown", () => {
  const found = { estimate: 240.5, standardError: null, residual: 31.25, iterations: 8 };
  assertEquals(
    formatMeasurement({ ...found, converged: false }, "nats per unit^2"),
    "240.5 nats per unit^2, not converged after 8 products, residual 31: a lower bound",
  );
  // To a tolerance that is wider than 1 %.
  const converged = { ...found, converged: true };
  assertEquals(formatMeasurement(converged, "1"), "240.5, residual 31: a lower bound");
  const close = { ...converged, residual: 2.4 };
  assertEquals(formatMeasurement(close, "1"), "240.5, residual 2.4");
  // t(0.975, 2) / sqrt(3) = 2.484138.
  assertMatch(
    formatMeasurement({ estimate: 2, standardError: 0.5, samples: [1, 2, 3] }, "nats"),
    /^2 nats, standard error 0.5, 95 % -0.4841 to 4.484 \(t over 3 samples\)$/,
  );
  assertEquals(formatMeasurement({ estimate: 2, standardError: null, samples: [2] }, "1"), "2");
});
