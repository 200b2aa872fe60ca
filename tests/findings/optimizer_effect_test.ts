import { optimizersAtEqualLoss, optimizersAtStop } from "~/lib/findings.ts";
import { runsAt, type TrajectoryRecord } from "~/lib/results.ts";
import { presets, type Study } from "~/lib/study.ts";
import { assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { syntheticRecords } from "~/tests/fixtures/synthetic_results.ts";

const study: Study = {
  ...presets.standard,
  grid: {
    ...presets.standard.grid,
    effects: ["learning-rate"],
    learningRates: [1e-3, 1e-2, 1e-1],
    seeds: [0, 1, 2],
  },
};
const LR = { effect: "learning-rate" } as const;

/** Antithetic sharpness and sharpness by optimizer, learning rate, loss and seed. */
function recordsWith(
  value: (optimizer: string, rate: number, loss: number, seed: number) => number,
): TrajectoryRecord[] {
  return syntheticRecords(study, ({ optimizer, learningRate, seed }) => ({
    epochs: 60,
    trainLoss: optimizer === "AdaGrad" ? 0.9 : 1.25,
    estimate: (_, { trainLoss }) => value(optimizer, learningRate, trainLoss, seed),
  }));
}

Deno.test("optimizersAtStop() and optimizersAtEqualLoss() part what the loss does from the rest", () => {
  // AdaGrad ends at the lower loss, where everything is sharper, and is less sharp at an equal one.
  const less: Record<string, number> = { "0.001": 0.1, "0.01": 0.2, "0.1": 0.3 };
  const records = recordsWith((optimizer, rate, loss, seed) =>
    3 * (2 - loss) - (optimizer === "AdaGrad" ? less[rate]! + 0.001 * (seed - 1) : 0)
  );
  const [atStop] = optimizersAtStop(study, runsAt(study, records), LR);
  assertEquals([atStop!.kind, atStop!.n, atStop!.stop], ["rises", 3, "cumulative:1e-3"]);
  assertStringIncludes(
    atStop!.text,
    "AdaGrad against SGD, by learning rate, at cumulative:1e-3: sharpness is higher in 3 of 3 cells; " +
      "the largest paired difference, at learning rate 10⁻³ and batch size 128, is 0.9",
  );
  const [equal] = optimizersAtEqualLoss(study, records, LR);
  assertEquals([equal!.kind, equal!.n], ["falls", 3]);
  assertStringIncludes(
    equal!.text,
    "AdaGrad against SGD, by learning rate, at equal full-set loss: antithetic sharpness is lower " +
      "in 3 of 3 cells; the largest paired difference, at learning rate 10⁻¹ and batch size 128 (",
  );
  // -0.301, -0.300, -0.299: -0.3 -+ 4.302653 * 0.001 / sqrt(3).
  const half = 4.302652729749 * 0.001 / Math.sqrt(3);
  assertAlmostEquals(equal!.interval![0], -0.3 - half, 1e-9);
  assertAlmostEquals(equal!.interval![1], -0.3 + half, 1e-9);
});

Deno.test("optimizersAtEqualLoss() settles nothing for one seed, and says nothing of one optimizer", () => {
  const one: Study = { ...study, grid: { ...study.grid, seeds: [0] } };
  const records = recordsWith((_, rate, loss) => rate + loss);
  const [single] = optimizersAtEqualLoss(one, records, LR);
  assertEquals([single!.kind, single!.interval, single!.n], ["not settled", null, 1]);
  assertStringIncludes(single!.text, "one seed gives no interval");
  assertStringIncludes(
    optimizersAtEqualLoss(study, [], LR)[0]!.text,
    "in no cell have both two networks",
  );
  const alone: Study = { ...study, grid: { ...study.grid, optimizers: ["SGD"] } };
  assertEquals(optimizersAtEqualLoss(alone, records, LR), []);
});
