/**
 * One launch of a WebGPU kernel whose buffers and uniforms have names.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Launcher } from "~/lib/engine/tensorflow/webgpu/launcher.ts";

/** A kernel and what it runs on. */
export interface Launch {
  /** Names the kernel: one name, one code. */
  readonly name: string;
  /** WGSL with `fn main()`; sees `result`, the inputs and uniforms by name, `localIndex`, `workgroupId`, `globalId`. */
  readonly code: string;
  /** Buffers to read, by name. */
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  /** Shape of the result, a new tensor ... */
  readonly output?: readonly number[];
  /** ... or the tensor that `result` is; not one of the inputs. */
  readonly target?: TensorInfo;
  /** Numbers by name; i32 but for those in `floats`. */
  readonly uniforms: Readonly<Record<string, number>>;
  /** Uniforms that are f32. */
  readonly floats?: readonly string[];
  /** Threads of a workgroup. */
  readonly threads: number;
  /** Workgroups along x and y. */
  readonly workgroups: readonly [number, number];
  /** Whether buffers are read and written four numbers at a time. */
  readonly vector?: boolean;
  /** Inputs that are read one by one although the others are not. */
  readonly single?: readonly string[];
}

/** Enqueues a launch; returns the target or a new tensor, which the caller must dispose of. */
export function launch(launcher: Launcher, options: Launch): TensorInfo {
  const { name, code, inputs, target, uniforms, floats = [], vector = false, single = [] } =
    options;
  const names = Object.keys(inputs);
  const type = (uniform: string): "f32" | "i32" => floats.includes(uniform) ? "f32" : "i32";
  const program = {
    variableNames: names,
    variableComponents: names.map((input) => vector && !single.includes(input) ? 4 : 1),
    outputComponent: vector ? 4 : 1,
    outputShape: [...(target?.shape ?? options.output!)],
    uniforms: Object.keys(uniforms).map((uniform) => `${uniform} : ${type(uniform)}, `).join(""),
    // x and y, so that TensorFlow.js leaves indices to the kernel.
    dispatchLayout: { x: [0], y: [1] },
    dispatch: [...options.workgroups, 1] as [number, number, number],
    workgroupSize: [options.threads, 1, 1] as [number, number, number],
    shaderKey: `stack ${name} ${vector}`,
    getUserCode: () => code,
  };
  return launcher.run(
    program,
    Object.values(inputs),
    Object.entries(uniforms).map(([uniform, value]) => ({
      type: type(uniform) === "f32" ? "float32" : "int32",
      data: [value],
    })),
    target,
  );
}
