/**
 * Updates, sums of rows and steps along directions on WebGPU, one launch each.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Launcher } from "~/lib/engine/tensorflow/webgpu/launcher.ts";
import { reluFunction } from "~/lib/engine/tensorflow/webgpu/product_access.ts";
import { launch } from "~/lib/engine/tensorflow/webgpu/launch.ts";

const THREADS = 256;

/** The most workgroups along one axis that every adapter takes; threads go on to further elements. */
const MAX_WORKGROUPS = 65535;

/** Runs `expression` on every element of a tensor [E, ...], in place or into a new one. */
function runElements(
  launcher: Launcher,
  { name, expression, inputs, target, shape, columns, floats = {}, single = [], relu = false }: {
    readonly name: string;
    /** Of `old` (the target's element), `index` (in elements of `result`), `network`, the inputs. */
    readonly expression: string;
    readonly inputs: Readonly<Record<string, TensorInfo>>;
    readonly target?: TensorInfo;
    readonly shape: readonly number[];
    /** Where the expression needs `uniforms.units`, in elements: then four never straddle a row. */
    readonly columns?: number;
    readonly floats?: Readonly<Record<string, number>>;
    /** Inputs that are not read four numbers at a time. */
    readonly single?: readonly string[];
    /** Whether the expression calls `relu`. */
    readonly relu?: boolean;
  },
): TensorInfo {
  const each = shape.slice(1).reduce((product, size) => product * size, 1);
  const vector = (columns ?? each) % 4 === 0;
  const width = vector ? 4 : 1;
  const count = shape[0]! * each / width;
  return launch(launcher, {
    name: `${name} elements`,
    code: `${relu ? reluFunction(vector) : ""}
fn main() {
  for (var index = i32(globalId.x); index < uniforms.count; index += i32(numWorkgroups.x) * ${THREADS}) {
    let network = index / uniforms.each;
    ${target ? `let old = result[index];` : ""}
    result[index] = ${expression};
  }
}`,
    inputs,
    ...(target ? { target } : { output: shape }),
    uniforms: { count, each: each / width, ...(columns && { units: columns / width }), ...floats },
    floats: Object.keys(floats),
    threads: THREADS,
    workgroups: [Math.min(MAX_WORKGROUPS, Math.ceil(count / THREADS)), 1],
    vector,
    single,
  });
}

/** target -= amount. */
export function runSubtract(launcher: Launcher, target: TensorInfo, amount: TensorInfo): void {
  runElements(launcher, {
    name: "subtract",
    expression: "old - amount[index]",
    inputs: { amount },
    target,
    shape: target.shape,
  });
}

/** accumulator += gradient^2; weight -= learningRate gradient / (sqrt(accumulator) + epsilon). */
export function runAdagrad(
  launcher: Launcher,
  { weight, accumulator, gradient, learningRate }: Readonly<
    Record<"weight" | "accumulator" | "gradient" | "learningRate", TensorInfo>
  >,
  epsilon: number,
): void {
  runElements(launcher, {
    name: "accumulate",
    expression: "old + gradient[index] * gradient[index]",
    inputs: { gradient },
    target: accumulator,
    shape: accumulator.shape,
  });
  runElements(launcher, {
    name: "adagrad",
    expression: "old - learningRate[network] * gradient[index] / " +
      "(sqrt(accumulator[index]) + uniforms.epsilon)",
    inputs: { gradient, accumulator, learningRate },
    single: ["learningRate"],
    target: weight,
    shape: weight.shape,
    floats: { epsilon },
  });
}

/** x + factor y + bias, then ReLU where asked; y is shared by all networks. */
export function runShift(
  launcher: Launcher,
  x: TensorInfo,
  { bias, relu, along }: {
    /** [E, 1, units]. */
    readonly bias?: TensorInfo | undefined;
    readonly relu: boolean;
    /** y [1, B, units] and its factor, [E, 1, units]. */
    readonly along?: { readonly y: TensorInfo; readonly factor: TensorInfo };
  },
): TensorInfo {
  const unit = "network * uniforms.units + index % uniforms.units";
  const move = along ? ` + factor[${unit}] * y[index % uniforms.each]` : "";
  const sum = `x[index]${move}${bias ? ` + bias[${unit}]` : ""}`;
  return runElements(launcher, {
    name: `shift ${[along !== undefined, bias !== undefined, relu]}`,
    expression: relu ? `relu(${sum})` : sum,
    relu,
    inputs: { x, ...along, ...(bias && { bias }) },
    shape: x.shape,
    columns: x.shape[2]!,
  });
}

/** target + sign (sum of the rows of delta [E, B, units]), or the sum itself: [E, 1, units]. */
export function runRowSum(
  launcher: Launcher,
  delta: TensorInfo,
  target?: { readonly tensor: TensorInfo; readonly sign: 1 | -1 },
): TensorInfo {
  const [networks, rows, units] = delta.shape as [number, number, number];
  const columns = 32;
  const lanes = THREADS / columns;
  const before = target
    ? `result[network * uniforms.units + unit] ${target.sign === 1 ? "+" : "-"} `
    : "";
  return launch(launcher, {
    name: `rowSum${target?.sign ?? 0}`,
    code: `
var<workgroup> partial : array<f32, ${THREADS}>;
fn main() {
  let network = i32(workgroupId.y);
  let lane = i32(localIndex) / ${columns};
  let unit = i32(workgroupId.x) * ${columns} + i32(localIndex) % ${columns};
  var sum = 0.0;
  if (unit < uniforms.units) {
    for (var row = lane; row < uniforms.rows; row += ${lanes}) {
      sum += delta[(network * uniforms.rows + row) * uniforms.units + unit];
    }
  }
  partial[localIndex] = sum;
  workgroupBarrier();
  if (lane == 0 && unit < uniforms.units) {
    for (var other = 1; other < ${lanes}; other++) { sum += partial[i32(localIndex) + other * ${columns}]; }
    result[network * uniforms.units + unit] = ${before}sum;
  }
}`,
    inputs: { delta },
    ...(target ? { target: target.tensor } : { output: [networks, 1, units] }),
    uniforms: { rows, units },
    threads: THREADS,
    workgroups: [Math.ceil(units / columns), networks],
  });
}
