/**
 * CPU engines for tests, on every matrix library that is there.
 *
 * @module
 */
import type { Dataset } from "~/lib/dataset.ts";
import { type CpuEngine, createCpuEngine } from "~/lib/engine/cpu.ts";
import { openBlas } from "~/lib/engine/gemm/blas.ts";
import { GEMM_LIBRARIES, type GemmLibraryName } from "~/lib/engine/gemm/gemm.ts";

/** Whether the system has a BLAS. */
export const hasBlas: boolean = openBlas() !== undefined;
if (!hasBlas) console.warn("No BLAS: its tests are skipped (Debian: libopenblas0-pthread)");

/** A test on every matrix library; those of a library that is not there are ignored. */
export function testLibraries(
  name: string,
  run: (library: GemmLibraryName) => Promise<void>,
): void {
  for (const library of GEMM_LIBRARIES) {
    Deno.test({
      name: `${name} (${library})`,
      ignore: library === "blas" && !hasBlas,
      fn: () => run(library),
    });
  }
}

/** What an engine is opened with. */
export interface EngineChoice {
  readonly dataset: Dataset;
  readonly library: GemmLibraryName;
  readonly threads?: number;
  readonly samplerBytes?: number;
}

/** Runs with an engine and closes it. */
export async function withEngine<T>(
  { library, threads = 1, ...options }: EngineChoice,
  run: (engine: CpuEngine) => Promise<T>,
): Promise<T> {
  const engine = await createCpuEngine({ threads, ...options }, library);
  try {
    return await run(engine);
  } finally {
    await engine.close();
  }
}
