/**
 * WGSL of a batched matrix product with what comes after it: the work of training on WebGPU.
 *
 * TensorFlow.js's own WebGPU product is no base for a stack: beyond the last row of the inner
 * dimension it multiplies the next network's numbers by 0, so that one that diverged (NaN) spoils
 * its neighbour; its tiles of 32 x 32 read twice as much as they compute with; and operands with the
 * inner dimension last, as PyTorch stores weights, take its slow path. Here a thread holds up to
 * 8 x 8 sums, both operands are staged through workgroup memory with the inner dimension first, and
 * the next tile is loaded while this one is used. Loops are unrolled and sums are named variables,
 * since bounds checks on indexed ones cost more than the arithmetic.
 *
 * Every sum runs over the inner dimension in order, so results do not depend on the tile.
 *
 * @module
 */

import {
  type Epilogue,
  type Operand,
  range,
  readFunction,
  writeFunction,
} from "~/lib/engine/tensorflow/webgpu/product_access.ts";

/**
 * Sizes of a workgroup's tile and of a thread's part of it: powers of two, a thread's 4 at least, with
 * 8 threads at least along rows and columns.
 */
export interface Tile {
  /** Rows of the result, a workgroup. */
  readonly rows: number;
  /** Columns of the result, a workgroup. */
  readonly columns: number;
  /** Rows of the result, a thread. */
  readonly threadRows: number;
  /** Columns of the result, a thread. */
  readonly threadColumns: number;
}

/** One variant of the product. */
export interface ProductVariant {
  /** How the result is cut. */
  readonly tile: Tile;
  /** The left operand. */
  readonly a: Operand;
  /** The right operand. */
  readonly b: Operand;
  /** What becomes of the sums. */
  readonly epilogue: Epilogue;
  /** Whether the result is stored four numbers at a time. */
  readonly vectorResult: boolean;
}

/** Inner dimension of a tile: 16 steps between two barriers. */
const INNER = 16;

/** Threads of a workgroup. */
export function countThreads({ rows, columns, threadRows, threadColumns }: Tile): number {
  return (rows / threadRows) * (columns / threadColumns);
}

/** The program's own part; names of buffers and uniforms are those of `product.ts`. */
export function productShader(variant: ProductVariant): string {
  const { tile, a, b } = variant;
  const threads = countThreads(tile);
  const across = tile.columns / tile.threadColumns;
  const down = tile.rows / tile.threadRows;
  const blocksA = tile.rows * INNER / 16;
  const blocks = blocksA + tile.columns * INNER / 16;
  const slots = range(Math.ceil(blocks / threads));
  const rowGroups = range(tile.threadRows / 4);
  const columnGroups = range(tile.threadColumns / 4);
  // A thread's sums: rows of `4 down` and columns of `4 across` apart, so that neighbours store side by side.
  const sums = rowGroups.flatMap((g) =>
    range(4).flatMap((i) => columnGroups.map((h) => ({ g, i, h, name: `sum${g}${i}${h}` })))
  );
  return `
var<workgroup> tileA : array<array<vec4<f32>, ${tile.rows / 4}>, ${INNER}>;
var<workgroup> tileB : array<array<vec4<f32>, ${tile.columns / 4}>, ${INNER}>;
${readFunction("A", a)}
${readFunction("B", b)}
${writeFunction(variant.epilogue, variant.vectorResult)}
fn main() {
  let thread = i32(localIndex);
  let network = i32(workgroupId.z);
  let firstRow = i32(workgroupId.y) * ${tile.rows};
  let firstColumn = i32(workgroupId.x) * ${tile.columns};
  ${range(INNER / 4).map((q) => `let right${q} = (thread % ${across}) ^ ${2 * q};`).join(" ")}
  ${range(INNER / 4).map((q) => `let below${q} = (thread / ${across}) ^ ${2 * q};`).join(" ")}
  ${sums.map(({ name }) => `var ${name} = vec4<f32>(0.0);`).join("\n  ")}
  ${
    slots.map((s) => range(4).map((i) => `var next${s}${i} = vec4<f32>(0.0);`).join(" ")).join("\n")
  }
  let steps = (uniforms.inner + ${INNER - 1}) / ${INNER};
  for (var step = -1; step < steps; step++) {
    // Round -1 only loads; each other round computes on one tile while it loads the next.
    if (step >= 0) {
      ${slots.map((s) => storeBlock(s, variant, blocksA, blocks, threads)).join("\n")}
    }
    workgroupBarrier();
    let firstInner = (step + 1) * ${INNER};
    ${slots.map((s) => loadBlock(s, variant, blocksA, blocks, threads)).join("\n")}
    if (step >= 0) {
      ${
    range(INNER).map((k) =>
      `{
      ${
        rowGroups.map((g) => `let a${g} = tileA[${k}][${g * down} + below${k >> 2}];`)
          .join(
            " ",
          )
      }
      ${
        columnGroups.map((h) => `let b${h} = tileB[${k}][${h * across} + right${k >> 2}];`)
          .join(" ")
      }
      ${
        sums.map(({ g, i, h, name }) => `${name} = fma(vec4<f32>(a${g}[${i}]), b${h}, ${name});`)
          .join("\n      ")
      }
      }`
    ).join("\n      ")
  }
    }
    workgroupBarrier();
  }
  ${
    sums.map(({ g, i, h, name }) =>
      `write(network, firstRow + ${4 * g * down + i} + below0 * 4, firstColumn + ${
        4 * h * across
      } + right0 * 4, ${name});`
    ).join("\n  ")
  }
}`;
}

/**
 * Which 4 x 4 block of the tile a slot holds: neighbours read side by side from memory.
 *
 * In the tile, columns of vectors are exchanged by `o ^ 2 k`: eight neighbours write to different
 * banks of workgroup memory whichever dimension they run along.
 */
function blockPlace(operand: Operand, outer: number): string {
  const [along, across] = operand.innerLast ? ["k", "o"] : ["o", "k"];
  const size = operand.innerLast ? INNER / 4 : outer / 4;
  // Sizes are powers of two; WGSL's division checks for more than a shift does.
  return `let ${along} = block & ${size - 1}; let ${across} = block >> ${Math.log2(size)}u;`;
}

function loadBlock(
  slot: number,
  { tile, a, b }: ProductVariant,
  blocksA: number,
  blocks: number,
  threads: number,
): string {
  const load = (name: "A" | "B", operand: Operand, outer: number, first: string): string =>
    blockPlace(operand, outer) +
    range(4).map((i) =>
      operand.innerLast
        ? `next${slot}${i} = read${name}(network, ${first} + o * 4 + ${i}, firstInner + k * 4);`
        : `next${slot}${i} = read${name}(network, firstInner + k * 4 + ${i}, ${first} + o * 4);`
    ).join(" ");
  return `{
      let block = thread + ${slot * threads};
      if (block < ${blocksA}) { ${load("A", a, tile.rows, "firstRow")} }
      else if (block < ${blocks}) { let blockB = block - ${blocksA}; {
        let block = blockB; ${load("B", b, tile.columns, "firstColumn")} } }
    }`;
}

function storeBlock(
  slot: number,
  { tile, a, b }: ProductVariant,
  blocksA: number,
  blocks: number,
  threads: number,
): string {
  const store = (name: "A" | "B", operand: Operand, outer: number): string =>
    blockPlace(operand, outer) +
    range(4).map((i) => {
      const value = operand.innerLast
        ? `vec4<f32>(${range(4).map((j) => `next${slot}${j}[${i}]`).join(", ")})`
        : `next${slot}${i}`;
      return `tile${name}[k * 4 + ${i}][o ^ (2 * k)] = ${value};`;
    }).join(" ");
  return `{
        let block = thread + ${slot * threads};
        if (block < ${blocksA}) { ${store("A", a, tile.rows)} }
        else if (block < ${blocks}) { let blockB = block - ${blocksA}; {
          let block = blockB; ${store("B", b, tile.columns)} } }
      }`;
}
