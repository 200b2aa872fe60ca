/**
 * Batched matrix products with what comes after them: the work of training on WebGPU.
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
import type { Tensor } from "@tensorflow/tfjs-core";
import { isImages, type LayerInput } from "~/lib/engine/tensorflow/operations.ts";
import type { Launch } from "~/lib/engine/tensorflow/webgpu/launcher.ts";

/** A product A B of every network, [E, rows, inner] x [E, inner, columns], and what follows it. */
interface Product {
  readonly a: LayerInput;
  readonly b: LayerInput;
  /** Whether A is stored as [E, inner, rows]. */
  readonly transposeA?: boolean;
  /** Whether B is stored as [E, columns, inner]. */
  readonly transposeB?: boolean;
  /** Added to every row, [E, 1, columns]. */
  readonly bias?: Tensor | undefined;
  /** The result is 0 where this one, of its shape, is not > 0. */
  readonly mask?: Tensor;
  /** Whether the result is 0 where it would be negative. */
  readonly relu?: boolean;
  /** What the product is added to in place. */
  readonly onto?: Tensor | undefined;
}

/** A matrix of every network as stored, or images, which all share. */
interface Operand {
  readonly tensor: Tensor;
  readonly rows: number;
  readonly columns: number;
  /** First row in the tensor, from the cursor's on where there is one. */
  readonly first: number;
  readonly cursor?: Tensor | undefined;
  /** Whether the inner dimension is the last in memory. */
  readonly innerLast: boolean;
  /** Four numbers a load, four bytes a load (pixels, 0..255 read as 0..1), or one number. */
  readonly access: "vector" | "bytes" | "scalar";
}

/**
 * Sizes of a workgroup's part of the result and of a thread's: powers of two, a thread's 4 at least,
 * with 8 threads at least along rows and columns.
 */
type Tile = Readonly<Record<"rows" | "columns" | "threadRows" | "threadColumns", number>>;

interface Variant {
  readonly tile: Tile;
  readonly a: Operand;
  readonly b: Operand;
  readonly hasBias: boolean;
  /** What becomes of sums: `relu`, 0 where `mask` <= 0, or added to what is stored there. */
  readonly then: "store" | "relu" | "mask" | "add";
  /** Whether the result is stored four numbers at a time. */
  readonly isVector: boolean;
}

// One large enough that arithmetic outweighs memory, one for batches of up to 32, one for fewer
// workgroups, one for fewest.
const LARGE: Tile = { rows: 128, columns: 128, threadRows: 8, threadColumns: 8 };
const WIDE: Tile = { rows: 32, columns: 128, threadRows: 4, threadColumns: 8 };
const MEDIUM: Tile = { rows: 64, columns: 64, threadRows: 4, threadColumns: 4 };
const SMALL: Tile = { rows: 32, columns: 32, threadRows: 4, threadColumns: 4 };

/** Workgroups that keep a large GPU busy: one for each of the 132 multiprocessors of an H100. */
const ENOUGH_WORKGROUPS = 132;

/** Inner dimension of a tile: 16 steps between two barriers. */
const INNER = 16;

/** Enqueues a product; returns the tensor that it is added to, or a new one. */
export function launchProduct(launch: Launch, product: Product): Tensor {
  const { bias, mask, onto, relu, transposeA = false, transposeB = false } = product;
  const a = operandOf(product.a, !transposeA);
  const b = operandOf(product.b, transposeB);
  const networks = (isImages(product.a) ? b : a).tensor.shape[0]!;
  const [rows, inner] = transposeA ? [a.columns, a.rows] : [a.rows, a.columns];
  const columns = transposeB ? b.rows : b.columns;
  const tile = chooseTile(networks, rows, columns);
  const isVector = columns % 4 === 0;
  const then = onto ? "add" : mask ? "mask" : relu ? "relu" : "store";
  const variant: Variant = { tile, a, b, hasBias: bias !== undefined, then, isVector };
  const kinds = [a, b].map(({ innerLast, access, cursor }) => [innerLast, access, !!cursor]);
  return launch({
    name: `product ${[Object.values(tile), kinds, variant.hasBias, then, isVector]}`,
    code: () => productCode(variant),
    inputs: { A: a.tensor, B: b.tensor, cursor: a.cursor ?? b.cursor, bias, mask },
    result: onto ?? [networks, rows, columns],
    uniforms: { rows, columns, inner, ...uniformsOf("A", a), ...uniformsOf("B", b) },
    threads: threadsOf(tile),
    workgroups: [Math.ceil(columns / tile.columns), Math.ceil(rows / tile.rows), networks],
    vectors: [
      ...(a.access === "vector" ? ["A"] : []),
      ...(b.access === "vector" ? ["B"] : []),
      ...(isVector ? ["mask", "result"] : []),
    ],
  });
}

function operandOf(input: LayerInput, innerLast: boolean): Operand {
  if (isImages(input)) {
    const { images: tensor, start: first, count: rows, width: columns, cursor } = input;
    return { tensor, rows, columns, first, cursor, innerLast, access: "bytes" };
  }
  const [, rows, columns] = input.shape as [number, number, number];
  const access = columns % 4 === 0 ? "vector" : "scalar";
  return { tensor: input, rows, columns, first: 0, innerLast, access };
}

function uniformsOf(name: "A" | "B", operand: Operand): Record<string, number> {
  const { access, rows, columns, first } = operand;
  const values = { rows, columns, first, step: access === "bytes" ? 0 : rows };
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key + name, value]));
}

/** The largest tile that leaves no multiprocessor idle. */
function chooseTile(networks: number, rows: number, columns: number): Tile {
  const candidates = rows > 64 ? [LARGE, MEDIUM] : rows > 32 ? [MEDIUM] : [WIDE];
  const isFull = (tile: Tile): boolean =>
    networks * Math.ceil(rows / tile.rows) * Math.ceil(columns / tile.columns) >=
      ENOUGH_WORKGROUPS;
  return candidates.find((tile) => columns > tile.columns / 2 && isFull(tile)) ?? SMALL;
}

function threadsOf({ rows, columns, threadRows, threadColumns }: Tile): number {
  return (rows / threadRows) * (columns / threadColumns);
}

function productCode(variant: Variant): string {
  const { tile } = variant;
  const across = tile.columns / tile.threadColumns;
  const down = tile.rows / tile.threadRows;
  const [rowGroups, columnGroups] = [tile.threadRows / 4, tile.threadColumns / 4];
  const slots = Math.ceil((tile.rows + tile.columns) * INNER / 16 / threadsOf(tile));
  // A thread's sums: rows of `4 down` and columns of `4 across` apart, so that neighbours store side by side.
  const sums = (line: (g: number, i: number, h: number) => string): string =>
    each(rowGroups, (g) => each(4, (i) => each(columnGroups, (h) => line(g, i, h))));
  const step = (k: number): string =>
    `{
    ${each(rowGroups, (g) => `let a${g} = tileA[${k}][${g * down} + below${k >> 2}];`)}
    ${each(columnGroups, (h) => `let b${h} = tileB[${k}][${h * across} + right${k >> 2}];`)}
    ${sums((g, i, h) => `sum${g}${i}${h} = fma(vec4<f32>(a${g}[${i}]), b${h}, sum${g}${i}${h});`)}
    }`;
  const write = (g: number, i: number, h: number): string =>
    `write(network, row + ${4 * g * down + i}, column + ${4 * h * across}, sum${g}${i}${h});`;
  return `
var<workgroup> tileA : array<array<vec4<f32>, ${tile.rows / 4}>, ${INNER}>;
var<workgroup> tileB : array<array<vec4<f32>, ${tile.columns / 4}>, ${INNER}>;
${readFunction("A", variant.a)}
${readFunction("B", variant.b)}
${writeFunction(variant)}
fn main() {
  let thread = i32(localIndex);
  let network = i32(workgroupId.z);
  let edgeA = i32(workgroupId.y) * ${tile.rows};
  let edgeB = i32(workgroupId.x) * ${tile.columns};
  ${each(INNER / 4, (q) => `let right${q} = (thread % ${across}) ^ ${2 * q};`)}
  ${each(INNER / 4, (q) => `let below${q} = (thread / ${across}) ^ ${2 * q};`)}
  ${sums((g, i, h) => `var sum${g}${i}${h} = vec4<f32>(0.0);`)}
  ${each(slots, (s) => each(4, (i) => `var next${s}${i} = vec4<f32>(0.0);`))}
  let steps = (uniforms.inner + ${INNER - 1}) / ${INNER};
  for (var step = -1; step < steps; step++) {
    // Round -1 only loads; each other round computes on one tile while it loads the next.
    if (step >= 0) {
      ${each(slots, (s) => atBlock(variant, s, storeVector))}
    }
    workgroupBarrier();
    let firstInner = (step + 1) * ${INNER};
    ${each(slots, (s) => atBlock(variant, s, loadVector))}
    if (step >= 0) {
      ${each(INNER, step)}
    }
    workgroupBarrier();
  }
  let row = edgeA + below0 * 4;
  let column = edgeB + right0 * 4;
  ${sums(write)}
}`;
}

/** Code for vector i of a 4 x 4 block of an operand. */
type VectorCode = (slot: number, i: number, name: "A" | "B", operand: Operand) => string;

/** Code for the 4 x 4 block of the tile that a slot holds: neighbours read side by side from memory. */
function atBlock({ tile, a, b }: Variant, slot: number, code: VectorCode): string {
  const at = (name: "A" | "B", operand: Operand, outer: number): string => {
    const [along, across] = operand.innerLast ? ["k", "o"] : ["o", "k"];
    const size = operand.innerLast ? INNER / 4 : outer / 4;
    // Sizes are powers of two; WGSL's division checks for more than a shift does.
    return `let ${along} = block & ${size - 1}; let ${across} = block >> ${Math.log2(size)}u;
      ${each(4, (i) => code(slot, i, name, operand))}`;
  };
  const blocksA = tile.rows * INNER / 16;
  const blocks = blocksA + tile.columns * INNER / 16;
  return `{
    let place = thread + ${slot * threadsOf(tile)};
    if (place < ${blocksA}) { let block = place; ${at("A", a, tile.rows)} }
    else if (place < ${blocks}) { let block = place - ${blocksA}; ${at("B", b, tile.columns)} }
  }`;
}

const loadVector: VectorCode = (slot, i, name, { innerLast }) => {
  const [outer, inner] = [`edge${name} + o * 4`, "firstInner + k * 4"];
  const at = innerLast ? `${outer} + ${i}, ${inner}` : `${inner} + ${i}, ${outer}`;
  return `next${slot}${i} = read${name}(network, ${at});`;
};

/**
 * In the tile, columns of vectors are exchanged by `o ^ 2 k`: eight neighbours write to different
 * banks of workgroup memory whichever dimension they run along.
 */
const storeVector: VectorCode = (slot, i, name, { innerLast }) => {
  const turned = `vec4<f32>(${each(4, (j) => `next${slot}${j}[${i}]`, ", ")})`;
  return `tile${name}[k * 4 + ${i}][o ^ (2 * k)] = ${innerLast ? turned : `next${slot}${i}`};`;
};

/** Four numbers of a stored row, 0 outside of the matrix. */
function readFunction(name: "A" | "B", { access, cursor }: Operand): string {
  const columns = `uniforms.columns${name}`;
  const body = {
    vector: `return ${name}[(stored * ${columns} + column) >> 2u];`,
    bytes: `let word = stored * ((${columns} + 3) >> 2u) + (column >> 2u);
  return unpack4x8unorm(bitcast<u32>(${name}[word]));`,
    scalar: `let index = stored * ${columns} + column;
  var four = vec4<f32>(0.0);
  ${each(4, (c) => `if (column + ${c} < ${columns}) { four[${c}] = ${name}[index + ${c}]; }`)}
  return four;`,
  }[access];
  return `
fn read${name}(network : i32, row : i32, column : i32) -> vec4<f32> {
  if (row >= uniforms.rows${name} || column >= ${columns}) { return vec4<f32>(0.0); }
  let first = uniforms.first${name}${cursor ? " + cursor[0]" : ""};
  let stored = network * uniforms.step${name} + row + first;
  ${body}
}`;
}

function writeFunction({ hasBias, then, isVector }: Variant): string {
  const zero = isVector ? "vec4<f32>(0.0)" : "0.0";
  const finish = (index: string): string =>
    ({
      store: "value",
      relu: "relu(value)",
      mask: `select(${zero}, value, mask[${index}] > ${zero})`,
      add: `result[${index}] + value`,
    })[then];
  const bias = (c: number): string => `bias[network * uniforms.columns + column + ${c}]`;
  const store = isVector
    ? `let value = sums${hasBias ? ` + vec4<f32>(${each(4, bias, ", ")})` : ""};
  result[index >> 2u] = ${finish("index >> 2u")};`
    : each(4, (c) =>
      `if (column + ${c} < uniforms.columns) {
    let value = sums[${c}]${hasBias ? ` + ${bias(c)}` : ""};
    result[index + ${c}] = ${finish(`index + ${c}`)};
  }`);
  return `${then === "relu" ? reluFunction(isVector) : ""}
fn write(network : i32, row : i32, column : i32, sums : vec4<f32>) {
  if (row >= uniforms.rows || column >= uniforms.columns) { return; }
  let index = (network * uniforms.rows + row) * uniforms.columns + column;
  ${store}
}`;
}

/**
 * ReLU that keeps NaN, or a network that diverged would look well: max(), and comparisons that a
 * driver may turn into it, give 0 for NaN. Here -0 to -Infinity are recognised by their bits.
 */
export function reluFunction(isVector: boolean): string {
  const [float, bits] = isVector ? ["vec4<f32>", "vec4<u32>"] : ["f32", "u32"];
  return `
fn relu(value : ${float}) -> ${float} {
  let bits = bitcast<${bits}>(value);
  let negative = bits - ${bits}(0x80000000u) <= ${bits}(0x7f800000u);
  return bitcast<${float}>(select(bits, ${bits}(0u), negative));
}`;
}

/** The lines of 0 to count - 1. */
function each(count: number, line: (i: number) => string, separator = "\n      "): string {
  return Array.from({ length: count }, (_, i) => line(i)).join(separator);
}
