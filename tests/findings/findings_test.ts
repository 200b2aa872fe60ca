import {
  describeFinding,
  endsOf,
  type Finding,
  findingsMarkdown,
  findingsTable,
  listFindings,
  summarySentences,
} from "~/lib/findings.ts";
import type { Records, TrajectoryRecord } from "~/lib/results.ts";
import { equalRatioStudy, presets, type Study } from "~/lib/study.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { syntheticRecords, vary } from "~/tests/fixtures/synthetic_results.ts";

/** SGD by three learning rates, at a stop and where losses are equal. */
const study = vary(presets.standard, {
  ...{ effects: ["learning-rate"], optimizers: ["SGD"], learningRates: [1e-3, 1e-2, 1e-1] },
}, {
  stops: ["cumulative:1e-3", ...[1.9, 1.8, 1.6, 1.5, 1.4, 1.2, 1.1].map((loss) => `loss:${loss}`)],
  measures: {
    first: ["sharpness", "antithetic", "relative-filter"],
    others: ["antithetic", "relative-filter"],
  },
});
const both = vary(study, { optimizers: ["SGD", "AdaGrad"] });

/** What a made-up value may hang on. */
interface At {
  readonly rate: number;
  readonly batch: number;
  readonly optimizer: string;
  readonly seed: number;
  readonly loss: number;
}

/** Records with given values; trajectories end at 1.05 nats unless told. */
function recordsOf(
  own: Study,
  value: (at: At, measure: string) => number,
  lossOf = (_rate: number) => 1.05,
): TrajectoryRecord[] {
  return syntheticRecords(own, ({ learningRate: rate, batchSize: batch, optimizer, seed }) => ({
    epochs: 60,
    trainLoss: lossOf(rate),
    estimate: (measure, { trainLoss: loss }) =>
      value({ rate, batch, optimizer, seed, loss }, measure),
  }));
}

const find = (own: Study, records: Records, where: Finding["where"], measure: string) =>
  listFindings(own, records).filter((each) => each.where === where && each.measure === measure);

/** A little that differs from seed to seed and cell to cell. */
const wobble = (seed: number, rate: number): number =>
  1 + 0.01 * (seed - 1) * (rate === 1e-1 ? 1 : 0);

/** What the table says of a finding. */
const cellOf = (finding: Finding): string =>
  (findingsTable([finding]).object(0) as Record<string, string>)[finding.subject]!;

Deno.test("listFindings() says at the stop what falls, by which steps, and where it is highest", () => {
  const means: Record<number, number> = { 1e-3: 0.5, 1e-2: 0.8, 1e-1: 0.1 };
  const records = recordsOf(study, ({ rate, seed }) => means[rate]! * wobble(seed, rate));
  const [finding] = find(study, records, "stop", "sharpness");
  const [whole, turn] = describeFinding(finding!).split(" It is ");
  assertEquals(
    whole,
    "SGD, learning rate (batch size 128), at cumulative:1e-3: sharpness goes from 0.500 nats at 10⁻³ " +
      "(loss 1.05) to 0.100 nats at 10⁻¹ (loss 1.05), ratio 0.2000 [0.1951, 0.2050]: falls; n = 3 " +
      "seeds. 1 of 2 single steps goes down.",
  );
  assertMatch(turn!, /^highest at 10⁻²: ratio 1\.6.* to there, ratio 0\.12.* from there\.$/);
  assertEquals(cellOf(finding!), "falls: 0.2000 [0.1951, 0.2050]");
  assertMatch(
    findingsMarkdown(study, records),
    /\n- SGD, learning rate \(batch size 128\), at 1\.5 nats: relative sharpness \(filter\) is highest at 10⁻²: /,
  );
});

Deno.test("listFindings() leaves open what is wide, has too few seeds, or is not there, and names cells", () => {
  const wide = recordsOf(study, ({ rate, seed }) => rate === 1e-1 ? 0.5 + 0.4 * (seed - 1) : 0.5);
  assertEquals(find(study, wide, "stop", "sharpness")[0]!.verdict, "inconclusive");
  for (const seeds of [[5], [0, 1]]) {
    const few = vary(both, { seeds });
    const records = recordsOf(few, ({ rate, seed }) => rate * (1 + 1e-3 * seed * rate));
    const [own] = find(few, records, "stop", "sharpness");
    assertMatch(cellOf(own!), /^inconclusive: /);
    assertMatch(
      describeFinding(own!),
      new RegExp(`: inconclusive; n = ${seeds.length} seeds?\\.$`),
    );
    const n = seeds.length === 1 ? "is not settled (one seed)" : ", n = 2: no verdict)";
    assertStringIncludes(summarySentences(listFindings(few, records))[0]!, n);
    const against = find(few, records, "stop", "sharpness").find(({ isAgainst }) => isAgainst)!;
    assertMatch(describeFinding(against), /: sharpness has too few seeds to be counted\.$/);
    assertEquals(findingsTable([against]).numRows(), 0);
  }
  const [none] = listFindings(study, []);
  assertMatch(describeFinding(none!), /: sharpness has no two cells to compare\.$/);
  assertEquals(findingsTable([none!]).numRows(), 0);
  const some = recordsOf(study, () => 1).filter(({ content: { trajectory } }) =>
    trajectory.learningRate !== 1e-2
  );
  assertMatch(cellOf(find(study, some, "stop", "sharpness")[0]!), /\]$/);
  const fewer = recordsOf(study, () => 1).filter(({ content: { trajectory } }) =>
    trajectory.learningRate !== 1e-1 || trajectory.seed > 0
  );
  assertMatch(cellOf(find(study, fewer, "stop", "sharpness")[0]!), /\], 10⁻³ to 10⁻²$/);
});

Deno.test("listFindings() judges an effect by what is left of it at equal loss, level by level", () => {
  // At its stop the large rate has the higher loss, and all values hang on the loss.
  const ends = (rate: number): number => rate === 1e-1 ? 1.35 : 1.05;
  const judge = (factor: number): string[] => {
    const records = recordsOf(
      study,
      ({ rate, loss, seed }) =>
        Math.exp(-3 * loss) * (rate === 1e-1 ? factor * wobble(seed, rate) : 1),
      ends,
    );
    const found = find(study, records, "loss", "relative-filter")
      // The large rate does not come below 1.35 nats.
      .filter(({ level, comparisons }) => level! > 1.35 && comparisons.length > 0);
    assertEquals(found.length, 2);
    for (const each of found) {
      assertStringIncludes(describeFinding(each), `at ${each.level} nats: relative`);
    }
    return [...new Set(found.map(({ verdict }) => verdict))];
  };
  assertEquals(judge(1), ["negligible"]);
  assertEquals(judge(0.7), ["survives"]);
  assertEquals(judge(2), ["reverses"]);
});

Deno.test("listFindings() compares an effect in another measure with the effect at the stop", () => {
  const cases = [
    [(rate: number) => 1e-3 / rate, "survives"],
    [(rate: number) => rate, "reverses"],
    [() => 1, "negligible"],
  ] as const;
  for (const [relative, kind] of cases) {
    const records = recordsOf(
      study,
      ({ rate, seed }, measure) =>
        wobble(seed, rate) * (measure === "relative-filter" ? relative(rate) : 1e-3 / rate + 0.1),
    );
    assertEquals(find(study, records, "measure", "relative-filter")[0]!.verdict, kind);
  }
});

Deno.test("listFindings() compares optimizers cell by cell, at the stop and at equal loss", () => {
  const factor: Record<number, number> = { 1e-3: 0.5, 1e-2: 1.01, 1e-1: 2 };
  const records = recordsOf(
    both,
    ({ rate, optimizer, loss, seed }) =>
      Math.exp(-3 * loss) * (optimizer === "SGD" ? 1 : factor[rate]! * (1 + 0.01 * seed)),
  );
  const against = listFindings(both, records).filter(({ isAgainst }) => isAgainst);
  const [stop] = against;
  assertEquals(
    describeFinding(stop!),
    "AdaGrad against SGD, by learning rate, at cumulative:1e-3: sharpness is lower at 10⁻³, alike at " +
      "10⁻², higher at 10⁻¹; n = 3 seeds.",
  );
  const level = against.find(({ level, measure }) => level === 1.5 && measure === "antithetic");
  assertEquals(cellOf(level!), "lower at 10⁻³, alike at 10⁻², higher at 10⁻¹");
});

Deno.test("listFindings() compares batch sizes at equal learning rate / batch size", () => {
  const own = equalRatioStudy(study, [128, 512, 8192]);
  const records = recordsOf(own, ({ batch, seed }) => batch / 8192 + 1e-3 * seed * batch / 8192);
  const pairs = listFindings(own, records).filter(({ effect }) => effect === "pairs");
  assertEquals(pairs[0]!.verdict, "rises");
  assertStringIncludes(
    describeFinding(pairs[0]!),
    "SGD, batch size at equal learning rate / batch size (7.81×10⁻⁷), at cumulative:1e-3: sharpness " +
      "goes from 0.0156 nats at 128 (loss 1.05) to 1.00 nats at 8192",
  );
});

Deno.test("endsOf() takes the widest pair with three seeds in common, else first and last", () => {
  const each = (...seeds: number[]) => ({ bySeed: new Map(seeds.map((seed) => [seed, seed])) });
  const [a, b, c, d] = [each(0, 1), each(0, 1, 2), each(0, 1, 2, 3), each(1, 2)];
  const cases = [[[a, b, c, d], [b, c]], [[b, c, b], [b, b]], [[a, d], [a, d]]] as const;
  for (const [ends, pair] of cases) assertEquals(endsOf(ends), [[...pair]]);
  for (const ends of [[], [a]]) assertEquals(endsOf(ends), []);
});

Deno.test("listFindings() adjusts by Holm: of many verdicts a weak one is inconclusive, a strong one stays", () => {
  // AdaGrad's ratios at the stop have p of some 0.03 each; SGD's of less than 1e-4.
  const records = recordsOf(
    both,
    ({ rate, optimizer, seed }) =>
      optimizer === "SGD"
        ? 1e-3 / rate * wobble(seed, rate)
        : rate === 1e-1
        ? 2 * Math.exp(0.2 * (seed - 1))
        : 1,
  );
  const findings = listFindings(both, records);
  const wordsOf = (optimizer: string): Set<string> =>
    new Set(
      findings.filter((each) =>
        each.optimizer === optimizer && !each.isAgainst && each.comparisons.length > 0 &&
        (each.where !== "measure" || each.measure === "relative-filter")
      ).map(({ verdict }) => verdict),
    );
  assertEquals(wordsOf("SGD"), new Set(["falls", "survives"]));
  const stop = findings.find(({ optimizer, where }) => optimizer === "AdaGrad" && where === "stop");
  assertEquals(stop!.comparisons[0]!.verdict, "rises");
  assertEquals(wordsOf("AdaGrad"), new Set(["inconclusive"]));
  const [sgd, adagrad, against, ...others] = summarySentences(findings);
  assertEquals(others, []);
  assertMatch(
    sgd!,
    /^SGD, learning rate \(batch size 128\) from 10⁻³ to 10⁻¹ \(training loss 1\.05 to 1\.05 nats\): sharpness falls to .* of its value and relative .* At equal training loss relative sharpness falls at 1\.7 \(to /,
  );
  assertMatch(
    adagrad!,
    /^AdaGrad, .*: sharpness is not settled \(ratio 2\.0 \[1\.2, 3\.3\], p = 0\.\d+\) .* sharpness is not settled at 1\.7, 1\.5, 1\.3 and 1\.1 nats \(intervals within 1\.22 to 3\.29, p from 0\.\d+\)\.$/,
  );
  assertMatch(
    against!,
    /^AdaGrad against SGD\. By learning rate: sharpness at the stop is .*; relative sharpness there is .*; relative sharpness at 1\.7 nats is /,
  );
});

Deno.test("listFindings() takes all factors of a study as one family", () => {
  const effects = ["learning-rate", "batch-size"] as const;
  const all = vary(study, { effects, batchSizes: [32, 512] });
  // By batch size 6 comparisons of p = 0.006 each, for Holm 0.036; by learning rate as many of noise.
  const records = recordsOf(
    all,
    ({ rate, batch, seed }) =>
      rate === 1e-1 ? [1, 1.3, 0.8][seed]! : batch === 512 ? Math.exp(0.067 * (seed - 1) - 0.5) : 1,
  );
  const said = (study: Study): Set<string> =>
    new Set(
      listFindings(study, records)
        .filter(({ effect, where, measure, adjustedP }) =>
          effect === "batch-size" && adjustedP !== null &&
          (where === "stop" || measure === "relative-filter")
        )
        .map(({ verdict }) => verdict),
    );
  assertEquals(said(vary(all, { effects: ["batch-size"] })), new Set(["falls", "survives"]));
  assertEquals(said(all), new Set(["inconclusive"]));
});

Deno.test("summarySentences() says which cells have a level, and what is not there", () => {
  const said = (hasRelative: (rate: number) => boolean, factor = 1e-3): string[] => {
    const records = recordsOf(
      both,
      ({ rate, seed }) => (factor / rate || 1) * wobble(seed, rate) * (1 + 1e-3 * seed),
    );
    for (const { content: { trajectory, networks } } of records) {
      if (hasRelative(trajectory.learningRate)) continue;
      for (const network of networks) {
        network.measures = network.measures.filter(({ measure }) => measure !== "relative-filter");
      }
    }
    return summarySentences(listFindings(both, records));
  };
  const [sgd, , against] = said((rate) => rate >= 1e-2);
  assertStringIncludes(
    sgd!,
    ". At equal training loss relative sharpness falls at 1.7 (10⁻² to 10⁻¹: to 0.1000 [0.0975, 0.1025]), ",
  );
  assertMatch(
    against!,
    / By learning rate: sharpness at the stop is [a-z]+ at 10⁻³ to 10⁻¹; .* at 1\.7 nats is [a-z]+ at 10⁻² and 10⁻¹\.$/,
  );
  const unmeasured = said(() => false);
  assertMatch(unmeasured[0]!, / At equal training loss no two cells have 3 seeds in common\.$/);
  const alike = said(() => true, 0);
  assertMatch(alike[0]!, /relative sharpness stays alike at 1\.7 \(ratio 1\..* nats\.$/);
  assertMatch(
    unmeasured[2]!,
    /^AdaGrad against SGD\. By learning rate: sharpness at the stop is [^;]*\.$/,
  );
  const alone = summarySentences(listFindings({ ...both, stops: ["cumulative:1e-3"] }, []));
  assertEquals(alone, ["AdaGrad against SGD: no cell has a value of both."]);
  const norms = { ...both, measures: { first: ["weight-norm"], others: [] } };
  const [first] = summarySentences(listFindings(norms, recordsOf(norms, ({ seed }) => 10 + seed)));
  assertMatch(first!, / nats\): weight norm stays alike \(ratio 1/);
  const two = { ...both, measures: { first: ["relative-tensor", "relative-filter"], others: [] } };
  const [named] = summarySentences(listFindings(two, recordsOf(two, ({ seed }) => 10 + seed)));
  assertMatch(
    named!,
    / nats\): relative sharpness \(tensor\) stays .* and relative sharpness stays /,
  );
});

Deno.test("findingsTable() has a row for each of two measures that differ in their parameters", () => {
  const first = ["sharpness", "trace", "trace(radius=1)"];
  const own = { ...study, measures: { first, others: [] } };
  const found = listFindings(own, recordsOf(own, ({ seed }) => 10 + seed))
    .filter(({ where }) => where === "measure");
  assertEquals(
    findingsTable(found).objects(),
    first.slice(1).map((measure, i) => ({
      measure,
      [found[i]!.subject]: "negligible: 1.00 [1.00, 1.00]",
    })),
  );
});

Deno.test("findingsTable() keeps the order of measures where the first series lacks one", () => {
  const first = ["sharpness", "trace", "lambda-max"];
  const own = { ...both, measures: { first, others: [] } };
  const found = listFindings(own, recordsOf(own, ({ seed }) => 10 + seed))
    .filter(({ where, isAgainst }) => where === "measure" && !isAgainst);
  const rowsOf = (some: readonly Finding[]) =>
    findingsTable(some).objects().map((row) => (row as { measure: string }).measure);
  assertEquals(found[0]!.measure, "trace");
  assertEquals(rowsOf([{ ...found[0]!, comparisons: [] }, ...found.slice(1)]), rowsOf(found));
});

Deno.test("findingsMarkdown() says something of any part of a study, and throws for nothing", () => {
  const all = [{}, { seeds: [0] }, { effects: ["pairs" as const] }, { learningRates: [1e-3] }];
  for (const grid of all) {
    const partial = vary(presets.quick, grid);
    for (const records of [[], syntheticRecords(partial), syntheticRecords(partial).slice(0, 2)]) {
      const text = findingsMarkdown(partial, records);
      assert(!/NaN|undefined|null|Infinity|:\n\n#/.test(text), text);
      assert(
        !/NaN|undefined|null|Infinity/.test(
          findingsTable(listFindings(partial, records)).toMarkdown(),
        ),
      );
    }
  }
});

Deno.test("findingsMarkdown() counts what is missing and what diverged, by optimizer and effect", () => {
  const quick = { ...presets.quick, stops: ["cumulative:1e-3"] };
  const records = syntheticRecords(
    quick,
    ({ optimizer, learningRate, seed }) =>
      optimizer === "AdaGrad" || (learningRate === 1e-3 && seed === 2)
        ? undefined
        : learningRate === 1e-1 && seed === 2
        ? { stopped: "diverged", epochs: 2 }
        : learningRate === 1e-3 && seed === 1
        ? { stopped: "epoch limit" }
        : {},
  );
  const [top, missing] = findingsMarkdown(quick, records).split("## What is missing");
  assertStringIncludes(
    top!,
    "less than 1e-3 nats. 1 of 30 runs did not reach it: of these it is the network at epoch 20000.",
  );
  assertEquals(
    missing!.trim().split("\n"),
    [
      "- SGD, learning rate: 2 of 9 runs gave no value, 1 of them as training diverged.",
      "- SGD, learning rate: 1 of 9 runs did not reach the stop.",
      "- AdaGrad, learning rate: 9 of 9 runs gave no value.",
      "- AdaGrad, batch size: 9 of 9 runs gave no value.",
    ],
  );
  const one = vary(quick, { effects: ["learning-rate"], optimizers: ["SGD"], seeds: [0] });
  const single = vary(one, { learningRates: [1e-2] });
  assertMatch(
    findingsMarkdown(single, []),
    /\n- SGD, learning rate: 1 of 1 run gave no value\.\n$/,
  );
});
