/**
 * How fast matrix libraries are here, at the products that training consists of.
 *
 * @module
 */
import process from "node:process";
import type { GemmLibrary } from "~/lib/engine/cpu/gemm/gemm_library.ts";
import { MLP_1 } from "~/lib/model.ts";

/** The study's usual batch size. */
const ROWS = 128;

/** Milliseconds for all libraries together; two rounds are always made, the first warms up. */
const PATIENCE = 120;

/**
 * Multiplies the first layer's matrices, which hold nine tenths of the arithmetic: its outputs for
 * a batch, and its weights' step as the engine makes it with this library. The libraries take
 * turns, so that whatever else the machine does slows all of them down.
 *
 * @returns FLOP/s of one thread by library, from the best time of each product.
 */
export async function measureGemm(libraries: readonly GemmLibrary[]): Promise<number[]> {
  const [inputs, outputs] = MLP_1 as readonly number[] as [number, number];
  const pixels = 4 * outputs * inputs;
  const hidden = pixels + 4 * ROWS * inputs;
  const gradient = hidden + 4 * ROWS * outputs;
  const memory = new WebAssembly.Memory({ initial: Math.ceil((gradient + pixels) / 65_536) });
  // Numbers that vary, as a processor's clock depends on them.
  const values = new Float32Array(memory.buffer);
  for (let i = 0; i < values.length; i++) values[i] = ((i * 37) % 64 - 31.5) / 64;
  const products = libraries.map((library) => {
    const gemm = library.bind(memory);
    return [
      () => gemm("NT", outputs, ROWS, inputs, 0, pixels, hidden),
      library.accumulates
        ? () => gemm("NN", outputs, inputs, ROWS, hidden, pixels, 0, 1, -1e-6)
        : () => gemm("NN", outputs, inputs, ROWS, hidden, pixels, gradient),
    ];
  });
  const best = products.map((own) => own.map(() => Infinity));
  const start = performance.now();
  for (let round = 0; round < 2 || performance.now() - start < PATIENCE; round++) {
    for (const [index, own] of products.entries()) {
      for (const [which, multiply] of own.entries()) {
        const elapsed = startTimer();
        const pending = multiply();
        if (pending) await pending;
        best[index]![which] = Math.min(best[index]![which]!, elapsed());
      }
    }
  }
  const flop = 2 * 2 * outputs * ROWS * inputs;
  return best.map(([forward, step]) => 1000 * flop / (forward! + step!));
}

/**
 * Milliseconds since the call: of this process alone where that is less, as others want the cores
 * too. Windows counts a process's time in steps of 16 ms, longer than a product takes.
 */
function startTimer(): () => number {
  const time = performance.now();
  const used = process.cpuUsage();
  return () => {
    const wall = performance.now() - time;
    const { user, system } = process.cpuUsage(used);
    return Deno.build.os === "windows" ? wall : Math.min(wall, (user + system) / 1000);
  };
}
