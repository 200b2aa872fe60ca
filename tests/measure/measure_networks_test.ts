/**
 * The door: which measures there are, and how networks go through them.
 *
 * @module
 */
import {
  DIRECTION_SEED,
  formatMeasurement,
  MEASURE_NAMES,
  measureHelp,
  measureNetworks,
  measurePasses,
  NotFiniteError,
  parseMeasure,
} from "~/lib/measure.ts";
import type { Engine, Ray, SharedFloats } from "~/lib/engine.ts";
import { countParameters } from "~/lib/model/layout.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
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

Deno.test("parseMeasure() has one text for one measure", () => {
  for (const name of MEASURE_NAMES) {
    const measure = parseMeasure(` ${name.toUpperCase()} ()`);
    assertStrictEquals(measure.text, name);
    assertStrictEquals(measure.name, name);
    assert(measure.unit !== "" && measure.label !== "");
    const all = Object.entries(measure.parameters).map(([key, value]) => `${key}=${value}`);
    assertStrictEquals(parseMeasure(`${name}(${all.reverse().join(" , ")})`).text, name);
  }
  assertStrictEquals(
    parseMeasure("Trace(radius=0.1,directions=7)").text,
    "trace(directions=7,radius=0.1)",
  );
  assertEquals(parseMeasure("trace(directions=7)").parameters, { directions: 7, radius: 0.5 });
});

Deno.test("parseMeasure() reads the names that measures had before", () => {
  assertStrictEquals(
    parseMeasure("Frozen(directions=49, radius=2)").text,
    "frozen-batchnorm(radius=2)",
  );
  assertStrictEquals(parseMeasure("generalisation").text, "generalization-gap");
});

Deno.test("parseMeasure() names what there is", () => {
  assertThrows(
    () => parseMeasure("constructor"),
    RangeError,
    `Cannot use measure constructor as it must be ${
      MEASURE_NAMES.join(" or ")
    }, with (key=value) ` +
      "where wanted",
  );
  assertThrows(
    () => parseMeasure("lambda-max(radius=1)"),
    RangeError,
    "Cannot use measure lambda-max(radius=1) as it has no radius: there is iterations, tolerance",
  );
});

Deno.test("measureHelp() has a line for every measure and every parameter", () => {
  const help = measureHelp();
  for (const name of MEASURE_NAMES) {
    const at = help.findIndex((line) => line.startsWith(`${name}: `));
    const { summary, unit, parameters } = parseMeasure(name);
    assertStrictEquals(help[at], `${name}: ${summary} [${unit}]`);
    for (const [place, [key, value]] of Object.entries(parameters).entries()) {
      const line = help[at + 1 + place]!;
      assert(line.startsWith(`  ${key}: `) && line.endsWith(`(default ${value})`), line);
    }
  }
});

Deno.test("measureNetworks() returns every measure of every network where it was asked for, as JSON", async () => {
  const before = [...network.parameters];
  const engine = functionEngine(of);
  const all = await measureNetworks(engine, [network], [MEASURE_NAMES], { seed: DIRECTION_SEED });
  assertEquals(all[0]!.length, MEASURE_NAMES.length);
  assertEquals(JSON.parse(JSON.stringify(all)), all);
  for (const [place, { estimate, standardError }] of all[0]!.entries()) {
    assert(Number.isFinite(estimate), MEASURE_NAMES[place]);
    assert(standardError === null || standardError >= 0);
  }
  assertEquals([...network.parameters], before);
  // One by one, in another order, with others beside them: the same numbers.
  const other = measured(new Float32Array(P).fill(-1));
  for (const [place, name] of MEASURE_NAMES.entries()) {
    const [[, again]] = await measureNetworks(
      engine,
      [network, other],
      [["weight-norm", name], ["antithetic(directions=3)"]],
      { seed: DIRECTION_SEED },
    ) as [[unknown, unknown]];
    assertEquals(again, all[0]![place], name);
  }
});

Deno.test("measureNetworks() reports its share of work up to 1, never backwards", async () => {
  const shares: number[] = [];
  await measureNetworks(functionEngine(of), [network, network], [MEASURE_NAMES, ["trace"]], {
    seed: 1,
    onProgress: (done) => shares.push(done),
  });
  assert(shares.length > 20);
  assertEquals([...shares].sort((a, b) => a - b), shares);
  assertStrictEquals(shares.at(-1), 1);
});

Deno.test("measureNetworks() asks once for a network's own gradient and Hessian", async () => {
  const engine = functionEngine(of);
  const asked: string[] = [];
  const others = [network, measured(new Float32Array(P).fill(-1))];
  const counting: Engine = {
    ...engine,
    gradients: (sizes, models, options) => {
      const own = others.findIndex(({ parameters }) => parameters === models[0]);
      if (own !== -1) asked.push(`gradient ${own}`);
      return engine.gradients(sizes, models, options);
    },
    openHessian: (sizes, model, options) => {
      asked.push(`Hessian ${others.findIndex(({ parameters }) => parameters === model)}`);
      return engine.openHessian(sizes, model, options);
    },
  };
  const curved = ["worst-case", "lambda-max", "adaptive-worst-case", "hessian-trace"];
  await measureNetworks(counting, others, others.map(() => curved), { seed: 1 });
  assertEquals(asked, ["gradient 0", "Hessian 0", "gradient 1", "Hessian 1"]);
});

Deno.test("measureNetworks() takes two networks at once where an engine can", async () => {
  const names = ["lambda-max", "worst-case"];
  const networks = [1, 2, 3].map((value) => measured(new Float32Array(P).fill(value)));
  const lists = networks.map(() => names);
  const alone = await measureNetworks(functionEngine(of), networks, lists, { seed: 1 });
  let [running, most] = [0, 0];
  const engine: Engine = {
    ...functionEngine(of),
    concurrency: 16,
    gradients: async (sizes, models, options) => {
      most = Math.max(most, ++running);
      // As many turns of the event loop as it takes for the others to come this far.
      await new Promise((resolve) => setTimeout(resolve));
      running--;
      return await functionEngine(of).gradients(sizes, models, options);
    },
  };
  assertEquals(await measureNetworks(engine, networks, lists, { seed: 1 }), alone);
  assertStrictEquals(most, 2);
});

Deno.test("measureNetworks() begins no other network once one has failed", async () => {
  const begun = new Set<SharedFloats>();
  const networks = [1, NaN, 3, 4].map((value) => measured(new Float32Array(P).fill(value)));
  const engine: Engine = {
    ...functionEngine(of),
    concurrency: 2,
    openHessian: (sizes, model, options) => {
      begun.add(model);
      return functionEngine(of).openHessian(sizes, model, options);
    },
    gradients: (_sizes, models) =>
      Promise.resolve(models.map((gradient) => ({ loss: gradient[0]!, gradient }))),
  };
  const error = await assertRejects(
    () =>
      measureNetworks(engine, networks, networks.map(() => ["worst-case", "lambda-max"]), {
        seed: 1,
      }),
    NotFiniteError,
  );
  assertMatch(error.message, /worst-case .* the loss of the network/);
  assert(!begun.has(networks[3]!.parameters));
});

Deno.test("measureNetworks() ends with the signal's reason, between calls of the engine too", async () => {
  const reason = new Error("enough");
  const engine = functionEngine(of);
  for (const measures of [["sharpness"], ["lambda-max"], ["worst-case"], ["generalization-gap"]]) {
    const signal = AbortSignal.abort(reason);
    const error = await assertRejects(() =>
      measureNetworks(engine, [network], [measures], { seed: 1, signal })
    );
    assertStrictEquals(error, reason);
  }
  const controller = new AbortController();
  const asked: Asked = [];
  const error = await assertRejects(() =>
    measureNetworks(functionEngine(of, asked), [network], [["sharpness", "lambda-max"]], {
      seed: 1,
      signal: controller.signal,
      onProgress: (done) => done > 0.6 && controller.abort(reason),
    })
  );
  assertStrictEquals(error, reason);
  assertStrictEquals(asked[0]!.options.signal, controller.signal);
});

Deno.test("measureNetworks() computes nothing before it knows that it can", async () => {
  const asked: Asked = [];
  const bare = measured(new Float32Array(P));
  await assertRejects(
    () =>
      measureNetworks(functionEngine(of, asked), [network, bare], [
        ["sharpness"],
        ["sharpness", "preconditioned-lambda-max"],
      ], { seed: 1 }),
    RangeError,
    "Cannot measure preconditioned-lambda-max as the network's optimizer is not known",
  );
  await assertRejects(
    () => measureNetworks(functionEngine(of, asked), [network], [["sharpness", "?"]], { seed: 1 }),
    RangeError,
    "Cannot use measure ? as",
  );
  assertEquals(asked, []);
});

async function calls(measures: string[][]): Promise<Asked> {
  const asked: Asked = [];
  const networks = measures.map(() => network);
  await measureNetworks(functionEngine(of, asked), networks, measures, { seed: 1 });
  return asked;
}

function ray(direction: number, ...steps: number[]): Ray {
  return { direction, scaling: "global", steps };
}

Deno.test("measureNetworks() computes points that measures have in common once, for all networks", async () => {
  const measures = [
    "sharpness",
    "antithetic",
    "radius-curve(directions=49)",
    "sharpness(directions=2)",
  ];
  const [call, ...others] = await calls([measures, measures, measures]);
  assertEquals(others, []);
  assertEquals(call!.models, 3);
  assertEquals(
    call!.options.rays,
    Array.from({ length: 49 }, (_, k) => ray(k, -10, -5, -2, -1, -0.5, 0.5, 1, 2, 5, 10)),
  );
  assertEquals([call!.options.seed, call!.options.frozen], [1, false]);
});

Deno.test("measureNetworks() asks for kept statistics only where a measure reads them", async () => {
  const [kept] = await calls([["sharpness", "frozen-batchnorm"]]);
  assertEquals(kept!.options.frozen, true);
  assertEquals(kept!.options.rays.length, 49);
});

Deno.test("measureNetworks() asks the engine nothing that the evaluation says", async () => {
  assertEquals(await calls([["generalization-gap", "weight-norm"], []]), []);
});

Deno.test("measureNetworks() leaves networks apart that are asked for other rays, of other shapes or kept statistics", async () => {
  const few = ["antithetic(directions=16)"];
  const asked = await calls([["antithetic"], few, ["antithetic", "trace"], few, ["weight-norm"]]);
  assertEquals(asked.map(({ models }) => models), [1, 2, 1]);
  assertEquals(asked[1]!.options.rays, Array.from({ length: 16 }, (_, k) => ray(k, -5, 5)));
  const shapes: Asked = [];
  const other = measured(network.parameters, { sizes: [5, 2] });
  await measureNetworks(
    functionEngine(of, shapes),
    [network, other, network],
    [["sharpness"], ["sharpness"], ["frozen-batchnorm"]],
    { seed: 1 },
  );
  assertEquals(shapes.map(({ models, options }) => [models, options.frozen]), [
    [1, false],
    [1, false],
    [1, true],
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
  const value = await measureOne(functionEngine(of), { ...network, ...known }, {
    text: "generalization-gap",
  });
  assertEquals<unknown>(value, {
    estimate: 0.75,
    standardError: null,
    testError: 0.5,
    trainError: 0.125,
  });
  const error = await assertRejects(
    () =>
      measureNetworks(functionEngine(of), [{ ...network, testLoss: Infinity }], [[
        "generalization-gap",
      ]], { seed: 1 }),
    NotFiniteError,
  );
  assertStrictEquals(
    error.message,
    "Cannot measure generalization-gap as the test loss must be finite: current value is Infinity",
  );
  // Told of it, the others go on.
  const told: [number, string][] = [];
  const networks = [{ ...network, ...known }, { ...network, testLoss: Infinity, testAccuracy: 0 }];
  const texts = networks.map(() => ["generalization-gap", "weight-norm"]);
  const rows = await measureNetworks(functionEngine(of), networks, texts, {
    seed: 1,
    onNotFinite: (place, { message }) => told.push([place, message]),
  });
  assertEquals(told, [[1, error.message]]);
  assertEquals(
    rows.map((row) => row.map(({ estimate }) => Number.isFinite(estimate))),
    [[true, true], [false, true]],
  );
});

Deno.test("weight-norm is that of all parameters, with each layer's", async () => {
  const sizes = [2, 3, 1];
  const w = Float32Array.from({ length: countParameters(sizes) }, (_, i) => i + 1);
  const value = await measureOne<{ layers: number[] }>(functionEngine(of), measured(w, { sizes }), {
    text: "weight-norm",
  });
  // 1..9 and 10..13: sums of squares n (n + 1) (2 n + 1) / 6 = 285 and 819 - 285.
  assertAlmostEquals(value.estimate, Math.sqrt(819), 1e-13);
  assertAlmostEquals(value.layers[0]!, Math.sqrt(285), 1e-13);
  assertAlmostEquals(value.layers[1]!, Math.sqrt(534), 1e-13);
});

Deno.test("formatMeasurement() says how far a value can be trusted wherever it is shown", () => {
  const found = { estimate: 240.5, standardError: null, residual: 31.25, iterations: 8 };
  assertStrictEquals(
    formatMeasurement({ ...found, converged: false }, "nats per unit^2"),
    "240.5 nats per unit^2, not converged after 8 products, residual 31",
  );
  assertStrictEquals(formatMeasurement({ ...found, converged: true }, "1"), "240.5, residual 31");
  // t(0.975, 2) / sqrt(3) = 2.484138.
  assertMatch(
    formatMeasurement({ estimate: 2, standardError: 0.5, samples: [1, 2, 3] }, "nats"),
    /^2 nats, standard error 0.5, 95 % -0.4841 to 4.484 \(t over 3 samples\)$/,
  );
  assertStrictEquals(
    formatMeasurement({ estimate: 2, standardError: null, samples: [2] }, "1"),
    "2",
  );
});

Deno.test("DIRECTION_SEED is the seed that all committed results were measured with", () => {
  assertStrictEquals(DIRECTION_SEED, 20251107);
});
