/** Our cells beside the published ones, on made-up values. @module */
import {
  comparePublished,
  PUBLISHED_CELLS,
  publishedCells,
  publishedSentences,
  publishedTable,
  shareWithin,
} from "~/lib/findings.ts";
import { tQuantile } from "~/lib/statistics.ts";
import { presets, type Study } from "~/lib/study.ts";
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { syntheticRecords, vary } from "~/tests/fixtures/synthetic_results.ts";

const study = vary(presets.standard, {
  ...{ effects: ["learning-rate"], optimizers: ["SGD"] },
  ...{ learningRates: [1e-4, 1e-2, 1e-1, 3e-1], seeds: [0, 1] },
});

/** Sharpness by learning rate and seed; the published means are 1.29571, 0.10663 and 0.01024. */
const VALUES: Readonly<Record<string, readonly [number, number]>> = {
  // Off by 0.0043 of 0.0338: within one half-width.
  "0.0001": [1.29, 1.31],
  // Off by 0.02 > 2 * 0.00589.
  "0.01": [0.125, 0.12826],
  // t(0.975, 1) = 12.706: the interval of 0.00 and 0.02 contains 0.
  "0.1": [0, 0.02],
  "0.3": [0.001, 0.0011],
};

const records = syntheticRecords(study, ({ learningRate, seed }) => ({
  samples: [VALUES[String(learningRate)]![seed]!],
  epochs: 60,
}));
const rows = comparePublished(study, records);

Deno.test("comparePublished() judges each published cell and prints no ratio with 0", () => {
  // 3e-1 was not published.
  assertEquals(rows.map(({ learningRate }) => learningRate), [1e-4, 1e-2, 1e-1]);
  assertEquals(rows.map(({ apart }) => Math.ceil(apart!)), [1, 4, 1]);
  const [first, second, third] = rows;
  assertAlmostEquals(first!.ratio!.mean, 1.3 / 1.29571, 1e-12);
  // 0.12663 +- 12.706 * 0.00163: told from 0. Welch: relative standard errors 0.00163 / 0.12663 with 1
  // degree of freedom and 0.00589 / 2.570582 / 0.10663 with 5.
  assertAlmostEquals(second!.ratio!.mean, 0.12663 / 0.10663, 1e-12);
  const [a, b] = [0.00163 / 0.12663, 0.00589 / 2.5705818 / 0.10663];
  const freedom = (a ** 2 + b ** 2) ** 2 / (a ** 4 + b ** 4 / 5);
  const half = tQuantile(0.975, freedom) * Math.hypot(a, b);
  assertAlmostEquals(Math.log(second!.ratio!.interval![1] / second!.ratio!.mean), half, 1e-6);
  assert(second!.ratio!.p < 0.05);
  assertEquals([third!.ratio, third!.bySeed.size], [null, 2]);
  assertAlmostEquals(third!.theirs.interval[1], 0.01109, 1e-12);
});

Deno.test("comparePublished() gives no ratio for one seed, and no verdict where there is none", () => {
  const one = vary(study, { seeds: [0] });
  const some = records.filter(({ content: { trajectory } }) =>
    trajectory.seed === 0 && trajectory.learningRate === 1e-4
  );
  const [first, second] = comparePublished(one, some);
  assertEquals([first!.ratio, first!.apart! < 1, first!.bySeed.size], [null, true, 1]);
  assertEquals([second!.ours, second!.ratio, second!.apart, second!.bySeed.size], [
    ...[null, null, null, 0],
  ]);
});

Deno.test("comparePublished() takes an effect at the published stop where a result is there", () => {
  const effects = ["learning-rate", "batch-size"] as const;
  const both = vary(study, { effects, batchSizes: [64, 128] });
  // One trajectory went on to the published stop; the base cell, in both effects, did not.
  const far = { ...both, stops: ["cumulative:1e-4", ...both.stops] };
  const mixed = [both, far].flatMap((own) =>
    syntheticRecords(
      own,
      ({ learningRate }) => (learningRate === 1e-2) === (own === far) ? { epochs: 60 } : undefined,
    )
  );
  assertEquals(
    comparePublished(both, mixed).map((row) => [row.effect, row.stop.slice(-4), row.bySeed.size]),
    [
      ...[["learning-rate", "1e-4", 0], ["learning-rate", "1e-4", 2], ["learning-rate", "1e-4", 0]],
      ...[["batch-size", "1e-3", 2], ["batch-size", "1e-3", 2]],
    ],
  );
  // One epoch is at neither stop, though it is all that the study allows.
  const brief = { ...both, maxEpochs: 1 };
  const limited = syntheticRecords(brief, () => ({ stopped: "epoch limit" }));
  assertEquals(limited.length > 0 && comparePublished(brief, limited).map(({ ours }) => ours), [
    ...[null, null, null, null, null],
  ]);
  assertEquals(publishedSentences(comparePublished(brief, limited)), []);
});

Deno.test("publishedCells() has the 38 cells, the base cell in both effects; none where the protocol is another", () => {
  const base = PUBLISHED_CELLS.filter(({ effect, optimizer, value }) =>
    optimizer === "AdaGrad" && value === (effect === "learning-rate" ? 1e-4 : 128)
  );
  assertEquals(base.map(({ mean }) => mean), [0.56653, 0.56608]);
  const cases: [Study, string, number][] = [
    [study, "sharpness", 38],
    [study, "sharpness(directions=16)", 38],
    [study, "sharpness(radius=2)", 0],
    [study, "antithetic", 0],
    [{ ...study, images: 10_000 }, "sharpness", 0],
    [{ ...study, order: "shuffled" }, "sharpness", 0],
    [{ ...study, init: "0123456789ab" }, "sharpness", 0],
    // The batch sizes were at another learning rate.
    [vary(study, { baseLearningRate: 1e-2 }), "sharpness", 14],
  ];
  for (const [own, measure, count] of cases) {
    assertEquals(publishedCells(own, measure).length, count, measure);
  }
  assertEquals(comparePublished(presets.quick, []), []);
});

Deno.test("shareWithin() is 95 % of means without error, and of few seeds what draws of normal numbers give", () => {
  assertAlmostEquals(shareWithin(1e12), 0.95, 1e-6);
  // 400,000 draws of NumPy (seed 0), whose error is 0.0008.
  for (const [n, share] of [[1, 0.6242], [3, 0.8020]] as const) {
    assertAlmostEquals(shareWithin(n), share, 0.003);
  }
});

Deno.test("publishedSentences() count cells and name what differs", () => {
  // Ours 1.3, 0.127, 0.01 fall as theirs do.
  assertEquals(publishedSentences(rows), [
    "SGD, learning rate, at cumulative:1e-3: 2 of 3 cells within one published half-width, 2 within two; " +
    "n = 2 seeds. Welch's test tells 10⁻² apart.",
  ]);
  assertEquals(publishedSentences([]), []);
  // Two of p = 0.03 are no finding, by Holm.
  const weak = rows.map((each) => ({ ...each, ratio: each.ratio && { ...each.ratio, p: 0.03 } }));
  assertStringIncludes(publishedSentences(weak)[0]!, " Welch's test tells none apart.");
  const row = publishedTable(rows).object(1) as Record<string, unknown>;
  assertEquals([row["ours / published"], row["half-widths apart"]], [
    ...["1.188 [1.116, 1.264]", "3.4"],
  ]);
});
