/**
 * Launches of WebGPU kernels through TensorFlow.js's backend, and recorded launches once more.
 *
 * A launch through the backend costs the host 75 us or more: tensors, uniforms, bind groups. A
 * recorded one is a pipeline, a bind group and a number of workgroups, which is all that WebGPU
 * needs: 2 us (measured with Deno on 2 cores, where the former is 95).
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { Steps } from "~/lib/engine/tensorflow/operations.ts";

/** A kernel and what it runs on. */
export interface Kernel {
  /** One name, one code. */
  readonly name: string;
  /** WGSL with `fn main()`; sees `result`, inputs and `uniforms` by name, and TensorFlow.js's indices. */
  readonly code: () => string;
  /** Tensors to read, by name; undefined ones are left out. */
  readonly inputs: Readonly<Record<string, tf.Tensor | undefined>>;
  /** The tensor to write, none of the inputs, or the shape of a new one. */
  readonly result: tf.Tensor | readonly number[];
  /** Integers, by name. */
  readonly uniforms: Readonly<Record<string, number>>;
  /** Threads of a workgroup, and workgroups along x, y and z. */
  readonly threads: number;
  readonly workgroups: readonly [number, number, number];
  /** Names of the tensors, or "result", that are accessed four numbers at a time. */
  readonly vectors?: readonly string[];
}

/** Enqueues a kernel; returns what it writes. */
export type Launch = (kernel: Kernel) => tf.Tensor;

/** Launches to be enqueued again, on the same tensors, and what frees what they hold. */
interface Recording {
  readonly launches: ((pass: GPUComputePassEncoder) => void)[];
  readonly releases: (() => void)[];
}

type Program = Parameters<WebGPUBackend["runWebGPUProgram"]>[0];

/** What TensorFlow.js 4.22 keeps to itself. */
interface Internals {
  readonly uniformPendingDisposal: GPUBuffer[];
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  dispatchCountInPass: number;
  tensorToBinding(tensor: tf.Tensor): GPUBufferBinding;
}

/** After so many launches the backend submits them. */
const SUBMIT = "WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE";
/** Replayed launches of a submission: a few small steps, so that no driver takes it for a hang. */
const REPLAYED = 128;

export function createLauncher(
  backend: WebGPUBackend,
): { readonly launch: Launch; readonly openSteps: () => Steps } {
  const internals = backend as unknown as Internals;
  let recording: Recording | undefined;

  function launch(kernel: Kernel): tf.Tensor {
    const { result, uniforms, vectors = [] } = kernel;
    const target = "shape" in result ? result : undefined;
    const inputs = Object.entries(kernel.inputs).filter((input): input is [string, tf.Tensor] =>
      input[1] !== undefined
    );
    const components = (name: string): number => vectors.includes(name) ? 4 : 1;
    const program: Program = {
      variableNames: inputs.map(([name]) => name),
      variableComponents: inputs.map(([name]) => components(name)),
      outputComponent: components("result"),
      outputShape: [...(target?.shape ?? result as readonly number[])],
      uniforms: Object.keys(uniforms).map((name) => `${name} : i32, `).join(""),
      // x and y, so that TensorFlow.js leaves indices to the kernel.
      dispatchLayout: { x: [0], y: [1] },
      dispatch: [...kernel.workgroups],
      workgroupSize: [kernel.threads, 1, 1],
      shaderKey: `stack ${kernel.name} ${vectors}`,
      getUserCode: kernel.code,
    };
    const tensors = inputs.map(([, tensor]) => tensor);
    const values = Object.values(uniforms).map((value) => ({ type: "int32", data: [value] }));
    const info = backend.runWebGPUProgram(program, tensors, "float32", values, target);
    const written = target ?? tf.engine().makeTensorFromTensorInfo(info, backend);
    if (recording) {
      keep(recording, program, [written, ...tensors]);
      const held = target ? undefined : tf.keep(tf.clone(written));
      recording.releases.push(() => held?.dispose());
    }
    return written;
  }

  /** Keeps a launch; the backend's own bind group is out of reach, and its uniforms are written anew. */
  function keep({ launches, releases }: Recording, program: Program, bound: tf.Tensor[]): void {
    const buffer = internals.uniformPendingDisposal.pop()!;
    releases.push(() => backend.bufferManager.releaseBuffer(buffer));
    const pipeline = program.pipeline as GPUComputePipeline;
    const resources = [...bound.map((tensor) => internals.tensorToBinding(tensor)), { buffer }];
    const group = backend.device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: resources.map((resource, binding) => ({ binding, resource })),
    });
    const [x, y, z] = program.dispatch;
    launches.push((pass) => {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(x, y, z);
    });
  }

  function record(work: () => void): Recording {
    const made: Recording = { launches: [], releases: [] };
    const before = tf.env().getNumber(SUBMIT);
    // A submission would take the uniforms back.
    tf.env().set(SUBMIT, Infinity);
    recording = made;
    try {
      work();
    } catch (error) {
      made.releases.forEach((release) => release());
      throw error;
    } finally {
      recording = undefined;
      tf.env().set(SUBMIT, before);
    }
    return made;
  }

  function replay({ launches }: Recording): void {
    backend.ensureCommandEncoderReady();
    const pass = internals.computePassEncoder ??= internals.commandEncoder!.beginComputePass();
    for (const enqueue of launches) enqueue(pass);
    internals.dispatchCountInPass += launches.length;
    if (internals.dispatchCountInPass < REPLAYED) return;
    backend.endComputePassEncoder();
    backend.submitQueue();
  }

  function openSteps(): Steps {
    const cursor = tf.keep(tf.tensor1d([0, 0], "int32"));
    const recordings = new Map<number, Recording>();
    const move = (name: string, code: string, uniforms: Kernel["uniforms"]): void => {
      const workgroups = [1, 1, 1] as const;
      const main = (): string => `fn main() { ${code} }`;
      launch({ name, code: main, inputs: {}, result: cursor, uniforms, threads: 1, workgroups });
    };
    return {
      cursor,
      // From a uniform, as WebGPU refuses the buffer of uniforms that a kernel does not read.
      rewind: () => move("rewind", "result[0] = uniforms.start; result[1] = 0;", { start: 0 }),
      take(rows, work): void {
        const known = recordings.get(rows);
        if (known) return replay(known);
        recordings.set(
          rows,
          record(() => {
            work();
            move("advance", "result[0] += uniforms.rows; result[1] += 1;", { rows });
          }),
        );
      },
      dispose(): void {
        for (const { releases } of recordings.values()) releases.forEach((release) => release());
        recordings.clear();
        cursor.dispose();
      },
    };
  }

  return { launch, openSteps };
}
