import {
  cellsAtLoss,
  commonLevel,
  type Curve,
  type CurvePoint,
  effectAtEqualLoss,
  listCurves,
  valueAtLoss,
} from "~/lib/findings.ts";
import type { TrajectoryRecord } from "~/lib/results.ts";
import { presets, type Study } from "~/lib/study.ts";
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { syntheticRecords } from "~/tests/fixtures/synthetic_results.ts";

const study: Study = {
  ...presets.standard,
  grid: {
    ...presets.standard.grid,
    effects: ["learning-rate"],
    optimizers: ["SGD"],
    learningRates: [1e-3, 1e-1],
  },
  stops: ["cumulative:1e-3", "loss:1.9", "loss:1.5", "loss:1.2"],
};
const LR = { effect: "learning-rate", optimizer: "SGD" } as const;

function point(trainLoss: number, value: number): CurvePoint {
  return { epoch: 1, trainLoss, value, learningTime: 1, atStop: false };
}

Deno.test("valueAtLoss() is linear in the loss between neighbours and extrapolates nothing", () => {
  const points = [point(2, 0.1), point(1.5, 0.2), point(1, 0.6)];
  assertAlmostEquals(valueAtLoss(points, 1.75)!, 0.15, 1e-12);
  assertAlmostEquals(valueAtLoss(points, 1.2)!, 0.2 + 0.4 * 0.3 / 0.5, 1e-12);
  assertEquals(valueAtLoss(points, 1.5), 0.2);
  assertEquals(valueAtLoss(points, 2.1), null);
  assertEquals(valueAtLoss(points, 0.9), null);
  assertEquals(valueAtLoss([], 1), null);
  // The first passage counts where the loss rises again.
  assertAlmostEquals(valueAtLoss([point(2, 0), point(1, 1), point(2, 5)], 1.5)!, 0.5, 1e-12);
});

Deno.test("commonLevel() is the lowest loss that the most trajectories pass", () => {
  const curve = (...points: CurvePoint[]): Curve => ({
    cell: { effect: "learning-rate", optimizer: "SGD", learningRate: 1, batchSize: 1 },
    seed: 0,
    directions: 16,
    points,
  });
  const curves = [
    curve(point(2.05, 0), point(1.35, 1)),
    curve(point(1.85, 0), point(0.75, 1)),
    curve(point(1.25, 0), point(0.75, 1)),
  ];
  // Both of the first two pass 1.4 .. 1.8; at most two pass any level; 0.8 .. 1.2 are passed by two.
  assertEquals(commonLevel(curves), 0.8);
  assertEquals(commonLevel(curves.slice(0, 2)), 1.4);
  assertEquals(commonLevel([curve(point(1, 1))]), 1);
  assertEquals(commonLevel([]), null);
});

Deno.test("listCurves() takes the directions that all networks have, and lr x updates", () => {
  const records = syntheticRecords(study, () => ({
    epochs: 60,
    // Ascending from 0.4 to 0.6 at the first stop's network, which has 49 directions, and from 0.1 to
    // 0.3 at the others, which have 16.
    estimate: (text) =>
      text === "antithetic" ? 0.5 : text === "antithetic(directions=16)" ? 0.2 : 0,
  }));
  const [first] = listCurves(study, records);
  const last = first!.points.at(-1)!;
  assert(last.atStop);
  assertEquals(first!.directions, 16);
  // 391 updates an epoch at batch 128.
  assertAlmostEquals(last.learningTime, 1e-3 * 391 * last.epoch, 1e-9);
  for (const each of first!.points.slice(0, -1)) assertAlmostEquals(each.value, 0.2, 1e-12);
  // The 16 directions that it has at the other stop, of which the value is used, not the 49's.
  const own = records[0]!.content.networks.at(-1)!.measures
    .find(({ measure, protocol }) => measure === "antithetic" && protocol.directions === 49)!;
  const expected = (own.samples as number[]).slice(0, 16).reduce((sum, each) => sum + each, 0) / 16;
  assertAlmostEquals(last.value, expected, 1e-12);
  assert(Math.abs(expected - own.estimate) > 0.05);
  const none = listCurves({ ...study, stops: ["cumulative:1e-3"] }, records, {
    measure: "weight-norm",
  });
  assertEquals(none, []);
});

/** Antithetic sharpness as a function of learning rate, loss and seed. */
function recordsWith(
  value: (rate: number, loss: number, seed: number) => number,
): TrajectoryRecord[] {
  return syntheticRecords(study, ({ learningRate, seed }) => ({
    epochs: 60,
    trainLoss: learningRate === 1e-1 ? 0.9 : 1.25,
    estimate: (_, { trainLoss }) => value(learningRate, trainLoss, seed),
  }));
}

Deno.test("effectAtEqualLoss() finds an effect that is the loss's alone to vanish", () => {
  // One curve for all: sharper the lower the loss, linear, so that interpolation is exact.
  const records = recordsWith((rate, loss, seed) =>
    2 - loss + 0.001 * seed * (rate === 1e-1 ? 1 : -1)
  );
  const finding = effectAtEqualLoss(study, records, LR);
  assertEquals([finding.kind, finding.n, finding.stop], ["vanishes", 3, "cumulative:1e-3"]);
  assertStringIncludes(finding.text, "vanishes at equal loss (full-set loss");
  // (0, 0.002, 0.004): contains 0 after its own interval, 0.002 +- 4.302653 * 0.002 / sqrt(3).
  const half = 4.302652729749 * 0.002 / Math.sqrt(3);
  assertAlmostEquals(finding.interval![0], 0.002 - half, 1e-9);
  assertAlmostEquals(finding.interval![1], 0.002 + half, 1e-9);
});

Deno.test("effectAtEqualLoss() tells what survives from what turns", () => {
  const survives = recordsWith((rate, _, seed) =>
    (rate === 1e-1 ? 0.1 : 0.5) + 0.001 * seed * rate
  );
  assertEquals(effectAtEqualLoss(study, survives, LR).kind, "survives");
  // Higher at the lower loss of its stop, lower at every common one.
  const turns = recordsWith((rate, loss, seed) =>
    3 * (2 - loss) - (rate === 1e-1 ? 0.3 : 0) + 0.001 * seed * rate
  );
  assertEquals(effectAtEqualLoss(study, turns, LR).kind, "turns");
});

Deno.test("effectAtEqualLoss() settles nothing for one seed or one network a trajectory", () => {
  const single: Study = { ...study, grid: { ...study.grid, seeds: [0] } };
  const records = syntheticRecords(single, () => ({ epochs: 60 }));
  assertStringIncludes(effectAtEqualLoss(single, records, LR).text, "one seed gives no interval");
  const none = effectAtEqualLoss(
    presets.quick,
    syntheticRecords(presets.quick, () => ({ trainLoss: 1.23 })),
    LR,
  );
  assertEquals([none.kind, none.interval], ["not settled", null]);
});

Deno.test("cellsAtLoss() keeps seeds that pass the level, by ascending value", () => {
  const cells = cellsAtLoss(
    listCurves(study, recordsWith((rate, loss, seed) => rate + loss + seed)),
    1.6,
  );
  assertEquals(cells.map(({ value }) => value), [1e-3, 1e-1]);
  assertAlmostEquals(cells[1]!.bySeed.get(2)!, 0.1 + 1.6 + 2, 1e-9);
});
