/** The update rules' float64 definitions against PyTorch and closed forms. @module */
import { UsageError } from "~/lib/domain.ts";
import { allocateState, OPTIMIZER_NAMES, parseOptimizer } from "~/lib/optimizer.ts";
import { assert, assertAlmostEquals, assertEquals, assertLess, assertThrows } from "@std/assert";
import problem from "~/tests/fixtures/pytorch_curvature.json" with { type: "json" };
import pytorch from "~/tests/fixtures/pytorch_optimizers.json" with { type: "json" };
import { referenceData } from "~/tests/fixtures/reference_network.ts";
import { furthest, trainReference } from "~/tests/fixtures/reference_training.ts";

Deno.test("every optimizer has a run of PyTorch's, by make_pytorch_optimizers.py, to be compared with", () => {
  const compared = new Set(pytorch.runs.map(({ optimizer }) => parseOptimizer(optimizer).name));
  for (const name of OPTIMIZER_NAMES) assert(compared.has(name), name);
});

Deno.test("optimizers are told apart in figures by colour and by symbol", () => {
  for (const key of ["color", "symbol"] as const) {
    const own = OPTIMIZER_NAMES.map((name) => parseOptimizer(name)[key]);
    assertEquals(new Set(own).size, own.length, key);
  }
});

for (const { optimizer, learningRate, epochLosses, finalParameters } of pytorch.runs) {
  Deno.test(`${optimizer}.step() is PyTorch's`, () => {
    assertEquals(parseOptimizer(optimizer).text, optimizer);
    const { sizes, batchSize, epochs } = pytorch;
    const { parameters, pixels, labels } = problem;
    const found = trainReference(
      { sizes, batchSize, epochs, parameters, optimizer, learningRate },
      referenceData(pixels.flat(), labels, sizes[0]!),
    );
    // Some gradients are 0 but for rounding: those of the last layer's biases, and of a unit's
    // that is active in every row. What divides by the gradient's own size makes of 2e-14 a step
    // of lr 2e-14 / epsilon, 4 batches an epoch; others carry rounding of sums of order 1.
    const { epsilon } = parseOptimizer(optimizer).hyperparameters;
    const steps = epochs * Math.ceil(labels.length / batchSize);
    const tolerance = typeof epsilon === "number"
      ? steps * learningRate * 2e-14 / epsilon
      : steps * 1e-14;
    assertLess(furthest(found.losses, epochLosses), tolerance);
    assertLess(furthest(found.parameters, finalParameters), tolerance);
    assertLess(1000 * tolerance, furthest(finalParameters, parameters));
  });
}

/** Steps of one parameter under gradients; w after each. */
function walk(text: string, gradients: number[], learningRate: number): number[] {
  const { step, slots: names } = parseOptimizer(text);
  const [parameters, slots] = [Float64Array.of(0), names.map(() => Float64Array.of(0))];
  return gradients.map((g, index) => {
    step({ parameters, gradient: Float64Array.of(g), slots }, { learningRate, t: index + 1 });
    return parameters[0]!;
  });
}

Deno.test("SGD contracts a quadratic by (1 - lr c) a step", () => {
  // L = sum c w^2 / 2: after n steps w = w0 (1 - lr c)^n. Products of 60 factors round 60 times.
  const curvature = [1, 3, 0.1];
  const { step } = parseOptimizer("SGD");
  const parameters = Float64Array.of(1, 1, 1);
  for (let t = 1; t <= 60; t++) {
    const gradient = parameters.map((x, i) => curvature[i]! * x);
    step({ parameters, gradient, slots: [] }, { learningRate: 0.5, t });
  }
  for (const [i, c] of curvature.entries()) {
    assertAlmostEquals(parameters[i]!, (1 - 0.5 * c) ** 60, 60 * 2 ** -52);
  }
});

Deno.test("SGD with momentum m goes on by m of the last step; Nesterov looks ahead", () => {
  // One gradient of 4 and then none: steps 4, 4 m, 4 m^2; ahead 4 + 4 m, 4 m^2, 4 m^3.
  assertEquals(walk("SGD(momentum=0.5)", [4, 0, 0], 0.25), [-1, -1.5, -1.75]);
  assertEquals(walk("SGD(momentum=0.5,nesterov=true)", [4, 0, 0], 0.25), [-1.5, -1.75, -1.875]);
});

// Under a constant gradient g each step has one size; epsilon / |g| is what tells it from the closed
// form: 5e-11 for AdaGrad, 5e-9 for Adam, and for RMSprop 1e-8 beside a root of 0.2 or more.
const CONSTANT: [string, number, (n: number) => number, number][] = [
  ["AdaGrad", -2, (n) => 0.1 / Math.sqrt(n), 6e-11],
  // Both means are unbiased: m = g, v = g^2.
  ["Adam", 2, () => 0.1, 1e-8],
  ["RMSprop", 2, (n) => 0.1 / Math.sqrt(1 - 0.99 ** n), 5e-8],
];
for (const [optimizer, g, stepOf, tolerance] of CONSTANT) {
  Deno.test(`${optimizer} moves against a constant gradient by its closed form`, () => {
    let sum = 0;
    for (const [index, w] of walk(optimizer, Array(20).fill(g), 0.1).entries()) {
      sum -= Math.sign(g) * stepOf(index + 1);
      assertAlmostEquals(w, sum, tolerance * Math.abs(sum) + 1e-15);
    }
    assertEquals(walk(optimizer, [0], 0.1), [0]);
  });
}

Deno.test("parseOptimizer() brings texts into one form, and takes nesterov with momentum only", () => {
  assertEquals(parseOptimizer(" sgd( momentum=9e-1 ) ").text, "SGD(momentum=0.9)");
  assertEquals(parseOptimizer("AdaGrad(epsilon=1e-10)").text, "AdaGrad");
  assertThrows(
    () => parseOptimizer("SGD(nesterov=true)"),
    UsageError,
    "Cannot use optimizer SGD as nesterov needs a momentum > 0",
  );
});

Deno.test("allocateState() gives shared zeros, one a slot and parameter", () => {
  for (const text of [...OPTIMIZER_NAMES, "SGD(momentum=0.9)"]) {
    const state = allocateState(text, 5);
    assert(state.buffer instanceof SharedArrayBuffer);
    assertEquals([...state], Array(5 * parseOptimizer(text).slots.length).fill(0));
  }
});
