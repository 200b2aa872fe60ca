/**
 * Streams of random numbers that depend on a seed and a stream number only.
 *
 * @module
 */
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { JumpableRandomGenerator } from "pure-rand/types/JumpableRandomGenerator";
import { place, seed as seedDomain, validate } from "~/lib/domain.ts";

/**
 * Opens stream `index` of `seed`: xoroshiro128+ jumped `index + 1` times by 2^64 draws.
 *
 * The first jump is there for its mixing: the generator's own seeding leaves the first draws of
 * neighbouring seeds alike. Two streams of one seed cannot overlap (2^64 draws apart).
 *
 * @param seed Integer in 0..2^32-1.
 * @param index Stream number, an integer >= 0.
 * @throws {UsageError} If `seed` or `index` is not such an integer.
 */
export function openStream(seed: number, index: number): JumpableRandomGenerator {
  validate(seedDomain, seed, "Cannot open a random stream as seed");
  validate(place, index, "Cannot open a random stream as index");
  const generator = xoroshiro128plus(seed);
  for (let jump = 0; jump <= index; jump++) generator.jump();
  return generator;
}

/**
 * Fills `out` with draws from U(-bound, bound), one 32-bit draw a value.
 *
 * @param generator Advanced by `out.length` draws.
 * @param bound Half width, > 0.
 */
export function fillUniform(
  out: Float32Array,
  generator: JumpableRandomGenerator,
  bound: number,
): void {
  // The half keeps the lattice symmetric around 0.
  const scale = 2 * bound / 2 ** 32;
  for (let i = 0; i < out.length; i++) out[i] = ((generator.next() >>> 0) + 0.5) * scale - bound;
}

/**
 * Fills `out` with draws from N(0, 1) by the Box-Muller transform, in pairs
 * `sqrt(-2 ln u) (cos 2 pi v, sin 2 pi v)`.
 *
 * With 32-bit uniforms the tails end at 6.8 standard deviations.
 * Source: Box and Muller, https://doi.org/10.1214/aoms/1177706645.
 */
export function fillNormal(out: Float32Array, generator: JumpableRandomGenerator): void {
  for (let i = 0; i < out.length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(((generator.next() >>> 0) + 0.5) / 2 ** 32));
    const angle = 2 * Math.PI * ((generator.next() >>> 0) / 2 ** 32);
    out[i] = radius * Math.cos(angle);
    if (i + 1 < out.length) out[i + 1] = radius * Math.sin(angle);
  }
}

/** Stream of the permutations: no other draws from it. */
const PERMUTATIONS = 31;

/**
 * The order of `count` things in an epoch: a permutation of 0..count-1, every one as likely, by
 * Fisher and Yates; another one for every seed and epoch.
 *
 * @param epoch 0 for the first.
 */
export function permutation(count: number, seed: number, epoch: number): Uint32Array {
  // An odd factor takes no two epochs to one number.
  const generator = openStream((seed ^ Math.imul(epoch, 0x9e3779b1)) >>> 0, PERMUTATIONS);
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const other = uniformInt(generator, 0, last);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}
