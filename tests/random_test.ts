/**
 * Streams of random numbers against the generator's published definition and their distributions.
 *
 * @module
 */
import jstat from "jstat";
import { fillNormal, openStream, permutation } from "~/lib/random.ts";
import { assertAlmostEquals, assertEquals, assertLess, assertThrows } from "@std/assert";

const WORD = (1n << 64n) - 1n;
const MAX_SEED = 2 ** 32 - 1;

/**
 * xoroshiro128+ 1.0 with its jump of 2^64 draws, as its authors publish it
 * (https://prng.di.unimi.it/xoroshiro128plus.c), on 64-bit integers; gives the low 32 bits.
 */
function referenceStream(seed: number, jumps: number): () => number {
  const rotate = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (64n - k))) & WORD;
  // How the package seeds it: words -1, ~seed, seed, 0.
  let s0 = (0xffffffffn << 32n) | BigInt(~seed >>> 0);
  let s1 = BigInt(seed) << 32n;
  function next(): bigint {
    const result = (s0 + s1) & WORD;
    const mixed = s0 ^ s1;
    s0 = rotate(s0, 24n) ^ mixed ^ ((mixed << 16n) & WORD);
    s1 = rotate(mixed, 37n);
    return result;
  }
  for (let jump = 0; jump < jumps; jump++) {
    let [j0, j1] = [0n, 0n];
    for (const polynomial of [0xdf900294d8f554a5n, 0x170865df4b3201fcn]) {
      for (let bit = 0n; bit < 64n; bit++) {
        if ((polynomial >> bit) & 1n) [j0, j1] = [j0 ^ s0, j1 ^ s1];
        next();
      }
    }
    [s0, s1] = [j0, j1];
  }
  return () => Number(next() & 0xffffffffn);
}

Deno.test("openStream() is xoroshiro128+ jumped index + 1 times", () => {
  for (const [seed, index] of [[0, 0], [1, 0], [1, 1], [20_251_107, 48], [MAX_SEED, 3]] as const) {
    const stream = openStream(seed, index);
    const expected = referenceStream(seed, index + 1);
    for (let draw = 0; draw < 100; draw++) assertEquals(stream.next() >>> 0, expected());
  }
});

Deno.test("openStream() takes integers in its domain only", () => {
  for (const value of [-1, 0.5, NaN]) {
    const refuse = (seed: number, index: number, what: string): unknown =>
      assertThrows(
        () => openStream(seed, index),
        RangeError,
        `Cannot open a random stream as ${what}: current value is ${value}`,
      );
    refuse(value, 0, "seed must be an integer in 0..4294967295");
    refuse(0, value, "index must be an integer >= 0");
  }
});

/** Largest distance between the draws' distribution and `cdf`: Kolmogorov and Smirnov's statistic. */
function distance(draws: Float32Array, cdf: (x: number) => number): number {
  const sorted = draws.toSorted();
  const n = sorted.length;
  return Math.max(
    ...sorted.map((x, i) => Math.max(Math.abs(cdf(x) - i / n), Math.abs(cdf(x) - (i + 1) / n))),
  );
}

// P(distance > 1.95 / sqrt(n)) = 0.001 (Kolmogorov's distribution); the seeds are fixed.
const N = 50_000;
const LARGEST_DISTANCE = 1.95 / Math.sqrt(N);

Deno.test("fillNormal() draws from N(0, 1), even and odd places independent", () => {
  const draws = new Float32Array(N);
  fillNormal(draws, openStream(3, 0));
  assertLess(distance(draws, (x) => jstat.normal.cdf(x, 0, 1)), LARGEST_DISTANCE);
  // Standard errors: of the mean 1/sqrt(n), the variance sqrt(2/n), the 4th moment sqrt(96/n).
  const moment = (power: number): number => draws.reduce((sum, x) => sum + x ** power, 0) / N;
  assertAlmostEquals(moment(1), 0, 4 / Math.sqrt(N));
  assertAlmostEquals(moment(2), 1, 4 * Math.sqrt(2 / N));
  assertAlmostEquals(moment(4), 3, 4 * Math.sqrt(96 / N));
  // The two of a Box-Muller pair are independent, and so are their squares.
  let products = 0;
  let squares = 0;
  for (let i = 0; i < N; i += 2) {
    products += draws[i]! * draws[i + 1]!;
    squares += (draws[i]! ** 2 - 1) * (draws[i + 1]! ** 2 - 1) / 2;
  }
  for (const sum of [products, squares]) assertLess(Math.abs(sum / (N / 2)), 4 / Math.sqrt(N / 2));
});

Deno.test("fillNormal() is Box and Muller's transform of pairs; an odd length drops the last sine", () => {
  const odd = new Float32Array(7);
  const even = new Float32Array(8);
  fillNormal(odd, openStream(5, 1));
  fillNormal(even, openStream(5, 1));
  assertEquals(odd, even.subarray(0, 7).slice());
  const next = referenceStream(5, 2);
  for (let i = 0; i < 8; i += 2) {
    const u = (next() + 0.5) / 2 ** 32;
    const v = next() / 2 ** 32;
    // r^2 = -2 ln u and tan(angle) = sine / cosine, within float32's rounding.
    assertAlmostEquals(even[i]! ** 2 + even[i + 1]! ** 2, -2 * Math.log(u), 1e-6 * 45);
    const angle = Math.atan2(even[i + 1]!, even[i]!) / (2 * Math.PI);
    assertAlmostEquals((angle + 1) % 1, v, 1e-6);
  }
});

Deno.test("fillNormal() is finite at the smallest and the largest draw", () => {
  const constant = (value: number): Parameters<typeof fillNormal>[1] => ({
    next: () => value,
    jump: () => {},
    clone: () => constant(value),
    getState: () => [],
  });
  const out = new Float32Array(2);
  fillNormal(out, constant(0));
  // sqrt(2 ln 2^33), where the tails end.
  assertAlmostEquals(out[0]!, Math.sqrt(2 * 33 * Math.LN2), 1e-6);
  assertEquals(out[1], 0);
  fillNormal(out, constant(-1));
  assertLess(0, Math.hypot(out[0]!, out[1]!));
  assertLess(Math.hypot(out[0]!, out[1]!), 1e-4);
});

Deno.test("permutation() is one of all, every one as likely, another one for every seed and epoch", () => {
  for (const count of [0, 1, 2, 1000]) {
    const sorted = permutation(count, 5, 9).toSorted();
    assertEquals(sorted, Uint32Array.from({ length: count }, (_, index) => index));
  }
  assertEquals(permutation(1000, 5, 9), permutation(1000, 5, 9));
  const orders = [0, 1, 2, 3, MAX_SEED].flatMap((seed) =>
    [0, 1, 2, 20_000].map((epoch) => String(permutation(20, seed, epoch)))
  );
  assertEquals(new Set(orders).size, orders.length);
  // Over epochs and over seeds: 24 orders of 4 things, 4800 draws, 200 expected of each. Chi-square
  // with 23 degrees of freedom is above 49.7 with a probability of 0.001.
  for (const draw of [(i: number) => permutation(4, 0, i), (i: number) => permutation(4, i, 0)]) {
    const counts = new Map<string, number>();
    for (let i = 0; i < 4800; i++) {
      const order = String(draw(i));
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    assertEquals(counts.size, 24);
    assertLess([...counts.values()].reduce((sum, n) => sum + (n - 200) ** 2 / 200, 0), 49.7);
  }
});
