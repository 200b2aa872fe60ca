/**
 * Which kernels OpenBLAS should take: a version older than the processor falls back to the oldest.
 *
 * @module
 */

/** What OpenBLAS itself finds that processor and operating system support. */
export interface ProcessorFeatures {
  readonly avx2: boolean;
  readonly avx512: boolean;
  /** AVX-512 with bfloat16 instructions. */
  readonly avx512bf16: boolean;
}

/** Vector bits of the cores that are known to use less than some processors offer. */
const VECTOR_BITS: Readonly<Record<string, number>> = {
  ...cores(
    128,
    "Katmai Coppermine Northwood Prescott Banias Atom Core2 Penryn Dunnington Nehalem",
    "Athlon Opteron Opteron_SSE3 Barcelona Bobcat Nano",
  ),
  // AVX without fused multiplication, or with half the units.
  ...cores(192, "Sandybridge Bulldozer Piledriver Steamroller Excavator"),
  ...cores(256, "Haswell Zen"),
};

/**
 * The value of OPENBLAS_CORETYPE that the processor calls for, or undefined where OpenBLAS's own
 * choice is as good: seen with OpenBLAS 0.3.21 on Emerald Rapids, which it does not know, Prescott's
 * kernels (SSE3) reach less than a quarter of what Cooperlake's do.
 *
 * @param core As `openblas_get_corename()` names it. One that is not known here is left alone.
 *
 * @example
 * ```ts
 * import { betterCoreType } from "~/lib/engine/cpu/gemm/openblas_core.ts";
 *
 * const features = { avx2: true, avx512: false, avx512bf16: false };
 * if (betterCoreType("Prescott", features) !== "Haswell") throw new Error("SSE3 on AVX2");
 * if (betterCoreType("Zen", features) !== undefined) throw new Error("Zen is AVX2 already");
 * ```
 */
export function betterCoreType(core: string, features: ProcessorFeatures): string | undefined {
  const bits = VECTOR_BITS[core.toLowerCase()] ?? Infinity;
  // Sapphire Rapids' products in float32 are Cooperlake's, which more versions know.
  if (features.avx512bf16 && bits < 512) return "Cooperlake";
  if (features.avx512 && bits < 512) return "SkylakeX";
  // Zen's kernels are Haswell's but for details.
  if (features.avx2 && bits < 256) return "Haswell";
  return undefined;
}

function cores(bits: number, ...names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.join(" ").toLowerCase().split(" ").map((name) => [name, bits]));
}
