/**
 * The CPU engine: one network a thread, matrix products from a library, SIMD kernels for the rest.
 *
 * @module
 */
import { evaluate, gradients } from "~/lib/engine/cpu/gradients.ts";
import { openHessian } from "~/lib/engine/cpu/hessian_products.ts";
import { perturbedLosses } from "~/lib/engine/cpu/perturbed_losses.ts";
import { openPool } from "~/lib/engine/cpu/pool.ts";
import { createStack } from "~/lib/engine/cpu/stack.ts";
import { sizesCheck } from "~/lib/engine/check_sizes.ts";
import type {
  Engine,
  Evaluation,
  Hessian,
  LossGradient,
  PerturbedLosses,
  Stack,
} from "~/lib/engine/engine.ts";
import type { EngineOptions } from "~/lib/engine/engine_options.ts";
import { chooseGemmLibrary } from "~/lib/engine/cpu/gemm/choose_library.ts";
import type { GemmLibraryName } from "~/lib/engine/cpu/gemm/gemm_library.ts";
import { defaultThreads } from "~/lib/domain.ts";

/** What the CPU engine is made from. */
export interface CpuEngineOptions extends EngineOptions {
  /**
   * Bound in bytes on what is kept in memory around a network instead of computed again; it changes
   * no result. Default 1.5e9, or 2.5e8 a thread where that is more.
   */
  readonly samplerBytes?: number;
}

/** The CPU engine, with what a benchmark compares it to. */
export interface CpuEngine extends Engine {
  /** Rate of the matrix library on all threads together, in FLOP/s: the peak that it reaches here. */
  peak(): Promise<number>;
}

/**
 * Starts the CPU engine.
 *
 * @param demanded Demands a matrix library; default: what is fast here, see `chooseGemmLibrary`.
 * @throws {RangeError} If `threads` is not an integer in 1..256.
 */
export async function createCpuEngine(
  { dataset, threads = defaultThreads(), ...options }: CpuEngineOptions,
  demanded?: GemmLibraryName,
): Promise<CpuEngine> {
  const samplerBytes = options.samplerBytes ?? Math.max(1.5e9, 2.5e8 * threads);
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= 256)) {
    throw new RangeError(
      `Cannot start the CPU engine as threads must be an integer in 1..256: current value is ${threads}`,
    );
  }
  const { train, test } = dataset;
  const check = sizesCheck(dataset);
  // Opened here first, and kept: the threads load what is chosen and set up already.
  const { prefer, onMessage } = options;
  const { library, chosen } = await chooseGemmLibrary({
    demanded,
    prefer: prefer === "gpu" ? undefined : prefer,
    onMessage,
  });
  const splits = { train, test };
  const pool = await openPool(threads, { splits, library: library.kind }).catch((error) => {
    library.close();
    throw error;
  });
  const work = {
    pool,
    threads,
    rows: { train: train.size, test: test.size },
    bytes: samplerBytes,
  };
  return {
    info: { name: "cpu", library: library.name, chosen },
    concurrency: threads,
    stackSize: () => 1,
    createStack(options, members): Promise<Stack> {
      return Promise.try(() => {
        check(options.sizes);
        return createStack(pool, options, members);
      });
    },
    async evaluate(sizes, models, options): Promise<Evaluation[]> {
      check(sizes);
      return await evaluate(work, sizes, models, options);
    },
    async perturbedLosses(sizes, models, options): Promise<PerturbedLosses[]> {
      check(sizes);
      return await perturbedLosses({ ...work, rows: train.size }, sizes, models, options);
    },
    async gradients(sizes, models, { signal } = {}): Promise<LossGradient[]> {
      check(sizes);
      return await gradients(work, sizes, models, signal);
    },
    async openHessian(sizes, model, { signal } = {}): Promise<Hessian> {
      check(sizes);
      return await openHessian(work, sizes, model, signal);
    },
    async peak(): Promise<number> {
      const ask = { repeats: 8 };
      const rates = await Promise.all(
        Array.from({ length: threads }, () => pool.run("gemmRate", ask)),
      );
      return rates.reduce((sum, rate) => sum + rate, 0);
    },
    close(): Promise<void> {
      pool.close();
      library.close();
      return Promise.resolve();
    },
  };
}
