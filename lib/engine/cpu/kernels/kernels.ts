/**
 * The SIMD kernels on a memory; the files of assembly/ say what each computes.
 *
 * @module
 */
import type { Kernels } from "~/lib/engine/cpu/kernels/signatures.d.ts";

export type { Kernels };

/** First byte that the kernels' own tables (of exp and log) leave free. */
export const FREE_BYTES_FROM = 65_536;

/** Compiled once a thread; it holds no state. */
let module: WebAssembly.Module | undefined;

export function openKernels(memory: WebAssembly.Memory): Kernels {
  module ??= new WebAssembly.Module(Deno.readFileSync(new URL("./kernels.wasm", import.meta.url)));
  const instance = new WebAssembly.Instance(module, { env: { memory, abort: () => {} } });
  return instance.exports as unknown as Kernels;
}

/** An optimizer's update: see assembly/steps.ts. */
export type StepKernel = (
  w: number,
  g: number,
  s: number,
  length: number,
  stride: number,
  ...coefficients: readonly number[]
) => void;

/** Arguments of a `StepKernel` before its coefficients. */
const STEP_ARGUMENTS = 5;

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
