import { ANTITHETIC_MEASURE, type CurvePoint, listCurves, valueAtLoss } from "~/lib/findings.ts";
import { presets } from "~/lib/study.ts";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { syntheticRecords, vary } from "~/tests/fixtures/synthetic_results.ts";

const study = vary(presets.standard, {
  ...{ effects: ["learning-rate"], optimizers: ["SGD"], learningRates: [1e-3, 1e-1] },
}, { stops: ["cumulative:1e-3", "loss:1.9", "loss:1.5", "loss:1.2"] });

/** Networks along a trajectory: [loss, value], ... */
function points(...pairs: [trainLoss: number, value: number][]): CurvePoint[] {
  return pairs.map(([trainLoss, value]) => ({ trainLoss, value, atStop: false }));
}

Deno.test("valueAtLoss() is linear in the logarithm between neighbours and extrapolates nothing", () => {
  const some = points([2, 0.1], [1.8, 0.4], [1.6, 0.4]);
  // Half way from 0.1 to 0.4 in logarithms: sqrt(0.04).
  assertAlmostEquals(valueAtLoss(some, 1.9)!.value, 0.2, 1e-12);
  assertAlmostEquals(valueAtLoss(some, 1.7)!.value, 0.4, 1e-12);
  assertEquals(valueAtLoss(some, 1.8), { value: 0.4, cubic: 0.4 });
  for (const level of [2.1, 1.5]) assertEquals(valueAtLoss(some, level), null);
  assertEquals(valueAtLoss([], 1), null);
  // The value itself where one is not above 0.
  assertAlmostEquals(valueAtLoss(points([1.2, -0.1], [1, 0.3]), 1.1)!.value, 0.1, 1e-12);
});

Deno.test("valueAtLoss() takes the first passage, and none between networks far apart", () => {
  const back = points([1.6, 1], [1.4, 1], [1.6, 4], [1.4, 4]);
  assertAlmostEquals(valueAtLoss(back, 1.5)!.value, 1, 1e-12);
  assertEquals(valueAtLoss(points([1.63, 1], [1.37, 1]), 1.5), null);
  assert(valueAtLoss(points([1.62, 1], [1.38, 1]), 1.5) !== null);
});

Deno.test("valueAtLoss() has Steffen's cubic: exact where the logarithm is linear, done by hand else", () => {
  const straight = points(...[2, 1.8, 1.6, 1.4].map((x): [number, number] => [x, Math.exp(-x)]));
  const there = valueAtLoss(straight, 1.7)!;
  assertAlmostEquals(there.cubic, there.value, 1e-12);
  // Logarithms 0, 1, 1 at 0.2, 0.1, 0: a flat piece after a steep one has slope 0 at their joint
  // and 1 / 0.1 at the free end; half way that is 1/2 + 0.1 (10 - 0) / 8 = 0.625 from the far end.
  const bent = points([1.2, 1], [1.1, Math.E], [1, Math.E]);
  assertAlmostEquals(Math.log(valueAtLoss(bent, 1.15)!.cubic), 0.625, 1e-12);
  assertAlmostEquals(Math.log(valueAtLoss(bent, 1.15)!.value), 0.5, 1e-12);
});

Deno.test("listCurves() takes the directions that all networks have", () => {
  // Ascending from 0.4 to 0.6 at the first stop's network, which has 49 directions, and from 0.1 to 0.3
  // at the others, which have 16.
  const records = syntheticRecords(study, () => ({
    epochs: 60,
    estimate: (text) =>
      text === "antithetic" ? 0.5 : text === "antithetic(directions=16)" ? 0.2 : 0,
  }));
  const [first] = listCurves(study, records, ANTITHETIC_MEASURE);
  const last = first!.points.at(-1)!;
  assert(last.atStop);
  assertEquals(first!.directions, 16);
  for (const each of first!.points.slice(0, -1)) assertAlmostEquals(each.value, 0.2, 1e-12);
  // The 16 directions that it has at the other stop, of which the value is used, not the 49's.
  const own = records[0]!.content.networks.at(-1)!.measures
    .find(({ measure, protocol }) => measure === "antithetic" && protocol.directions === 49)!;
  const expected = (own.samples as number[]).slice(0, 16).reduce((sum, each) => sum + each, 0) / 16;
  assertAlmostEquals(last.value, expected, 1e-12);
  assert(Math.abs(expected - own.estimate) > 0.05);
  const alone = { ...study, stops: ["cumulative:1e-3"] };
  assertEquals(listCurves(alone, records, "weight-norm"), []);
});
