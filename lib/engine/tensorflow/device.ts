/**
 * The device below TensorFlow.js: what it can hold, when it is done.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Operations } from "~/lib/engine/tensorflow/operations.ts";

/** A backend in use. */
export interface Device {
  /** Name and version of what computes. */
  readonly library: string;
  /** Largest tensor, in bytes. */
  readonly tensorBytes: number;
  readonly operations: Operations;
  /** tf.tidy on this backend: it may have been changed by somebody else since the last await. */
  tidy<T>(work: () => T): T;
  /** Resolves once the device has done all that was asked so far. */
  settle(): Promise<void>;
  /** Starts what was asked so far; memory of disposed tensors can be used again. */
  flush(): void;
  /** Gives the memory of disposed tensors back; the WebGPU backend would keep it for ever. */
  trim(): void;
  /** Throws what the device has reported, which TensorFlow.js would pass over. */
  check(): void;
}

/** TensorFlow addresses tensors with 32 bits. */
export const TENSOR_BYTES = 2 ** 31 - 4;

/**
 * A device on a backend of TensorFlow.js's that has started.
 *
 * @param backend Its name there.
 * @param parts What differs from a backend that computes at once.
 */
export function makeDevice(
  backend: string,
  parts: Partial<Device> & Pick<Device, "library" | "operations">,
): Device {
  return {
    tensorBytes: TENSOR_BYTES,
    tidy<T>(work: () => T): T {
      // With a backend that has started, this takes effect before it returns its promise.
      if (tf.getBackend() !== backend) void tf.setBackend(backend);
      // TensorFlow.js finds tensors in plain objects and arrays, whatever their declared type.
      return tf.tidy(work as () => tf.TensorContainer) as T;
    },
    settle: () => new Promise((resolve) => setTimeout(resolve, 0)),
    flush(): void {},
    trim(): void {},
    check(): void {},
    ...parts,
  };
}

/** Bytes of temporary tensors that make a piece of work large. */
const LARGE_PIECE = 2 ** 28;

/** Milliseconds of pieces that hide a wait for the device, which takes Deno 10 at least. */
const LONG_WORK = 50;

/**
 * Bounds how far the host runs ahead of the device, and with it the memory of what is queued.
 *
 * WebGPU frees a tensor when the commands that use it are submitted, every 15 launches: after a
 * large piece that is done at once. Small pieces are counted up to what hides the wait.
 *
 * @param bytes Temporary tensors of a piece.
 * @returns A function to await after each piece; events and signals are seen there.
 */
export function keepPace(device: Device, bytes: number): () => Promise<void> {
  const isLarge = bytes > LARGE_PIECE;
  let pieces = isLarge ? 4 : 16;
  let done = 0;
  let begun = performance.now();
  let ahead: Promise<void> = Promise.resolve();
  return async (): Promise<void> => {
    if (isLarge) device.flush();
    if (++done < pieces) return;
    await ahead;
    device.check();
    ahead = device.settle();
    const now = performance.now();
    if (!isLarge && now - begun < LONG_WORK) pieces *= 2;
    begun = now;
    done = 0;
  };
}
