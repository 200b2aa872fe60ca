/**
 * Batched matrix products on WebGPU, run through TensorFlow.js's backend.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Launcher } from "~/lib/engine/tensorflow/webgpu/launcher.ts";
import type { Epilogue, Operand } from "~/lib/engine/tensorflow/webgpu/product_access.ts";
import {
  countThreads,
  productShader,
  type Tile,
} from "~/lib/engine/tensorflow/webgpu/product_shader.ts";

/** A matrix of every network, or one that they share. */
export interface Matrix {
  /** [E, rows, columns], or with fewer or more rows where shared. */
  readonly tensor: TensorInfo;
  /** Rows as stored. */
  readonly rows: number;
  /** Columns as stored. */
  readonly columns: number;
  /** Whether all networks read the same one. */
  readonly shared: boolean;
  /** First row in `tensor`; 0 unless shared. */
  readonly first: number;
  /** Its first number is added to `first`, int32 [2]; at most one factor has it. */
  readonly cursor?: TensorInfo | undefined;
  /** Whether int32s hold four columns each, bytes 0..255 that count as 0..1. */
  readonly bytes: boolean;
}

/** A matrix and whether the dimension that the product sums over is its last. */
export interface Factor extends Matrix {
  /** Rows are the outer dimension, columns the inner one; else the other way round. */
  readonly innerLast: boolean;
}

/** A product A B: [E, rows, inner] x [E, inner, columns]. */
export interface Product {
  /** E. */
  readonly networks: number;
  /** Rows of the result. */
  readonly rows: number;
  /** Columns of the result. */
  readonly columns: number;
  /** Terms of each sum. */
  readonly inner: number;
  /** The left factor. */
  readonly a: Factor;
  /** The right factor. */
  readonly b: Factor;
  /** Added to every row, [E, 1, columns]. */
  readonly bias?: TensorInfo;
  /** The result is 0 where this one, of its shape, is not > 0. */
  readonly mask?: TensorInfo;
  /** Whether the result is 0 where it would be negative. */
  readonly relu?: boolean;
  /** Added to this one, of the result's shape, in place; `sign` times. */
  readonly target?: { readonly tensor: TensorInfo; readonly sign: 1 | -1 };
}

// One large enough that arithmetic outweighs memory, one for batches of up to 32, one for fewer
// workgroups, one for fewest.
const LARGE: Tile = { rows: 128, columns: 128, threadRows: 8, threadColumns: 8 };
const WIDE: Tile = { rows: 32, columns: 128, threadRows: 4, threadColumns: 8 };
const MEDIUM: Tile = { rows: 64, columns: 64, threadRows: 4, threadColumns: 4 };
const SMALL: Tile = { rows: 32, columns: 32, threadRows: 4, threadColumns: 4 };

/** Workgroups that keep a large GPU busy: one for each of the 132 multiprocessors of an H100. */
const ENOUGH_WORKGROUPS = 132;

/** Enqueues a product; the result is the target where there is one. */
export function runProduct(launcher: Launcher, product: Product): TensorInfo {
  const { networks, rows, columns, inner, a, b, bias, mask, target } = product;
  const tile = chooseTile(product);
  const operandA = describe(a);
  const operandB = describe(b);
  const vectorResult = columns % 4 === 0;
  const epilogue: Epilogue = {
    bias: bias !== undefined,
    then: target
      ? (target.sign === 1 ? "add" : "subtract")
      : mask
      ? "mask"
      : product.relu
      ? "relu"
      : "store",
  };
  const cursor = a.cursor ?? b.cursor;
  const optional = [
    ...(cursor ? [{ name: "cursor", tensor: cursor, components: 1 }] : []),
    ...(bias ? [{ name: "bias", tensor: bias, components: 1 }] : []),
    ...(mask ? [{ name: "mask", tensor: mask, components: vectorResult ? 4 : 1 }] : []),
  ];
  const program = {
    variableNames: ["A", "B", ...optional.map(({ name }) => name)],
    variableComponents: [
      components(operandA),
      components(operandB),
      ...optional.map(({ components }) => components),
    ],
    outputComponent: vectorResult ? 4 : 1,
    outputShape: [networks, rows, columns],
    uniforms: UNIFORMS.map((name) => `${name} : i32, `).join(""),
    dispatchLayout: { x: [2], y: [1], z: [0] },
    dispatch: [Math.ceil(columns / tile.columns), Math.ceil(rows / tile.rows), networks] as [
      number,
      number,
      number,
    ],
    workgroupSize: [countThreads(tile), 1, 1] as [number, number, number],
    shaderKey: `stackProduct ${JSON.stringify([tile, operandA, operandB, epilogue, vectorResult])}`,
    getUserCode: () => productShader({ tile, a: operandA, b: operandB, epilogue, vectorResult }),
  };
  const values = [
    ...[rows, columns, inner],
    ...[a, b].flatMap((matrix) => [
      matrix.rows,
      matrix.columns,
      matrix.first,
      matrix.shared ? 0 : matrix.rows,
    ]),
  ];
  return launcher.run(
    program,
    [a.tensor, b.tensor, ...optional.map(({ tensor }) => tensor)],
    values.map((value) => ({ type: "int32", data: [value] })),
    target?.tensor,
  );
}

/** In the order in which `runProduct` gives their values. */
const UNIFORMS = [
  ...["rows", "columns", "inner"],
  ...["A", "B"].flatMap((
    name,
  ) => [`rows${name}`, `columns${name}`, `first${name}`, `networks${name}`]),
];

/** The largest tile that leaves no multiprocessor idle. */
function chooseTile({ networks, rows, columns }: Product): Tile {
  const workgroups = (tile: Tile): number =>
    networks * Math.ceil(rows / tile.rows) * Math.ceil(columns / tile.columns);
  const candidates = rows > 64 ? [LARGE, MEDIUM] : rows > 32 ? [MEDIUM] : [WIDE];
  return candidates.find((tile) =>
    columns > tile.columns / 2 && workgroups(tile) >= ENOUGH_WORKGROUPS
  ) ??
    SMALL;
}

function describe({ innerLast, bytes, columns, cursor }: Factor): Operand {
  const access = bytes ? "bytes" : columns % 4 === 0 ? "vector" : "scalar";
  return { innerLast, access, hasCursor: cursor !== undefined };
}

function components({ access }: Operand): number {
  return access === "vector" ? 4 : 1;
}
