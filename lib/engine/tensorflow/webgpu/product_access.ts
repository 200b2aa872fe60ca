/**
 * WGSL of how a product reads its operands and stores its sums.
 *
 * @module
 */

/** How an operand is stored. */
export interface Operand {
  /** Whether the inner dimension is the last in memory. */
  readonly innerLast: boolean;
  /** Four numbers a load, four bytes a load (pixels, 0..255 read as 0..1), or one number. */
  readonly access: "vector" | "bytes" | "scalar";
  /** Whether rows count from the cursor's on. */
  readonly hasCursor: boolean;
}

/** What becomes of a sum before it is stored. */
export interface Epilogue {
  /** Whether a bias is added first. */
  readonly bias: boolean;
  /** `relu` of the sum, 0 where `mask` <= 0, or added to / subtracted from what is stored there. */
  readonly then: "store" | "relu" | "mask" | "add" | "subtract";
}

/** Four numbers of a stored row, 0 outside of the matrix. */
export function readFunction(name: "A" | "B", { access, hasCursor }: Operand): string {
  const head = `
fn read${name}(network : i32, row : i32, column : i32) -> vec4<f32> {
  if (row >= uniforms.rows${name} || column >= uniforms.columns${name}) { return vec4<f32>(0.0); }
  let stored = network * uniforms.networks${name} + row + uniforms.first${name}${
    hasCursor ? " + cursor[0]" : ""
  };`;
  if (access === "vector") {
    return `${head}
  return ${name}[(stored * uniforms.columns${name} + column) >> 2u];
}`;
  }
  if (access === "bytes") {
    return `${head}
  return unpack4x8unorm(bitcast<u32>(${name}[stored * ((uniforms.columns${name} + 3) >> 2u) + (column >> 2u)]));
}`;
  }
  return `${head}
  let index = stored * uniforms.columns${name} + column;
  var four = vec4<f32>(0.0);
  ${
    range(4).map((c) =>
      `if (column + ${c} < uniforms.columns${name}) { four[${c}] = ${name}[index + ${c}]; }`
    ).join("\n  ")
  }
  return four;
}`;
}

/** Stores four sums of a row, as the epilogue says. */
export function writeFunction(epilogue: Epilogue, vectorResult: boolean): string {
  const zero = vectorResult ? "vec4<f32>(0.0)" : "0.0";
  const finish = (index: string): string =>
    ({
      store: "value",
      relu: "relu(value)",
      mask: `select(${zero}, value, mask[${index}] > ${zero})`,
      add: `result[${index}] + value`,
      subtract: `result[${index}] - value`,
    })[epilogue.then];
  const bias = (column: string): string => `bias[network * uniforms.columns + ${column}]`;
  const head = `${epilogue.then === "relu" ? reluFunction(vectorResult) : ""}
fn write(network : i32, row : i32, column : i32, sums : vec4<f32>) {
  if (row >= uniforms.rows || column >= uniforms.columns) { return; }
  let index = (network * uniforms.rows + row) * uniforms.columns + column;`;
  if (vectorResult) {
    const biases = range(4).map((c) => bias(`column + ${c}`)).join(", ");
    return `${head}
  let value = sums${epilogue.bias ? ` + vec4<f32>(${biases})` : ""};
  result[index >> 2u] = ${finish("index >> 2u")};
}`;
  }
  return `${head}
  ${
    range(4).map((c) =>
      `if (column + ${c} < uniforms.columns) {
    let value = sums[${c}]${epilogue.bias ? ` + ${bias(`column + ${c}`)}` : ""};
    result[index + ${c}] = ${finish(`index + ${c}`)};
  }`
    ).join("\n  ")
  }
}`;
}

/**
 * ReLU that keeps NaN, or a network that diverged would look well: max(), and comparisons that a
 * driver may turn into it, give 0 for NaN. Here -0 to -Infinity are recognised by their bits.
 */
export function reluFunction(vector: boolean): string {
  const [float, bits] = vector ? ["vec4<f32>", "vec4<u32>"] : ["f32", "u32"];
  return `
fn relu(value : ${float}) -> ${float} {
  let bits = bitcast<${bits}>(value);
  let negative = bits - ${bits}(0x80000000u) <= ${bits}(0x7f800000u);
  return bitcast<${float}>(select(bits, ${bits}(0u), negative));
}`;
}

/** 0 to length - 1. */
export function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}
