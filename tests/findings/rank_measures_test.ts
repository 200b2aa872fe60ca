import { radiusTable, rankMeasures, rankSentences, rankTable } from "~/lib/findings.ts";
import { presets, type Study } from "~/lib/study.ts";
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { syntheticResults, withDetails } from "~/tests/fixtures/synthetic_results.ts";

const study: Study = {
  ...presets.quick,
  grid: { ...presets.quick.grid, optimizers: ["SGD"], seeds: [0, 1, 2] },
  measures: { first: ["sharpness", "trace", "generalization-gap", "lambda-max"], others: [] },
};

/** The gap rises with the learning rate, and falls with the batch size. */
const runs = syntheticResults(study, ({ learningRate, batchSize, seed }) => ({
  gap: 0.1 * (3 + Math.log10(learningRate)) + 1 / batchSize + 0.001 * seed,
  // Sharpness orders as the gap does in both groups; trace against it along the learning rates.
  estimate: (measure) =>
    measure === "sharpness"
      ? learningRate + 1 / batchSize + seed
      : 1 / learningRate + 1 / batchSize,
})).map((run) => {
  // lambda-max was taken of one seed.
  const { "lambda-max": _, ...others } = run.measures;
  return run.config.seed === 0 ? run : { ...run, measures: others };
});

Deno.test("rankMeasures() gives tau within each one-factor group, and their mean", () => {
  const ranks = rankMeasures(study, runs);
  const tauOf = (measure: string, group: string): number =>
    ranks.find((rank) => rank.measure === measure && rank.group === group)!.tau!;
  assertEquals(tauOf("sharpness", "learning rate, SGD"), 1);
  assertEquals(tauOf("sharpness", "batch size, SGD"), 1);
  assertEquals(tauOf("trace", "learning rate, SGD"), -1);
  assertEquals(tauOf("trace", "batch size, SGD"), 1);
  assertAlmostEquals(tauOf("sharpness", "all groups"), 1, 1e-12);
  // Groups that differ have no mean in common.
  assertEquals(ranks.filter((rank) => rank.measure === "trace" && rank.effect === null), []);
  // The gap is what is ranked against; baselines do not vary here.
  assertEquals([...new Set(ranks.map(({ measure }) => measure))], [
    "sharpness",
    "trace",
    "lambda-max",
  ]);
  const once = ranks.find(({ measure }) => measure === "lambda-max")!;
  assertEquals([once.seeds, once.low], [[0], null]);
});

Deno.test("rankMeasures() has an interval over seeds within [-1, 1] about tau", () => {
  for (const { tau, low, high, seeds } of rankMeasures(study, runs)) {
    if (seeds.length === 1) continue;
    assertEquals(seeds, [0, 1, 2]);
    assertEquals([low! <= tau!, tau! <= high!, low! >= -1, high! <= 1], [true, true, true, true]);
  }
});

Deno.test("rankMeasures() leaves out what cannot be ranked", () => {
  assertEquals(rankMeasures(study, []), []);
  const one = runs.filter(({ config }) => config.learningRate === 1e-2 && config.batchSize === 128);
  assertEquals(rankMeasures(study, one), []);
  assertEquals([rankTable([]).numRows(), rankSentences([])], [0, []]);
});

Deno.test("rankMeasures() ranks against the test error too, baselines first", () => {
  // Training loss 1, 2, 3 by rate; test accuracy falls with it.
  const graded = runs.map((run) => {
    const level = 4 + Math.log10(run.config.learningRate);
    const training = { ...run.training, trainLoss: level, testAccuracy: 1 - level / 10 };
    return { ...run, training };
  });
  const [baseline] = rankMeasures(study, graded, "test error");
  assertEquals([baseline!.label, baseline!.tau, baseline!.isBaseline], [
    "minus training loss",
    -1,
    true,
  ]);
  assertEquals(
    rankSentences(rankMeasures(study, graded, "test error"))[0],
    "Kendall's tau of minus training loss with the test error is −1.0 in 1 group.",
  );
});

Deno.test("rankTable() has a measure a row, rankSentences() who ranks as the gap in every group", () => {
  const ranks = rankMeasures(study, runs).filter(({ measure }) =>
    ["sharpness", "trace"].includes(measure)
  );
  const [sharpness, trace] = rankTable(ranks).objects() as Record<string, string>[];
  assertEquals(
    ["learning rate, SGD", "batch size, SGD", "all groups", "seeds"]
      .map((name) => [String(sharpness![name]).slice(0, 4), String(trace![name]).slice(0, 4)]),
    [["1.0 ", "−1.0"], ["1.0 ", "1.0 "], ["1.0 ", ""], ["3", "3"]],
  );
  assertEquals(rankSentences(ranks), [
    "Of 2 measures, tau is above 0 in every group for 1 (sharpness), and below 0 in every group for none.",
  ]);
});

const STUDY: Study = {
  ...presets.quick,
  grid: { ...presets.quick.grid, effects: ["learning-rate"], optimizers: ["SGD"], seeds: [0, 1] },
  measures: { first: ["radius-curve(directions=2)"], others: [] },
};

Deno.test("radiusTable() has means over seeds by radius, and exponents", () => {
  // c r^2 up to 1, from there c r; c is 1 and 3 for the two seeds.
  const runs = withDetails(syntheticResults(STUDY), ({ config }) => ({
    curve: [0.5, 1, 2, 4].map((radius) => ({
      radius,
      mean: (1 + 2 * config.seed) * (radius < 1 ? radius ** 2 : radius),
      standardError: 0,
    })),
  }));
  const table = radiusTable(STUDY, runs);
  assertEquals(table.columnNames(), [
    ...["optimizer", "learningRate", "batchSize", "rise at r = 0.5 (nats)", "rise at r = 4 (nats)"],
    ...["exponent from r = 0.5 to 1", "exponent from r = 2 to 4"],
  ]);
  // Means of 1 and 3 times r^2 and r.
  assertEquals(Object.values(table.object(0)!).slice(3), ["0.50", "8.0", "2.00", "1.00"]);
  assertEquals(table.numRows(), 3);
});

Deno.test("radiusTable() is empty without curves", () => {
  assertEquals(radiusTable(STUDY, []).numRows(), 0);
  assertEquals(radiusTable({ ...STUDY, measures: presets.standard.measures }, []).numRows(), 0);
});
