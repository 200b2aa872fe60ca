/**
 * The CPU engine: one network a thread, matrix products from a library, SIMD kernels for the rest.
 *
 * @module
 */
import { checkedEngine } from "~/lib/engine/checks.ts";
import { evaluate, openHessian } from "~/lib/engine/cpu/full_set.ts";
import { chooseGemmLibrary } from "~/lib/engine/cpu/gemm/choose_library.ts";
import type { LibrarySource } from "~/lib/engine/cpu/gemm/gemm_library.ts";
import { perturbedLosses } from "~/lib/engine/cpu/perturbed_losses.ts";
import { openPool, type Pool } from "~/lib/engine/cpu/pool.ts";
import type { Engine, EngineOptions, Member, Stack, StackOptions } from "~/lib/engine/engine.ts";
import { defaultThreads, threads as threadCount, validate } from "~/lib/domain.ts";
import { shareCopy } from "~/lib/model.ts";

/** The CPU engine, with what a benchmark compares it to. */
export interface CpuEngine extends Engine {
  /** Rate of the matrix library on all threads together, in FLOP/s: the peak that it reaches here. */
  peak(): Promise<number>;
}

/**
 * Starts the CPU engine.
 *
 * @param demanded Demands a matrix library, or that they are measured again; default: what is fast
 * here, see `chooseGemmLibrary`.
 * @throws {UsageError} If `threads` is not an integer in 1..256.
 */
export async function createCpuEngine(
  { dataset, threads = defaultThreads(), prefer, choices, onMessage, ...options }: EngineOptions,
  demanded?: LibrarySource | "measure",
): Promise<CpuEngine> {
  validate(threadCount, threads, "Cannot start the CPU engine as threads");
  const { train, test } = dataset;
  // Opened here first, and kept: the threads load what is chosen and set up already.
  const { library, chosen } = await chooseGemmLibrary({
    ...{ demanded, choices, onMessage },
    prefer: prefer === "gpu" ? undefined : prefer,
  });
  const open = { splits: { train, test }, library: library.source };
  const pool = await openPool(threads, open).catch((error) => {
    library.close();
    throw error;
  });
  const bytes = options.memory ?? Math.max(1.5e9, 2.5e8 * threads);
  const work = { pool, threads, rows: { train: train.size, test: test.size }, bytes };
  return checkedEngine(dataset, {
    info: { name: "cpu", library: library.name, chosen },
    concurrency: threads,
    stackSize: () => 1,
    createStack: (options, members) => Promise.resolve(createStack(pool, options, members)),
    evaluate: (sizes, models, options) => evaluate({ ...work, ...options }, sizes, models),
    perturbedLosses: (sizes, models, options) => perturbedLosses(work, sizes, models, options),
    openHessian: (sizes, model, signal) => openHessian({ ...work, signal }, sizes, model),
    async peak(): Promise<number> {
      const rates = await pool.all("gemmRate", Array(threads).fill({ repeats: 8 }));
      return rates.reduce((sum, rate) => sum + rate, 0);
    },
    close(): Promise<void> {
      pool.close();
      library.close();
      return Promise.resolve();
    },
  });
}

/** Creates a stack, a thread for each member; the members' arrays change in `save` only. */
function createStack(pool: Pool, options: StackOptions, members: readonly Member[]): Stack {
  let current = members.map((member) => ({
    member,
    own: { ...member, parameters: shareCopy(member.parameters), state: shareCopy(member.state) },
  }));
  return {
    async trainEpoch(): Promise<number[]> {
      const trained = current;
      const asks = trained.map(({ own }) => ({ ...options, ...own }));
      const losses = await pool.all("trainEpoch", asks);
      for (const { own } of trained) own.epochs++;
      return losses;
    },
    save(): Promise<void> {
      for (const { member, own } of current) {
        member.parameters.set(own.parameters);
        member.state.set(own.state);
      }
      return Promise.resolve();
    },
    retain(keep): void {
      current = current.filter((_, index) => keep[index]);
    },
    dispose(): void {
      current = [];
    },
  };
}
