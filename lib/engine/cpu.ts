/**
 * The CPU engine: one network a thread, matrix products from a library, SIMD kernels for the rest.
 *
 * @module
 */
import { openPool, type Pool } from "~/lib/engine/cpu/pool.ts";
import { BLOCK } from "~/lib/engine/cpu/workspace.ts";
import type {
  Engine,
  EngineOptions,
  Member,
  PerturbOptions,
  SharedFloats,
  Stack,
  StackOptions,
} from "~/lib/engine/engine.ts";
import type { GemmLibraryName } from "~/lib/engine/gemm/gemm.ts";
import { allocateParameters, type LayerSizes } from "~/lib/model.ts";

/** Bytes of logits that wait for their split to be complete: what bounds the sampler's memory. */
const LOGIT_BYTES = 1_000_000_000;

/** The CPU engine, with what a benchmark compares it to. */
export interface CpuEngine extends Engine {
  /** Rate of the matrix library on all threads together, in FLOP/s: the peak that it reaches here. */
  peak(): Promise<number>;
}

/**
 * Starts the CPU engine.
 *
 * @param library Demands a matrix library; default: a BLAS if there is one, else ONNX Runtime.
 * @throws {RangeError} If `threads` is not an integer in 1..256.
 */
export async function createCpuEngine(
  { dataset, threads = navigator.hardwareConcurrency }: EngineOptions,
  library?: GemmLibraryName,
): Promise<CpuEngine> {
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= 256)) {
    throw new RangeError(
      `Cannot start the CPU engine as threads must be an integer in 1..256: current value is ${threads}`,
    );
  }
  const { train, test } = dataset;
  const { pool, library: name } = await openPool(threads, { splits: { train, test }, library });
  return {
    info: { name: "cpu", library: name },
    concurrency: threads,
    stackSize: () => 1,
    createStack: (options, members) => Promise.resolve(createStack(pool, options, members)),
    evaluate: (sizes, models, options) =>
      Promise.all(
        models.map((parameters) => pool.run("evaluate", { sizes, parameters, ...options })),
      ),
    perturbedLosses: (sizes, models, options) =>
      perturbedLosses(pool, train.size, sizes, models, options),
    async peak(): Promise<number> {
      const ask = { repeats: 8 };
      const rates = await Promise.all(
        Array.from({ length: threads }, () => pool.run("gemmRate", ask)),
      );
      return rates.reduce((sum, rate) => sum + rate, 0);
    },
    close: () => Promise.resolve(pool.close()),
  };
}

function createStack(
  pool: Pool,
  options: StackOptions,
  members: readonly Member[],
): Stack {
  // The threads work on copies: a member's arrays change in `save` only.
  let current = members.map((member) => ({
    member,
    parameters: share(member.parameters),
    state: share(member.state),
  }));
  return {
    get size(): number {
      return current.length;
    },
    trainEpoch: () =>
      Promise.all(
        current.map(({ member: { learningRate }, parameters, state }) =>
          pool.run("trainEpoch", { ...options, learningRate, parameters, state })
        ),
      ),
    save(): Promise<void> {
      for (const { member, parameters, state } of current) {
        member.parameters.set(parameters);
        member.state.set(state);
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

function share(values: Float32Array): SharedFloats {
  const copy = new Float32Array(new SharedArrayBuffer(values.byteLength));
  copy.set(values);
  return copy;
}

async function perturbedLosses(
  pool: Pool,
  rows: number,
  sizes: LayerSizes,
  models: readonly SharedFloats[],
  { seed, directions, radius, onProgress, signal }: PerturbOptions,
): Promise<number[][]> {
  const bytesPerPair = 4 * rows * sizes.at(-1)!;
  const pairs = Math.max(1, Math.floor(LOGIT_BYTES / bytesPerPair));
  const modelsAtOnce = Math.min(models.length, Math.max(1, Math.floor(Math.sqrt(pairs))));
  const directionsAtOnce = evenly(directions.length, Math.floor(pairs / modelsAtOnce));
  const losses = models.map((): number[] => []);
  const total = models.length * directions.length;
  let done = 0;
  for (let d = 0; d < directions.length; d += directionsAtOnce) {
    const drawn = await Promise.all(
      directions.slice(d, d + directionsAtOnce).map(async (k) => {
        const out = allocateParameters(sizes);
        const inverseNorm = await pool.run("drawDirection", { out, seed, k });
        return { out, scale: radius * inverseNorm };
      }),
    );
    for (let m = 0; m < models.length; m += modelsAtOnce) {
      const group = models.slice(m, m + modelsAtOnce);
      const task = {
        sizes,
        models: group,
        directions: drawn.map(({ out }) => out),
        scales: drawn.map(({ scale }) => scale),
        logits: new Float32Array(
          new SharedArrayBuffer(bytesPerPair * group.length * drawn.length),
        ),
      };
      const starts = Array.from({ length: Math.ceil(rows / BLOCK) }, (_, index) => index * BLOCK);
      const before = done;
      const share = group.length * drawn.length / starts.length;
      let blocks = 0;
      await Promise.all(starts.map(async (start) => {
        signal?.throwIfAborted();
        await pool.run("perturbedLogits", { task, start });
        blocks++;
        onProgress?.(Math.floor(before + blocks * share), total);
      }));
      const values = await Promise.all(
        Array.from(
          { length: group.length * drawn.length },
          (_, pair) => pool.run("pairLoss", { task, pair }),
        ),
      );
      for (const [pair, value] of values.entries()) {
        losses[m + Math.floor(pair / drawn.length)]!.push(value);
      }
      done = before + group.length * drawn.length;
    }
  }
  return losses;
}

/** The size of equal parts of `count` that are at most `limit`. */
function evenly(count: number, limit: number): number {
  return Math.ceil(count / Math.ceil(count / Math.max(1, limit)));
}
