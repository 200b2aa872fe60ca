/**
 * Measures of a real network on each kind of engine: PyTorch's curvature, what theory asks for, and what
 * the logits' normalisation does: no scale, and statistics to keep.
 *
 * @module
 */
import { measureNetworks, type MeasureValue, NotFiniteError } from "~/lib/measure.ts";
import { type Layer, layoutLayers, rescaleLayer } from "~/lib/model.ts";
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { dataset, network, pytorch, testEngines } from "~/tests/fixtures/curvature_network.ts";
import { functionEngine, measured, measureOne } from "~/tests/fixtures/function_engine.ts";
import { referencePass } from "~/tests/fixtures/reference_network.ts";
import { referenceSplit } from "~/tests/fixtures/tiny_dataset.ts";

const { sizes } = pytorch;

testEngines("lambda-max is PyTorch's to its tolerance", async (engine) => {
  const [[plain, preconditioned]] = await measureNetworks(
    engine,
    // With an accumulator of 4 everywhere: half of it.
    [{ ...network, optimizer: "AdaGrad", state: new Float32Array(219).fill(4) }],
    [["lambda-max", "preconditioned-lambda-max"]],
    { seed: 3 },
  ) as unknown as [[{ estimate: number }, { estimate: number }]];
  assertAlmostEquals(plain.estimate, pytorch.eigenvalues[0]!, 1e-3 * 14);
  assertAlmostEquals(preconditioned.estimate, pytorch.eigenvalues[0]! / 2, 1e-3 * 7);
});

testEngines("trace is the Hessian's where the loss has no kinks", async (engine) => {
  // Without a hidden layer there is no ReLU: losses in float64 at a radius of 1e-3, whose rounding is
  // 2 P / r^2 * 1e-16 = 1e-8 and whose fourth order some r^2, against the engine's exact products.
  const linear = [12, 4];
  const w = pytorch.parameters.slice(0, 52);
  const flat = measured(w, { sizes: linear });
  const data = referenceSplit(dataset.train);
  const float64 = functionEngine({ loss: (w) => referencePass(linear, w, data).loss });
  const { samples } = await measureOne<{ samples: number[] }>(float64, flat, {
    text: "trace(directions=3,radius=0.001)",
  });
  const exact = await measureOne<{ samples: number[] }>(engine, flat, {
    text: "hessian-trace(directions=3)",
  });
  for (const [k, sample] of samples.entries()) {
    assert(Math.abs(sample) > 0.1);
    assertAlmostEquals(exact.samples[k]!, sample, 1e-4 * (1 + Math.abs(sample)));
  }
});

testEngines("sharpness, frozen and antithetic are 0 at a radius of 0", async (engine) => {
  const texts = ["sharpness", "frozen-batchnorm", "antithetic"].map((name) =>
    `${name}(radius=0,directions=2)`
  );
  const [row] = await measureNetworks(engine, [network], [texts], { seed: 3 });
  for (const { estimate, standardError, samples } of row!) {
    assertEquals([estimate, standardError, samples], [0, 0, [0, 0]]);
  }
});

testEngines("worst-case lies between random and second order", async (engine) => {
  const radius = 0.01;
  const [[worst, random, eigenvalue]] = await measureNetworks(engine, [network], [
    [`worst-case(radius=${radius})`, `sharpness(radius=${radius},directions=20)`, "lambda-max"],
  ], { seed: 3 }) as unknown as [
    [Record<string, number>, { samples: number[] }, { estimate: number }],
  ];
  assert(worst["estimate"]! > Math.max(...random.samples));
  const curved = radius ** 2 * eigenvalue.estimate / 2;
  // Third order, and kinks: some radius^3.
  assert(worst["estimate"]! <= worst["firstOrder"]! + curved + 10 * radius ** 3);
  assertAlmostEquals(worst["estimate"]!, worst["firstOrder"]!, 2 * curved);
});

testEngines("a network that is NaN is named by every measure that computes", async (engine) => {
  const broken = measured(pytorch.parameters.map(() => NaN), { sizes });
  const cases = [
    ["sharpness(directions=1)", "the loss"],
    ["trace(directions=1)", "the loss"],
    ["lambda-max", "the Hessian's product"],
    ["hessian-trace", "the Hessian's product"],
    ["worst-case", "the loss of the network"],
    ["weight-norm", "every weight"],
  ];
  for (const [text, what] of cases) {
    const error = await assertRejects(
      () => measureOne(engine, broken, { text: text! }),
      NotFiniteError,
    );
    assertEquals(
      error.message,
      `Cannot measure ${text!.split("(")[0]} as ${what} must be finite: current value is NaN`,
    );
  }
});

testEngines("scale-free measures do not change with a layer's scale", async (engine) => {
  // Logits of hundreds, so that the normalisation's epsilon counts for 1e-5 / 1e4 at most.
  const last = layoutLayers(sizes).at(-1)!;
  const large = measured(network.parameters.map((w, i) => i < last.weight ? w : 1000 * w), {
    sizes,
  });
  const free = ["relative-tensor", "relative-filter"].map((name) => `${name}(directions=4)`);
  free.push("adaptive-worst-case(steps=3)");
  const texts = [...free, "antithetic(directions=4,radius=0.5)"];
  const networks = [
    large,
    ...[0, 1, 2].flatMap((layer) =>
      [0.1, 10].map((c) => measured(rescaleLayer(sizes, large.parameters, { layer, c }), { sizes }))
    ),
  ];
  const values = await measureNetworks(engine, networks, networks.map(() => texts), { seed: 3 });
  const [first, ...others] = values;
  const changes = others.map((row) => {
    for (const [i, text] of free.entries()) {
      const usual = first![i]!.estimate;
      assert(Math.abs(usual) > 0.01, text);
      // Both losses round by 1e-6, and 10 is no power of two: every weight rounds.
      assertAlmostEquals(row[i]!.estimate, usual, 1e-3 * Math.abs(usual), text);
      assertAlmostEquals(row[i]!["loss"] as number, first![i]!["loss"] as number, 5e-6);
    }
    return Math.abs(Math.log10(Math.abs(row[3]!.estimate / first![3]!.estimate)));
  });
  // By a factor of 3 at least, from one layer or another.
  assert(Math.max(...changes) > Math.log10(3), `${changes}`);
});

testEngines(
  "relative-balanced does not change with one unit's scale, relative-filter does",
  async (engine) => {
    const [first, second] = layoutLayers(sizes) as [Layer, Layer];
    const scaled = network.parameters.map((w) => w);
    const c = 1 / 128;
    for (let i = 0; i < first.inputs; i++) scaled[first.weight + i]! *= c;
    scaled[first.bias]! *= c;
    for (let row = 0; row < second.outputs; row++) {
      scaled[second.weight + row * second.inputs]! /= c;
    }
    const texts = ["relative-balanced(directions=4)", "relative-filter(directions=4)"];
    const networks = [network, measured(scaled, { sizes })];
    const [usual, other] = await measureNetworks(engine, networks, networks.map(() => texts), {
      seed: 3,
    }) as [[MeasureValue, MeasureValue], [MeasureValue, MeasureValue]];
    // Balanced weights differ by their rounding.
    assertAlmostEquals(other[0].estimate, usual[0].estimate, 1e-3 * usual[0].estimate);
    assert(other[1].estimate > 1.5 * usual[1].estimate, `${other[1].estimate}`);
  },
);
