/**
 * Enqueues kernels through TensorFlow.js's WebGPU backend, and what was recorded again.
 *
 * A launch through the backend costs the host 75 us or more: tensors, uniforms, bind groups. A
 * recorded one is a pipeline, a bind group and a number of workgroups, which is all that WebGPU
 * needs: 2 us (measured with Deno on 2 cores, where the former is 95).
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";

/** A kernel as the backend takes it. */
export type Program = Parameters<WebGPUBackend["runWebGPUProgram"]>[0];

/** A value of a kernel's own uniforms. */
export type Uniform = NonNullable<Parameters<WebGPUBackend["runWebGPUProgram"]>[3]>[number];

/** What kernels are enqueued with. */
export interface Launcher {
  /** Enqueues a kernel; returns the target or a new float32 tensor, which the caller must dispose of. */
  run(
    program: Program,
    inputs: readonly tf.TensorInfo[],
    uniforms: readonly Uniform[],
    target?: tf.TensorInfo,
  ): tf.TensorInfo;
  /** Disposes of what `run` made. */
  dispose(info: tf.TensorInfo): void;
  /** Enqueues what `work` runs and keeps it; tensors that are made meanwhile live as long. */
  record(work: () => void): Recording;
}

/** Launches to be enqueued again, on the same tensors. */
export interface Recording {
  /** Enqueues all of them. */
  replay(): void;
  /** Frees the tensors that were made; call before those that were given are disposed of. */
  dispose(): void;
}

/** One launch. */
interface Command {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
}

/** What a recording holds. */
interface Recorded {
  readonly commands: Command[];
  readonly uniforms: GPUBuffer[];
  readonly tensors: tf.Tensor[];
}

/** What TensorFlow.js 4.22 keeps to itself. */
interface Internals {
  readonly uniformPendingDisposal: GPUBuffer[];
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  dispatchCountInPass: number;
  tensorToBinding(tensor: tf.TensorInfo): GPUBufferBinding;
}

/** After so many launches the backend submits them. */
const SUBMIT = "WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE";

/** Replayed launches of a submission: a few small steps, so that no driver takes it for a hang. */
const REPLAYED = 128;

/** A launcher on a backend. */
export function createLauncher(backend: WebGPUBackend): Launcher {
  const { device, bufferManager } = backend;
  const internals = backend as unknown as Internals;
  let recorded: Recorded | undefined;

  function keep({ commands, uniforms, tensors }: Recorded, launch: {
    readonly program: Program;
    readonly bound: readonly tf.TensorInfo[];
    readonly made: tf.TensorInfo | undefined;
  }): void {
    const { program, bound, made } = launch;
    // The backend's bind group is out of reach. Its uniforms would be written anew by the next launch.
    const buffer = internals.uniformPendingDisposal.pop()!;
    uniforms.push(buffer);
    const pipeline = program.pipeline as GPUComputePipeline;
    const resources = [...bound.map((tensor) => internals.tensorToBinding(tensor)), { buffer }];
    const group = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: resources.map((resource, binding) => ({ binding, resource })),
    });
    commands.push({ pipeline, group, workgroups: program.dispatch });
    if (made === undefined) return;
    backend.incRef(made.dataId);
    tensors.push(tf.keep(tf.engine().makeTensorFromTensorInfo(made, backend)));
  }

  function replay(commands: readonly Command[]): void {
    backend.ensureCommandEncoderReady();
    const pass = internals.computePassEncoder ??= internals.commandEncoder!.beginComputePass();
    for (const { pipeline, group, workgroups } of commands) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...workgroups);
    }
    internals.dispatchCountInPass += commands.length;
    if (internals.dispatchCountInPass < REPLAYED) return;
    backend.endComputePassEncoder();
    backend.submitQueue();
  }

  function release({ uniforms, tensors }: Recorded): void {
    for (const uniform of uniforms.splice(0)) bufferManager.releaseBuffer(uniform);
    tf.dispose(tensors.splice(0));
  }

  return {
    run(program, inputs, uniforms, target): tf.TensorInfo {
      const result = backend.runWebGPUProgram(
        program,
        [...inputs],
        "float32",
        [...uniforms],
        target,
      );
      if (recorded) {
        const made = target ? undefined : result;
        keep(recorded, { program, bound: [result, ...inputs], made });
      }
      return result;
    },
    dispose(info): void {
      backend.disposeData(info.dataId);
    },
    record(work): Recording {
      const own: Recorded = { commands: [], uniforms: [], tensors: [] };
      const before = tf.env().getNumber(SUBMIT);
      // A submission would take the uniforms back.
      tf.env().set(SUBMIT, Infinity);
      recorded = own;
      try {
        work();
      } catch (error) {
        release(own);
        throw error;
      } finally {
        recorded = undefined;
        tf.env().set(SUBMIT, before);
      }
      return { replay: () => replay(own.commands), dispose: () => release(own) };
    },
  };
}
