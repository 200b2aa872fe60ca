import {
  compare,
  type Comparison,
  type Contrast,
  formatEstimate,
  type Verdict,
} from "~/lib/findings.ts";
import { openStream } from "~/lib/random.ts";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";

/** Ends by seed 0, 1, 2, ... */
function contrast(first: readonly number[], last: readonly number[]): Contrast {
  const end = (name: string, values: readonly number[]) => ({
    name,
    bySeed: new Map(values.entries()),
  });
  return { first: end("a", first), last: end("b", last), unit: "nats" };
}

/** Student's 0.975 quantile of 2 degrees of freedom: 0.95 sqrt(2 / (4 0.975 0.025)). */
const T = 0.95 * Math.sqrt(2 / (4 * 0.975 * 0.025));

Deno.test("compare() takes the ratio of positive ends on a log scale, paired over seeds", () => {
  // Log ratios 1.1, 1.0, 0.9: mean 1, s = 0.1, standard error 0.1 / sqrt(3). Seeds cancel.
  const seeds = [1, 1.1, 1.05];
  const found = compare(contrast(seeds, seeds.map((a, i) => a * Math.exp(1.1 - 0.1 * i))))!;
  const half = T * 0.1 / Math.sqrt(3);
  assertEquals([found.scale, found.n, found.verdict, found.sign], ["ratio", 3, "rises", 1]);
  assertAlmostEquals(found.estimate, Math.E, 1e-12);
  assertAlmostEquals(found.interval![0], Math.exp(1 - half), 1e-7);
  assertAlmostEquals(found.interval![1], Math.exp(1 + half), 1e-7);
  // P(|T| > t) = 1 - t / sqrt(t^2 + 2) for 2 degrees of freedom.
  const t = Math.sqrt(3) / 0.1;
  assertAlmostEquals(found.pEffect, 1 - t / Math.sqrt(t ** 2 + 2), 1e-9);
});

Deno.test("compare() takes the difference where an end is not told from 0", () => {
  const found = compare(contrast([-0.1, 0.1, 0.3], [1.9, 2.1, 2.3]))!;
  assertEquals([found.scale, found.verdict], ["difference", "rises"]);
  assertAlmostEquals(found.estimate, 2, 1e-12);
  // 0.39 is a fifth of 2 less 0.01: within the margin of the larger end.
  const small = compare(contrast([-0.4, 2, 4.4], [-0.01, 2.39, 4.79]))!;
  assertEquals([small.scale, small.verdict], ["difference", "negligible"]);
  const large = compare(contrast([-0.4, 2, 4.4], [0.2, 2.6, 5]))!;
  assertEquals([large.scale, large.verdict], ["difference", "rises"]);
});

Deno.test("compare() adds the distance of the interpolants to the half-width", () => {
  const plain = contrast([1, 1, 1], [2, 2.2, 2.1]);
  const others = new Map([[0, 2 * 1.01], [1, 2.2 / 1.01], [2, 2.1 * 1.01]]);
  const [narrow, wide] = [plain, { ...plain, last: { ...plain.last, others } }]
    .map((each) => compare(each)!) as [Comparison, Comparison];
  assertAlmostEquals(Math.log(wide.interval![1] / narrow.interval![1]), Math.log(1.01), 1e-9);
  assertAlmostEquals(Math.log(wide.interval![0] / narrow.interval![0]), -Math.log(1.01), 1e-9);
  assert(wide.pEffect > narrow.pEffect);
});

Deno.test("compare() asks for others of the seeds that both ends have, and for a log scale above 0", () => {
  const { first, last } = contrast([1, 1.1, 1.2], [2, 2.1, 2.2, -0.5]);
  const plain = compare({ first, last, unit: "nats" })!;
  const same = compare({ first, last: { ...last, others: last.bySeed }, unit: "nats" })!;
  assertEquals([same.scale, same.interval], ["ratio", plain.interval]);
  const others = new Map([[0, 2], [1, 2.1], [2, -0.1]]);
  const found = compare({ first, last: { ...last, others }, unit: "nats" })!;
  // Every difference is 1; the interpolants are 2.3 apart for one seed of three.
  assertEquals(found.scale, "difference");
  assertAlmostEquals(found.interval![1], 1 + 2.3 / 3, 1e-9);
});

Deno.test("compare() has p = 0 where seeds agree to the bit, as of batches beyond the images", () => {
  const found = compare(contrast([1, 1.1, 1.2], [1, 1.1, 1.2]))!;
  assertEquals([found.verdict, found.interval, found.p], ["negligible", [1, 1], 0]);
});

Deno.test("compare() settles nothing for one seed, and is nothing without a common one", () => {
  const one = compare(contrast([1], [2]))!;
  assertEquals([one.verdict, one.interval, one.p, one.estimate], ["inconclusive", null, 1, 2]);
  assertEquals(compare(contrast([1], [])), undefined);
});

/** Draws and the largest share of wrong words that is let through: 5 % and three of its errors. */
const DRAWS = 2000;
const MOST = DRAWS * 0.05 + 3 * Math.sqrt(DRAWS * 0.05 * 0.95);

/** How often each verdict is given on data of 3 seeds with a known effect, where the reference rises. */
function simulate(draw: (normal: () => number) => Contrast, seed: number): Record<string, number> {
  const stream = openStream(seed, 0);
  const uniform = (): number => ((stream.next() >>> 0) + 0.5) / 2 ** 32;
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  const reference = compare(contrast([1, 1, 1], [2, 2.1, 2]))!;
  const counts: Record<string, number> = {};
  for (let i = 0; i < DRAWS; i++) {
    const { verdict } = compare(draw(normal), reference)!;
    counts[verdict] = (counts[verdict] ?? 0) + 1;
  }
  return counts;
}

Deno.test("formatEstimate() writes 0 as the end of a wide interval only where it is 0", () => {
  const textOf = (low: number, high: number) => formatEstimate({ mean: 3, interval: [low, high] });
  assertEquals(textOf(0.0021, 6372), "3 [0.002, 6372]");
  assertEquals(textOf(-0.04, 40), "3 [−0.04, 40]");
  assertEquals(textOf(0, 6), "3.0 [0.0, 6.0]");
});

/** Log-normal ends with a seed's share in both, and noise of their own. */
const ratioOf =
  (ratio: number, noise: number, shared = 0.3) => (normal: () => number): Contrast => {
    const seeds = [0, 1, 2].map(() => shared * normal());
    return contrast(
      seeds.map((seed) => Math.exp(seed + noise * normal())),
      seeds.map((seed) => ratio * Math.exp(seed + noise * normal())),
    );
  };
/** Normal ends about a mean that is not told from 0. */
const differenceOf = (difference: number, mean: number) => (normal: () => number): Contrast => {
  const seeds = [0, 1, 2].map(() => mean + 2 * normal());
  const noise = (): number => 0.02 * normal();
  return contrast(seeds.map((s) => s + noise()), seeds.map((s) => s + difference + noise()));
};

Deno.test("a verdict's word is wrong in at most 5 % of 2,000 draws at n = 3, whatever the effect; and each is given to data that deserve it", () => {
  const cases: [
    name: string,
    draw: Parameters<typeof simulate>[0],
    wrong: Verdict[],
    word?: Verdict,
  ][] = [
    ["no effect, little noise", ratioOf(1, 0.02), ["survives", "reverses"]],
    ["no effect, much noise", ratioOf(1, 0.3), ["survives", "reverses"]],
    ["at the margin", ratioOf(1.2, 0.02), ["negligible", "reverses"]],
    ["at the other margin", ratioOf(1 / 1.2, 0.02), ["negligible", "survives"]],
    ["beyond it", ratioOf(1.5, 0.1), ["negligible", "reverses"]],
    ["the other way", ratioOf(1 / 1.5, 0.1), ["negligible", "survives"]],
    ["no difference", differenceOf(0, 0), ["survives", "reverses"]],
    ["a difference, the other way", differenceOf(-0.5, 0), ["survives"]],
    ["hardly any", ratioOf(1.01, 0.02, 0.1), ["survives", "reverses"], "negligible"],
    ["twice", ratioOf(2, 0.05, 0.1), ["reverses", "negligible"], "survives"],
    ["half", ratioOf(0.5, 0.05, 0.1), ["survives", "negligible"], "reverses"],
    ["noise", ratioOf(1.1, 0.5), ["negligible", "reverses"], "inconclusive"],
  ];
  for (const [i, [name, draw, wrong, word]] of cases.entries()) {
    const counts = simulate(draw, i);
    const text = `${name}: ${JSON.stringify(counts)}`;
    for (const each of wrong) assert((counts[each] ?? 0) <= MOST, text);
    if (word !== undefined) assert((counts[word] ?? 0) > 0.9 * DRAWS, text);
  }
});
