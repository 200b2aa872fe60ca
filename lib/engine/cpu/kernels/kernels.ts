/**
 * The SIMD kernels on a memory: types of what assembly/kernels.ts exports.
 *
 * @module
 */

/** Byte offset into the kernels' memory. */
export type Offset = number;

/** See assembly/kernels.ts for what each computes. */
export interface Kernels {
  bytesToFloats(bytes: Offset, out: Offset, length: number): void;
  addBiasToRows(z: Offset, bias: Offset, rows: number, units: number): void;
  addBiasRelu(z: Offset, bias: Offset, units: number, rows: number): void;
  maskAndSum(
    d: Offset,
    h: Offset,
    biasGradient: Offset,
    units: number,
    rows: number,
    accumulate: boolean,
  ): void;
  sgdStep(w: Offset, g: Offset, length: number, learningRate: number): void;
  adagradStep(w: Offset, g: Offset, a: Offset, length: number, learningRate: number): void;
  addScaled(x: Offset, y: Offset, out: Offset, length: number, scale: number): void;
  addScaledRelu(x: Offset, y: Offset, out: Offset, length: number, scale: number): void;
  logitStatistics(
    logits: Offset,
    statistics: Offset,
    classes: number,
    rows: number,
    block: number,
    epsilon: number,
  ): void;
  correctRows(): number;
  crossEntropy(
    logits: Offset,
    labels: Offset,
    statistics: Offset,
    scratch: Offset,
    classes: number,
    rows: number,
    block: number,
  ): number;
  crossEntropyGradient(
    logits: Offset,
    d: Offset,
    labels: Offset,
    statistics: Offset,
    scratch: Offset,
    classes: number,
    rows: number,
    block: number,
  ): number;
}

/** First byte that the kernels' own tables (of exp and log) leave free. */
export const FREE_BYTES_FROM = 65_536;

/** Instantiates the kernels on a memory. */
export function openKernels(memory: WebAssembly.Memory): Kernels {
  module ??= new WebAssembly.Module(
    Deno.readFileSync(new URL("./kernels.wasm", import.meta.url)),
  );
  const instance = new WebAssembly.Instance(module, {
    env: { memory, abort: () => {} },
  });
  return instance.exports as unknown as Kernels;
}

// Compiled once a thread; it holds no state.
let module: WebAssembly.Module | undefined;
