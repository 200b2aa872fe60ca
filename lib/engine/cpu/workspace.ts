/**
 * One thread's memory: where parameters, activations and gradients of a network lie.
 *
 * @module
 */
import type { Gemm, GemmLibrary } from "~/lib/engine/cpu/gemm/gemm_library.ts";
import { FREE_BYTES_FROM, type Kernels, openKernels } from "~/lib/engine/cpu/kernels/kernels.ts";
import { countParameters, type Layer, type LayerSizes, layoutLayers } from "~/lib/model.ts";

/**
 * Rows that are worked on at once. A block's activations stay in a core's cache, and every block of
 * a split is the same product, so that results do not depend on who computes it.
 */
export const BLOCK = 512;

export interface Workspace {
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  /** Whether the library updates C in place (beta = 1) without a loss of speed. */
  readonly accumulates: boolean;
  /** Bound to the memory as it is now. */
  gemm: Gemm;
  reserve(bytes: number): void;
  /** A view of `length` numbers from a byte offset on, until the memory grows. */
  floats(at: number, length: number): Float32Array;
}

export function openWorkspace(library: GemmLibrary): Workspace {
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 65_536 });
  const workspace: Workspace = {
    memory,
    kernels: openKernels(memory),
    accumulates: library.accumulates,
    gemm: library.bind(memory),
    reserve(bytes): void {
      const missing = bytes - memory.buffer.byteLength;
      if (missing <= 0) return;
      memory.grow(Math.ceil(missing / 65_536));
      // Growing may move the memory.
      workspace.gemm = library.bind(memory);
    },
    floats: (at, length) => new Float32Array(memory.buffer, at, length),
  };
  return workspace;
}

/** Gives out a workspace's memory, one array after the other. */
export interface Allocator {
  /** Byte offset of an array of so many bytes. */
  allocate(bytes: number): number;
  /** First free byte behind all arrays. */
  readonly end: number;
}

/**
 * Bytes left free between arrays. Arrays of a multiple of 4 KiB would else lie a multiple of 4 KiB
 * apart, and a processor that compares the low 12 bits of addresses makes the loads from one wait
 * for the stores to the other.
 */
const GAP = 21 * 64;

/** Opens one that has given out nothing; arrays begin with a cache line. */
export function openAllocator(): Allocator {
  let end = FREE_BYTES_FROM;
  return {
    allocate(bytes): number {
      const offset = end;
      end += Math.ceil(bytes / 64) * 64 + GAP;
      return offset;
    },
    get end(): number {
      return end;
    },
  };
}

/** Byte offsets of what belongs to the logits of some rows. */
export interface LogitLayout {
  readonly classes: number;
  /** [rows] bytes. */
  readonly labels: number;
  /** float64: means, then inverse deviations, [2 * classes]; and [7 * classes + 6]. */
  readonly statistics: number;
  readonly scratch: number;
}

export function layOutLogits({ allocate }: Allocator, classes: number, rows: number): LogitLayout {
  return {
    classes,
    labels: allocate(rows),
    statistics: allocate(16 * classes),
    scratch: allocate(56 * classes + 48),
  };
}

/** Byte offsets of a network's pass, or of a vector's and its changes; arrays are [units, rows], by block. */
export interface PassLayout {
  /** [P]. */
  readonly parameters: number;
  /** Outputs of every layer for all rows, blocks of [units, BLOCK] one after the other. */
  readonly outputs: readonly number[];
  /** Gradient with respect to the logits, as `outputs`; of hidden layers for one block. */
  readonly deltas: readonly number[];
}

/** Byte offsets of a network's arrays. */
export interface Layout extends LogitLayout, PassLayout {
  readonly layers: readonly Layer[];
  /** [P]. */
  readonly gradient: number;
  /** [P] each, the same distance apart: the optimizer's state. */
  readonly slots: readonly number[];
  /** Pixels of one block as bytes and as floats, [BLOCK, inputs]. */
  readonly bytes: number;
  readonly pixels: number;
  /** What a vector's way through the pass needs. */
  readonly tangent: PassLayout | undefined;
  /** First free byte behind. */
  readonly end: number;
}

/** Lays out a network for batches of up to `rows` rows. */
export function layOut(
  sizes: LayerSizes,
  rows: number,
  { slots = 0, tangent = false }: { readonly slots?: number; readonly tangent?: boolean } = {},
): Layout {
  const allocator = openAllocator();
  const { allocate } = allocator;
  const layers = layoutLayers(sizes);
  const parameterBytes = 4 * countParameters(sizes);
  const block = Math.min(BLOCK, rows);
  const layOutPass = (): PassLayout => ({
    parameters: allocate(parameterBytes),
    outputs: layers.map(({ outputs }) => allocate(4 * rows * outputs)),
    deltas: layers.map(({ outputs }, l) =>
      allocate(4 * outputs * (l === layers.length - 1 ? rows : block))
    ),
  });
  return {
    layers,
    ...layOutPass(),
    gradient: allocate(parameterBytes),
    slots: Array.from({ length: slots }, () => allocate(parameterBytes)),
    bytes: allocate(block * sizes[0]!),
    pixels: allocate(4 * block * sizes[0]!),
    ...layOutLogits(allocator, sizes.at(-1)!, rows),
    tangent: tangent ? layOutPass() : undefined,
    end: allocator.end,
  };
}

/** Byte offset of the block that begins at row `start` in an array of `units` values a row. */
export function blockOffset(array: number, units: number, start: number): number {
  return array + 4 * units * start;
}
