import {
  effectAtStop,
  effectInMeasure,
  effectsAtEqualRatio,
  findingsTable,
  listFindings,
  missingText,
  ratiosAtEqualLoss,
  verdictOf,
} from "~/lib/findings.ts";
import { type RunResult, runsAt, summariseCells } from "~/lib/results.ts";
import { equalRatioStudy, presets, type Study } from "~/lib/study.ts";
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { syntheticRecords, syntheticResults } from "~/tests/fixtures/synthetic_results.ts";

const study: Study = {
  ...presets.quick,
  grid: { ...presets.quick.grid, optimizers: ["SGD"], seeds: [0, 1, 2] },
  measures: { first: ["sharpness", "trace"], others: [] },
};
const LR = { effect: "learning-rate", optimizer: "SGD" } as const;

/** Runs with given sharpness by learning rate and seed, and trace. */
function runsOf(
  sharpness: (learningRate: number, seed: number) => number,
  trace: (learningRate: number, seed: number) => number = () => 1,
): RunResult[] {
  return syntheticResults(study, ({ learningRate: rate, seed }) => ({
    estimate: (measure) => measure === "trace" ? trace(rate, seed) : sharpness(rate, seed),
  }));
}

Deno.test("effectAtStop() falls by the paired interval, at every step", () => {
  // 10^-3: 0.5, 10^-2: 0.3, 10^-1: 0.1, with 0.01 seed and a little that does not cancel.
  const odd = (rate: number, seed: number): number => rate === 1e-1 ? 0.001 * (seed - 1) : 0;
  const finding = effectAtStop(
    study,
    runsOf((rate, seed) => 0.1 - 0.2 * (Math.log10(rate) + 1) + 0.01 * seed + odd(rate, seed)),
    LR,
  );
  assertEquals([finding.kind, finding.n, finding.stop], ["falls", 3, "epochs:10"]);
  // Differences -0.401, -0.400, -0.399: -0.4 +- 4.302653 * 0.001 / sqrt(3).
  const half = 4.302652729749 * 0.001 / Math.sqrt(3);
  assertAlmostEquals(finding.interval![0], -0.4 - half, 1e-9);
  assertAlmostEquals(finding.interval![1], -0.4 + half, 1e-9);
  assertEquals(
    finding.text,
    "SGD, learning rate (batch size 128), at epochs:10: sharpness falls from 0.510 at 10⁻³ to " +
      "0.110 nats at 10⁻¹ (full-set losses 1.20 and 1.20 nats), paired difference −0.4000 nats, 95 % interval [−0.4025, −0.3975], " +
      "n = 3 seeds; at every step between neighbouring values.",
  );
});

Deno.test("effectAtStop() names steps that go the other way and those that are not settled", () => {
  const means: Record<number, number> = { 1e-3: 0.5, 1e-2: 0.8, 1e-1: 0.1 };
  const { text, kind } = effectAtStop(
    study,
    runsOf((rate, seed) => means[rate]! + 0.001 * seed * rate),
    LR,
  );
  assertEquals(kind, "falls");
  assertStringIncludes(
    text,
    "of 2 steps between neighbouring values it falls in 1, rises in 1 (10⁻³ to 10⁻²).",
  );
});

Deno.test("effectAtStop() settles nothing where the interval contains 0, for one seed, for none", () => {
  const wide = effectAtStop(
    study,
    runsOf((rate, seed) => rate === 1e-1 ? 0.5 + seed - 1 : 0.4),
    LR,
  );
  assertEquals(wide.kind, "not settled");
  assertStringIncludes(wide.text, "whether sharpness changes is not settled by these runs");
  const single: Study = { ...study, grid: { ...study.grid, seeds: [5] } };
  const one = effectAtStop(single, syntheticResults(single), LR);
  assertEquals([one.kind, one.n, one.interval], ["not settled", 1, null]);
  assertStringIncludes(one.text, "one seed gives no interval");
  const none = effectAtStop(study, [], LR);
  assertEquals([none.kind, none.n], ["not settled", 0]);
  assertStringIncludes(none.text, "Missing: 10⁻³, 10⁻² and 10⁻¹.");
});

Deno.test("effectAtStop() names missing seeds and diverged cells", () => {
  const runs = syntheticResults(study, ({ learningRate, seed }) => {
    if (learningRate === 1e-2 && seed === 1) return undefined;
    return learningRate === 1e-1 ? { stopped: "diverged", epochs: 2 } : {};
  });
  const { text } = effectAtStop(study, runs, LR);
  assert(text.endsWith(" Missing: 10⁻² (seed 1). Diverged: 10⁻¹."), text);
});

Deno.test("verdictOf() survives, turns, vanishes or settles nothing", () => {
  const reference = [-1.1, -0.9] as const;
  const judge = (low: number, high: number): string =>
    verdictOf({ reference, other: [low, high], margin: 0.2 });
  assertEquals(judge(-0.5, -0.1), "survives");
  assertEquals(judge(0.1, 0.5), "turns");
  assertEquals(judge(-0.19, 0.1), "vanishes");
  assertEquals(judge(0.01, 0.19), "vanishes");
  assertEquals(judge(-0.21, 0.1), "not settled");
  assertEquals(
    verdictOf({ reference: [-1, 1], other: [-0.5, -0.1], margin: 1 }),
    "not settled",
  );
});

Deno.test("effectInMeasure() compares the same ends in another measure", () => {
  const falling = (rate: number, seed: number): number => -Math.log10(rate) + 0.01 * seed * rate;
  const find = (trace: (rate: number, seed: number) => number): string =>
    effectInMeasure(study, runsOf(falling, trace), { ...LR, other: "trace" }).kind;
  assertEquals(find(falling), "survives");
  assertEquals(find((rate, seed) => Math.log10(rate) + 0.01 * seed * rate), "turns");
  assertEquals(find((rate, seed) => 1 + 0.01 * (seed - 1) * rate), "vanishes");
  assertEquals(find((rate, seed) => 1 + 30 * (seed - 1) * rate), "not settled");
  const unsettled = (rate: number, seed: number): number => 30 * (seed - 1) * rate;
  const { text } = effectInMeasure(study, runsOf(unsettled, falling), { ...LR, other: "trace" });
  assertStringIncludes(text, ": the effect on sharpness is itself not settled by these runs; in ");
});

Deno.test("effectsAtEqualRatio() compares the largest batch with the smallest", () => {
  const pairs = [
    { learningRate: 1e-4, batchSize: 128 },
    { learningRate: 4e-4, batchSize: 512 },
    { learningRate: 6.4e-3, batchSize: 8192 },
    { learningRate: 1e-1, batchSize: 32 },
  ];
  const own: Study = { ...study, grid: { ...study.grid, effects: ["pairs"], pairs } };
  const runs = syntheticResults(own, ({ batchSize, seed }) => ({
    estimate: () => batchSize / 8192 + 0.001 * seed * batchSize / 8192,
  }));
  const [finding, ...others] = effectsAtEqualRatio(own, runs);
  assertEquals(others, []);
  assertEquals([finding!.kind, finding!.n], ["rises", 3]);
  assertStringIncludes(finding!.text, "learning rate / batch size (7.81×10⁻⁷), at epochs:10");
  assertStringIncludes(
    finding!.text,
    "sharpness rises from 0.015641 at 128 to 1.0010 nats at 8192 (full-set losses 1.20 and 1.20 nats)",
  );
});

Deno.test("effectsAtEqualRatio() names pairs without a result, and compares those with seeds in common", () => {
  const pairs = [32, 64, 128].map((batchSize) => ({ learningRate: batchSize * 1e-5, batchSize }));
  const own: Study = { ...study, grid: { ...study.grid, effects: ["pairs"], pairs } };
  const find = (hasRun: (batchSize: number, seed: number) => boolean): string => {
    const runs = syntheticResults(
      own,
      ({ batchSize, seed }) =>
        hasRun(batchSize, seed)
          ? { estimate: () => batchSize + 0.001 * seed * batchSize }
          : undefined,
    );
    const [finding, ...others] = effectsAtEqualRatio(own, runs);
    assertEquals(others, []);
    return finding!.text;
  };
  const none = find(() => false);
  assert(none.endsWith("as fewer than two pairs have a result. Missing: 32, 64 and 128."), none);
  const two = find((batchSize) => batchSize !== 64);
  assertStringIncludes(two, "sharpness rises from 32.0");
  assert(two.endsWith(" Missing: 64."), two);
  // The largest has one seed, which gives no interval.
  assertStringIncludes(find((batchSize, seed) => batchSize < 128 || seed === 0), " nats at 64 (");
});

Deno.test("effectsAtEqualRatio() says what becomes of the effect at one learning rate", () => {
  const batchSizes = [128, 8192];
  const own: Study = {
    ...study,
    grid: {
      ...study.grid,
      effects: ["batch-size", "pairs"],
      batchSizes,
      baseLearningRate: 1e-4,
      pairs: [{ learningRate: 1e-4, batchSize: 128 }, { learningRate: 6.4e-3, batchSize: 8192 }],
    },
  };
  // At one learning rate 1 and 0.5; with the rate 1 and `large`.
  const judge = (large: number, spread = 0.001): string => {
    const runs = syntheticResults(own, ({ batchSize, learningRate, seed }) => ({
      estimate: () =>
        batchSize === 128 ? 1 : (learningRate === 1e-4 ? 0.5 : large) + spread * (seed - 1),
    }));
    const [finding, ...others] = effectsAtEqualRatio(own, runs);
    assertEquals(others, []);
    assertStringIncludes(
      finding!.text,
      "at a learning rate of 10⁻⁴ the paired difference is −0.50",
    );
    return finding!.kind;
  };
  assertEquals(judge(0.98), "vanishes");
  assertEquals(judge(0.6), "survives");
  assertEquals(judge(1.3), "turns");
  assertEquals(judge(1, 0.1), "not settled");
});

Deno.test("ratiosAtEqualLoss() compares the same pairs at equal full-set loss", () => {
  const own = equalRatioStudy(presets.standard, [128, 8192]);
  // The less sharp, the higher the loss; the large batch stops at a higher one.
  const judge = (difference: number): string => {
    const records = syntheticRecords(own, ({ batchSize, seed }) => ({
      epochs: 60,
      trainLoss: batchSize === 128 ? 1.2 : 1.6,
      estimate: (_, { trainLoss }) =>
        3 - trainLoss + (batchSize > 128 ? difference + 0.001 * seed : 0),
    }));
    const [finding, ...others] = ratiosAtEqualLoss(own, records);
    assertEquals(others, []);
    assertStringIncludes(finding!.text, "batch size at equal learning rate / batch size");
    return finding!.kind;
  };
  assertEquals([judge(0.01), judge(-0.2), judge(0.2)], ["vanishes", "survives", "turns"]);
});

Deno.test("listFindings() throws for nothing that is missing", () => {
  const all = [{}, { seeds: [0] }, { effects: ["pairs" as const] }, { learningRates: [1e-3] }];
  for (const grid of all) {
    const partial = { ...presets.quick, grid: { ...presets.quick.grid, ...grid } };
    for (const records of [[], syntheticRecords(partial), syntheticRecords(partial).slice(0, 2)]) {
      const { effects, optimizers } = listFindings(partial, records);
      for (const { atStop, atEqualLoss } of [...effects, ...optimizers]) {
        assert(atStop.text.length > 20 && atEqualLoss.text.length > 20);
        const words = [atStop.text, atStop.brief, atEqualLoss.text, atEqualLoss.brief].join();
        assert(!/NaN|undefined|null/.test(words), words);
      }
    }
  }
});

Deno.test("findingsTable() has a row an effect: at the stop, scale-free and at equal loss", () => {
  const own: Study = {
    ...study,
    grid: { ...study.grid, optimizers: ["SGD", "AdaGrad"] },
    measures: { first: ["sharpness", "relative-filter"], others: [] },
  };
  const records = syntheticRecords(own, ({ optimizer, learningRate: rate, seed }) => ({
    estimate: () => (optimizer === "SGD" ? 0.01 : 0.02) * seed * rate - Math.log10(rate),
  }));
  const rows = findingsTable(listFindings(own, records)).objects() as Record<string, unknown>[];
  assertEquals(rows.map((row) => row["what is compared"]), [
    "SGD, learning rate (batch size 128)",
    "AdaGrad, learning rate (batch size 128)",
    "SGD, batch size (learning rate 10⁻²)",
    "AdaGrad, batch size (learning rate 10⁻²)",
    "AdaGrad against SGD, by learning rate",
    "AdaGrad against SGD, by batch size",
  ]);
  assertEquals(Object.values(rows[0]!).slice(1), [
    "falls in 2 of 2 steps, −1.9990 nats [−2.0015, −1.9966]",
    "survives, −1.9990 nats [−2.0015, −1.9966]",
    "not settled",
    3,
  ]);
  assertEquals(rows[4]!["sharpness at epochs:10"], "not settled in 3 of 3 cells");
  const plain = { ...own, measures: { first: ["sharpness"], others: [] } };
  assertEquals(findingsTable(listFindings(plain, records)).columnNames(), [
    "what is compared",
    "sharpness at epochs:10",
    "at equal training loss",
    "seeds",
  ]);
});

Deno.test("missingText() names optimizer and effect where cells are of several", () => {
  const { quick } = presets;
  const records = syntheticRecords(
    quick,
    ({ optimizer, learningRate, seed }) =>
      optimizer === "AdaGrad" || (learningRate === 1e-3 && seed === 2) ? undefined : {},
  );
  const cells = summariseCells(quick, runsAt(quick, records));
  assertEquals(
    missingText(quick, cells),
    " Missing: SGD, learning rate: 10⁻³ (seed 2); AdaGrad, learning rate: everything; " +
      "AdaGrad, batch size: everything.",
  );
  assertEquals(missingText(quick, cells.slice(0, 3)), " Missing: 10⁻³ (seed 2).");
  const { grid } = quick;
  const lacking = (...seeds: number[]): string =>
    missingText({ ...quick, grid: { ...grid, seeds } }, cells.slice(0, 3));
  assertEquals(
    lacking(0, 1, 2, 3, 4, 5),
    " Missing: 10⁻³ (seeds 2 to 5); 10⁻² and 10⁻¹ (seeds 3 to 5 of each).",
  );
  assertEquals(lacking(0, 7, 9), " Missing: 10⁻³, 10⁻² and 10⁻¹ (seeds 7, 9 of each).");
});
