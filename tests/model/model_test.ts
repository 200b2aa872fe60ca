/** The parameters' layout, their initialisation, and layers and units that are rescaled. @module */
import fc from "fast-check";
import { UsageError } from "~/lib/domain.ts";
import { balanceUnits, norm, rescaleLayer } from "~/lib/model.ts";
import {
  countParameters,
  initialise,
  type Layer,
  type LayerSizes,
  layoutLayers,
  MLP_1,
} from "~/lib/model/layout.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertLessOrEqual,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { dot } from "~/tests/fixtures/function_engine.ts";
import { referenceForward } from "~/tests/fixtures/reference_network.ts";

const sizesOf = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 2, maxLength: 6 });

Deno.test("countParameters() gives MLP_1's 1,738,890", () => {
  assertEquals(countParameters(MLP_1), 1_738_890);
  assertEquals(countParameters([3, 2]), 3 * 2 + 2);
});

Deno.test("layoutLayers() tiles the flat vector: weight, bias, weight, bias, without gaps", () => {
  fc.assert(
    fc.property(sizesOf, (sizes) => {
      let next = 0;
      for (const [index, layer] of layoutLayers(sizes).entries()) {
        assertEquals([layer.inputs, layer.outputs], [sizes[index]!, sizes[index + 1]!]);
        assertEquals(layer.weight, next);
        assertEquals(layer.bias, next + sizes[index]! * sizes[index + 1]!);
        next = layer.bias + sizes[index + 1]!;
      }
      assertEquals(layoutLayers(sizes).length, sizes.length - 1);
      assertEquals(countParameters(sizes), next);
    }),
    { seed: 1, numRuns: 100 },
  );
});

Deno.test("layoutLayers() says what sizes must be", () => {
  const cases = [
    [[5], "[5]"],
    ["31", "31"],
    [[3, 0], "[3,0]"],
    [[3, 2.5], "[3,2.5]"],
    // JSON has neither of them.
    [[3, NaN], "[3,null]"],
    [[3, Infinity], "[3,null]"],
    [[3, 2 ** 20 + 1], "[3,1048577]"],
    [["3", 2], '["3",2]'],
  ] as const;
  for (const [sizes, shown] of cases) {
    const error = assertThrows(() => layoutLayers(sizes as unknown as LayerSizes), UsageError);
    assertEquals(
      error.message,
      "Cannot lay out a network as layer sizes must be at least 2 integers in 1..1048576: current " +
        `value is ${shown}`,
    );
  }
});

Deno.test("initialise() draws each layer from U(-1/sqrt(fan_in), 1/sqrt(fan_in))", () => {
  const sizes = [400, 60, 25, 10];
  const parameters = initialise(sizes, 7);
  assert(parameters.buffer instanceof SharedArrayBuffer);
  for (const { inputs, outputs, weight } of layoutLayers(sizes)) {
    const bound = 1 / Math.sqrt(inputs);
    const layer = parameters.subarray(weight, weight + outputs * (inputs + 1));
    const n = layer.length;
    for (const value of layer) assertLessOrEqual(Math.abs(value), Math.fround(bound));
    const moment = (power: number): number => layer.reduce((sum, x) => sum + x ** power, 0) / n;
    // A uniform's variance is bound^2/3, that of its square 4 bound^4/45: 4 standard errors each.
    assertAlmostEquals(moment(1), 0, 4 * bound / Math.sqrt(3 * n));
    assertAlmostEquals(moment(2), bound ** 2 / 3, 4 * bound ** 2 * Math.sqrt(4 / 45 / n));
    // Some draw lies in the outermost 1 %: chance of none 0.99^n < 0.3 % for the 260 of the last.
    if (n > 250) assertLess(0.98 * bound, Math.max(...layer.map(Math.abs)));
  }
});

Deno.test("initialise() depends on sizes and seed only", () => {
  assertEquals(initialise([5, 4, 3], 2), initialise([5, 4, 3], 2));
  assertNotEquals(initialise([5, 4, 3], 2), initialise([5, 4, 3], 3));
  // Neighbouring seeds' weights are uncorrelated: 4 standard errors.
  const [a, b] = [0, 1].map((seed) => initialise([300, 20], seed));
  const correlation = dot(a!, b!) / Math.sqrt(dot(a!, a!) * dot(b!, b!));
  assertLess(Math.abs(correlation), 4 / Math.sqrt(a!.length));
});

Deno.test("initialise() draws the numbers that results so far were trained from", () => {
  // Pinned: a change here makes every result that exists irreproducible.
  const pinned = [0.418145, -0.476763, -0.147817, 0.497793, 0.250558, 0.401015, -0.312432];
  for (const [i, value] of pinned.entries()) {
    assertAlmostEquals(initialise([4, 2], 0)[i]!, value, 5.1e-7);
  }
});

Deno.test("rescaleLayer() changes no logit, whatever hidden layer and c", () => {
  const sizes = [5, 4, 3, 2];
  const parameters = initialise(sizes, 3);
  const before = parameters.slice();
  // Of one row: the means of its logits.
  const data = { inputs: [Float64Array.of(0.1, 0.9, 0.4, 0.7, 0.2)], labels: [0] };
  const logits = (w: Float32Array): readonly number[] =>
    referenceForward(sizes, w, data).statistics.means;
  const expected = logits(parameters);
  for (const layer of [0, 1]) {
    for (const c of [0.1, 3, 10]) {
      const found = logits(rescaleLayer(sizes, parameters, { layer, c }));
      // Each of some 20 float32 parameters on a way is rounded once: 20 * 2^-24 of values below 1.
      for (const [k, value] of found.entries()) assertAlmostEquals(value, expected[k]!, 1.2e-6);
    }
  }
  assertEquals([...parameters], [...before]);
});

Deno.test("balanceUnits() gives one network, of even norms, whatever the units' scales were", () => {
  const sizes = [5, 4, 3, 2];
  const [first, second] = layoutLayers(sizes) as [Layer, Layer];
  const parameters = initialise(sizes, 3);
  const before = parameters.slice();
  const uneven = parameters.slice();
  // Unit 2 of the first layer times 2^10: float32 stays exact.
  for (let i = 0; i < 5; i++) uneven[first.weight + 2 * 5 + i]! *= 1024;
  uneven[first.bias + 2]! *= 1024;
  for (let row = 0; row < 3; row++) uneven[second.weight + row * 4 + 2]! /= 1024;
  const balanced = balanceUnits(sizes, parameters);
  assertEquals([...parameters], [...before]);
  // Rounds end where they change less than 1e-8; then float32 rounds by 6e-8.
  for (const [i, value] of balanceUnits(sizes, uneven).entries()) {
    assertAlmostEquals(value, balanced[i]!, 2e-7);
  }
  for (let unit = 0; unit < 4; unit++) {
    const from = first.weight + unit * 5;
    const outgoing = [0, 1, 2].map((row) => balanced[second.weight + row * 4 + unit]!);
    assertAlmostEquals(norm(balanced.subarray(from, from + 5)), Math.hypot(...outgoing), 5e-7);
  }
  const data = { inputs: [Float64Array.of(0.1, 0.9, 0.4, 0.7, 0.2)], labels: [0] };
  const logits = (w: Float32Array): readonly number[] =>
    referenceForward(sizes, w, data).statistics.means;
  // As for `rescaleLayer`.
  for (const [k, value] of logits(balanced).entries()) {
    assertAlmostEquals(value, logits(parameters)[k]!, 1.2e-6);
  }
});

Deno.test("balanceUnits() leaves a unit without outgoing weights, and weights that are not finite", () => {
  const dead = Float32Array.of(3, 4, 5, 0, 0, 1, 2);
  assertEquals([...balanceUnits([2, 1, 2], dead)], [...dead]);
  const broken = dead.map(() => NaN);
  assertEquals([...balanceUnits([2, 1, 2], broken)], [...broken]);
});
