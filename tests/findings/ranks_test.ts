/** What goes with what: on networks made to follow one thing. @module */
import {
  explain,
  type MeasureRank,
  radiusTable,
  rankMeasures,
  rankSentences,
  tauTable,
} from "~/lib/findings.ts";
import { runsAt } from "~/lib/results.ts";
import { axesStudy, presets } from "~/lib/study.ts";
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import {
  syntheticRecords,
  syntheticResults,
  vary,
  withDetails,
} from "~/tests/fixtures/synthetic_results.ts";

const study = vary(presets.quick, {
  ...{ optimizers: ["SGD"], seeds: [0, 1, 2] },
  ...{ learningRates: [1e-4, 1e-3, 1e-2, 1e-1], batchSizes: [32, 128, 512, 1024] },
}, {
  measures: { first: ["sharpness", "trace", "generalization-gap", "lambda-max"], others: [] },
});

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
const ranks = rankMeasures(study, runs);

Deno.test("rankMeasures() gives tau within each one-factor group, and their mean where they agree", () => {
  const tausOf = (measure: string): Record<string, number | null> =>
    Object.fromEntries(
      ranks.filter((rank) => rank.measure === measure).map(({ group, tau }) => [group, tau]),
    );
  assertEquals(tausOf("sharpness"), {
    "learning rate, SGD": 1,
    "batch size, SGD": 1,
    "all groups": 1,
  });
  assertEquals(tausOf("trace"), { "learning rate, SGD": -1, "batch size, SGD": 1 });
  // The gap is what is ranked against; baselines do not vary here.
  assertEquals([...new Set(ranks.map(({ measure }) => measure))], [
    ...["sharpness", "trace", "lambda-max"],
  ]);
  // An interval over seeds lies about tau.
  for (const { measure, tau, interval, seeds } of ranks) {
    assertEquals(seeds, measure === "lambda-max" ? [0] : [0, 1, 2]);
    const [low, high] = interval ?? [tau!, tau!];
    assertEquals(interval === null, measure === "lambda-max");
    assert(low <= tau! && tau! <= high);
  }
});

Deno.test("rankMeasures() gives no mean over groups where one of them lacks the measure", () => {
  const both = vary(study, { optimizers: ["SGD", "AdaGrad"] });
  const all = syntheticResults(both, ({ learningRate, batchSize }) => ({
    gap: learningRate + 1 / batchSize,
    estimate: () => learningRate + 1 / batchSize,
  }));
  const groupsOf = (some: typeof all): string[] =>
    rankMeasures(both, some).filter(({ measure }) => measure === "trace").map((rank) => rank.group);
  assertEquals(groupsOf(all).slice(3), ["batch size, AdaGrad", "all groups"]);
  const lacking = all.map((run) =>
    run.config.optimizer === "SGD" || run.config.batchSize === 128 ? run : { ...run, measures: {} }
  );
  assertEquals(groupsOf(lacking).slice(2), ["batch size, SGD"]);
});

Deno.test("rankMeasures() leaves out what cannot be ranked", () => {
  const one = runs.filter(({ config }) => config.learningRate === 1e-2 && config.batchSize === 128);
  const two = runs.filter(({ config }) => config.learningRate >= 1e-2 && config.batchSize === 128);
  for (const some of [[], one, two]) assertEquals(rankMeasures(study, some), []);
  assertEquals([tauTable([]).numRows(), rankSentences([])], [0, []]);
});

Deno.test("rankMeasures() ranks against the test error too, baselines first", () => {
  // Training loss 1, 2, 3 by rate; test accuracy falls with it.
  const graded = runs.map((run) => {
    const level = 4 + Math.log10(run.config.learningRate);
    const network = { ...run.network!, trainLoss: level, testAccuracy: 1 - level / 10 };
    return { ...run, network };
  });
  const found = rankMeasures(study, graded, "test error");
  assertEquals([found[0]!.label, found[0]!.tau], ["minus training loss (baseline)", -1]);
  assertEquals(
    rankSentences(found)[0]!.slice(0, 76),
    "With the test error, 4 measures (baselines included) have a tau in each of 1",
  );
});

Deno.test("tauTable() has a measure a row, rankSentences() who ranks as the gap in every group", () => {
  const two = ranks.filter(({ measure }) => ["sharpness", "trace"].includes(measure));
  const groups = new Set(two.flatMap(({ effect, group }) => effect === null ? [] : group));
  const rows = tauTable(two).objects() as Record<string, string>[];
  assertEquals(
    ["learning rate, SGD (4 cells)", "batch size, SGD (4 cells)", "all groups (8 cells)", "seeds"]
      .map((name) => rows.map((row) => String(row[name]).slice(0, 4))),
    [["1.0 ", "−1.0"], ["1.0 ", "1.0 "], ["1.0 ", ""], ["3", "3"]],
  );
  assertEquals(rankSentences(two), [
    "With the generalization gap, 2 measures (baselines included) have a tau in each of 2 groups. It " +
    "lies above 0 in all for 1 (sharpness), below 0 in all for none.",
  ]);
  // Where no measure has one, an interval is not asked for.
  const cut = (count: number): MeasureRank[] =>
    two.map((rank) => [...groups].indexOf(rank.group) < count ? { ...rank, interval: null } : rank);
  assertStringIncludes(
    rankSentences(cut(1))[0]!,
    "groups, with an interval in 1. It lies above 0 in all for 2 (sharpness and trace ",
  );
  assertStringIncludes(
    rankSentences(cut(2))[0]!,
    "a tau in each of 2 groups, none with an interval.",
  );
});

Deno.test("rankMeasures() tells measures apart that differ in their parameters only", () => {
  const other = "trace(radius=1)";
  const first = ["trace", other];
  const doubled = runs.map((run) => (
    { ...run, measures: { ...run.measures, [other]: run.measures.trace! } }
  ));
  const found = rankMeasures({ ...study, measures: { first, others: [] } }, doubled);
  const labels = new Set(found.filter(({ isBaseline }) => !isBaseline).map(({ label }) => label));
  assertEquals([...labels], first);
});

Deno.test("explain() finds what made-up sharpness follows, and orders the others by it", () => {
  // Sharpness falls with the learning rate; batch sizes and seeds differ by little.
  const made = syntheticResults(axesStudy, ({ learningRate, batchSize, seed }) => ({
    samples: [(1 + 0.01 * Math.log2(batchSize) + 0.001 * seed) / learningRate],
    trainLoss: 1 + 0.01 * ((batchSize * 7) % 5),
  }));
  const found = explain(axesStudy, made).filter(({ measure }) => measure === "sharpness");
  const tau = Object.fromEntries(found.map((one) => [one.group, one.tau!]));
  // All 36 pairs differ; the learning rate does not say why 9 of them do.
  assertEquals(tau["with learning rate"], -27 / 36);
  const { learningRates, batchSizes } = axesStudy.grid;
  const cells = learningRates.flatMap((rate) => batchSizes.map((size) => [rate, size] as const));
  const signs = cells.flatMap(([rate, size]) =>
    cells.map(([other, another]) => {
      const sharper = Math.sign(other - rate) || Math.sign(size - another);
      return sharper * Math.sign(Math.log((rate / size) / (other / another)));
    })
  ).filter((sign) => sign !== 0);
  const wanted = signs.reduce((sum, sign) => sum + sign / signs.length, 0);
  assertAlmostEquals(tau["with learning rate / batch size"]!, wanted, 1e-9);
  assertEquals(tauTable(found).numRows(), 1);
  // The base cell of two effects is one cell.
  assertEquals(explain(study, runs).map(({ cells }) => cells).slice(0, 4), [7, 7, 7, 7]);
});

Deno.test("radiusTable() has means over seeds by radius, and exponents; nothing without curves", () => {
  const grid = { effects: ["learning-rate"], optimizers: ["SGD"], seeds: [0, 1] } as const;
  const own = vary(presets.quick, grid, {
    measures: { first: ["radius-curve(directions=2)"], others: [] },
  });
  // c r^2 up to 1, from there c r; c is 1 and 3 for the two seeds.
  const curved = withDetails(syntheticRecords(own), ({ seed }) => ({
    curve: [0.5, 1, 2, 4].map((radius) => ({
      radius,
      mean: (1 + 2 * seed) * (radius < 1 ? radius ** 2 : radius),
    })),
  }));
  const table = radiusTable(own, runsAt(own, curved));
  assertEquals(table.columnNames(), [
    ...["optimizer", "learning rate", "batch size (images)", "rise at r = 0.5 (nats)"],
    ...["rise at r = 4 (nats)", "exponent from r = 0.5 to 1", "exponent from r = 2 to 4"],
  ]);
  // Means of 1 and 3 times r^2 and r.
  assertEquals(Object.values(table.object(0)!).slice(3), ["0.50", "8.0", "2.00", "1.00"]);
  assertEquals(table.numRows(), 3);
  for (const none of [[], syntheticResults(own)]) {
    assertEquals(radiusTable(own, none).numRows(), 0);
  }
});
