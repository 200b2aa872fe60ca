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
  Evaluation,
  Member,
  PerturbOptions,
  SharedFloats,
  Stack,
  StackOptions,
} from "~/lib/engine/engine.ts";
import type { GemmLibraryName } from "~/lib/engine/gemm/gemm.ts";
import { allocateParameters, type LayerSizes } from "~/lib/model.ts";

/** What the CPU engine is made from. */
export interface CpuEngineOptions extends EngineOptions {
  /**
   * Bytes of logits that wait for their split to be complete: what bounds the sampler's memory.
   * It changes no result. Default 1e9.
   */
  readonly logitBytes?: number;
}

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
  { dataset, threads = navigator.hardwareConcurrency, logitBytes = 1e9 }: CpuEngineOptions,
  library?: GemmLibraryName,
): Promise<CpuEngine> {
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= 256)) {
    throw new RangeError(
      `Cannot start the CPU engine as threads must be an integer in 1..256: current value is ${threads}`,
    );
  }
  const { train, test } = dataset;
  const inputs = train.pixels.length / train.size;
  const classes = 1 + Math.max(largest(train.labels), largest(test.labels));
  function check(sizes: LayerSizes): void {
    const [first, last] = [sizes[0]!, sizes.at(-1)!];
    if (first !== inputs) {
      throw new RangeError(
        `Cannot run a network on these images as its first layer must have ${inputs} inputs: ` +
          `current value is ${first}`,
      );
    }
    if (last < classes) {
      throw new RangeError(
        `Cannot run a network on these images as its last layer must have ${classes} outputs or ` +
          `more: current value is ${last}`,
      );
    }
  }
  const { pool, library: name } = await openPool(threads, { splits: { train, test }, library });
  return {
    info: { name: "cpu", library: name },
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
      return await Promise.all(
        models.map((parameters) => pool.run("evaluate", { sizes, parameters, ...options })),
      );
    },
    async perturbedLosses(sizes, models, options): Promise<number[][]> {
      check(sizes);
      const work = { pool, threads, rows: train.size, logitBytes };
      return await perturbedLosses(work, sizes, models, options);
    },
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

/** Where the sampler's work is done, and how much of it at once. */
interface Work {
  readonly pool: Pool;
  readonly threads: number;
  readonly rows: number;
  readonly logitBytes: number;
}

async function perturbedLosses(
  { pool, threads, rows, logitBytes }: Work,
  sizes: LayerSizes,
  models: readonly SharedFloats[],
  { seed, directions, radius, onProgress, signal }: PerturbOptions,
): Promise<number[][]> {
  const bytesPerPair = 4 * rows * sizes.at(-1)!;
  const pairs = Math.max(1, Math.floor(logitBytes / bytesPerPair));
  const modelsAtOnce = Math.min(models.length, Math.max(1, Math.floor(Math.sqrt(pairs))));
  const directionsAtOnce = evenly(directions.length, Math.floor(pairs / modelsAtOnce));
  const losses = models.map((): number[] => []);
  const total = models.length * directions.length;
  let done = 0;
  /** Answers to `ask(0)`, `ask(1)`, ... in order; a thread that is free asks for the next. */
  async function askAll<T>(count: number, ask: (index: number) => Promise<T>): Promise<T[]> {
    const answers = new Array<T>(count);
    let next = 0;
    async function lane(): Promise<void> {
      while (next < count) {
        signal?.throwIfAborted();
        const index = next++;
        answers[index] = await ask(index);
      }
    }
    await Promise.all(Array.from({ length: threads }, lane));
    return answers;
  }
  for (let d = 0; d < directions.length; d += directionsAtOnce) {
    const chosen = directions.slice(d, d + directionsAtOnce);
    const drawn = await askAll(chosen.length, async (index) => {
      const out = allocateParameters(sizes);
      const inverseNorm = await pool.run("drawDirection", { out, seed, k: chosen[index]! });
      return { out, scale: radius * inverseNorm };
    });
    for (let m = 0; m < models.length; m += modelsAtOnce) {
      const group = models.slice(m, m + modelsAtOnce);
      const count = group.length * drawn.length;
      const task = {
        sizes,
        models: group,
        directions: drawn.map(({ out }) => out),
        scales: drawn.map(({ scale }) => scale),
        logits: new Float32Array(new SharedArrayBuffer(bytesPerPair * count)),
      };
      const before = done;
      const blocks = Math.ceil(rows / BLOCK);
      let finished = 0;
      await askAll(blocks, async (index) => {
        await pool.run("perturbedLogits", { task, start: index * BLOCK });
        finished++;
        onProgress?.(before + Math.floor(count * finished / blocks), total);
      });
      const values = await askAll(count, (pair) => pool.run("pairLoss", { task, pair }));
      for (const [pair, value] of values.entries()) {
        losses[m + Math.floor(pair / drawn.length)]!.push(value);
      }
      done = before + count;
    }
  }
  return losses;
}

/** The size of equal parts of `count` that are at most `limit`. */
function evenly(count: number, limit: number): number {
  return Math.ceil(count / Math.ceil(count / Math.max(1, limit)));
}

function largest(values: Uint8Array): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
