/**
 * The SIMD kernels on a memory: types of what assembly/ exports.
 *
 * @module
 */

/** Byte offset into the kernels' memory. */
export type Offset = number;

/** An optimizer's update; see assembly/steps.ts. */
export type StepKernel = (
  w: Offset,
  g: Offset,
  s: Offset,
  length: number,
  stride: number,
  ...coefficients: readonly number[]
) => void;

/** Arguments of a `StepKernel` before its coefficients. */
const STEP_ARGUMENTS = 5;

/** See the files of assembly/ for what each computes. */
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
  addScaled(x: Offset, y: Offset, out: Offset, length: number, scale: number): void;
  addScaledRelu(x: Offset, y: Offset, out: Offset, length: number, scale: number): void;
  addScaledUnits(
    x: Offset,
    y: Offset,
    out: Offset,
    rows: number,
    units: number,
    scales: Offset,
    shifts: Offset,
    relu: boolean,
  ): void;
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
  addBiasMasked(z: Offset, bias: Offset, h: Offset, units: number, rows: number): void;
  crossEntropyHessian(
    logits: Offset,
    tangents: Offset,
    d: Offset,
    out: Offset,
    labels: Offset,
    statistics: Offset,
    scratch: Offset,
    classes: number,
    rows: number,
    block: number,
  ): void;
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

/**
 * The kernel of an optimizer, by its name.
 *
 * @throws {RangeError} If there is none, or it takes another number of coefficients.
 */
export function findStep(kernels: Kernels, name: string, coefficients: number): StepKernel {
  const step = (kernels as unknown as Record<string, unknown>)[name];
  if (!name.endsWith("Step") || typeof step !== "function") {
    throw new RangeError(`Cannot train on the CPU as its kernels have no ${name}`);
  }
  if (step.length !== STEP_ARGUMENTS + coefficients) {
    throw new RangeError(
      `Cannot train on the CPU as ${name} takes ${step.length - STEP_ARGUMENTS} coefficients: ` +
        `current number is ${coefficients}`,
    );
  }
  return step as StepKernel;
}

// Compiled once a thread; it holds no state.
let module: WebAssembly.Module | undefined;
