/**
 * AdaGrad's update, sums of rows and steps along directions on WebGPU.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Shift } from "~/lib/engine/tensorflow/operations.ts";
import type { Kernel, Launch } from "~/lib/engine/tensorflow/webgpu/launcher.ts";
import { reluFunction } from "~/lib/engine/tensorflow/webgpu/product.ts";
import type { TensorUpdate } from "~/lib/optimizer.ts";

const THREADS = 256;

/** The most workgroups along one axis that every adapter takes; threads go on to further elements. */
const MAX_WORKGROUPS = 65535;

/** Writes `expression` into every element of a tensor [E, ...]. */
function launchElements(
  launch: Launch,
  { name, expression, inputs, result, columns }: Pick<Kernel, "name" | "inputs" | "result"> & {
    /** Of `old` (the element's value), `index` (in elements), `network`, the inputs; may call `relu`. */
    readonly expression: string;
    /** Where the expression needs `uniforms.units`, in elements: then four never straddle a row. */
    readonly columns?: number;
  },
): Tensor {
  const isTarget = "shape" in result;
  const [E, ...sizes] = isTarget ? result.shape : result as readonly number[];
  const each = sizes.reduce((product, size) => product * size, 1);
  const vector = (columns ?? each) % 4 === 0;
  const width = vector ? 4 : 1;
  const count = E! * each / width;
  return launch({
    name: `${name} elements`,
    code: () =>
      `${reluFunction(vector)}
fn main() {
  for (var index = i32(globalId.x); index < uniforms.count; index += i32(numWorkgroups.x) * ${THREADS}) {
    let network = index / uniforms.each;
    ${isTarget ? "let old = result[index];" : ""}
    result[index] = ${expression};
  }
}`,
    inputs,
    result,
    uniforms: { count, each: each / width, ...(columns && { units: columns / width }) },
    threads: THREADS,
    workgroups: [Math.min(MAX_WORKGROUPS, Math.ceil(count / THREADS)), 1, 1],
    vectors: vector
      ? ["result", ...Object.keys(inputs)].filter((name) => name !== "learningRate")
      : [],
  });
}

/** accumulator += gradient^2; weight -= learningRate gradient / (sqrt(accumulator) + epsilon). */
export function launchAdagrad(
  launch: Launch,
  { weight, slots: [accumulator], gradient, learningRate }: TensorUpdate,
  epsilon: number,
): void {
  launchElements(launch, {
    name: "accumulate",
    expression: "old + gradient[index] * gradient[index]",
    inputs: { gradient },
    result: accumulator!,
  });
  const root = `(sqrt(accumulator[index]) + ${Math.fround(epsilon)}f)`;
  launchElements(launch, {
    name: `adagrad ${epsilon}`,
    expression: `old - learningRate[network] * gradient[index] / ${root}`,
    inputs: { gradient, accumulator, learningRate },
    result: weight,
  });
}

/** What `Operations.shift` says. */
export function launchShift(launch: Launch, x: Tensor, { bias, relu, along }: Shift): Tensor {
  const unit = "network * uniforms.units + index % uniforms.units";
  const move = along ? ` + factor[${unit}] * y[index % uniforms.each]` : "";
  const sum = `x[index]${move}${bias ? ` + bias[${unit}]` : ""}`;
  return launchElements(launch, {
    name: `shift ${[along !== undefined, bias !== undefined, relu]}`,
    expression: relu ? `relu(${sum})` : sum,
    inputs: { x, ...along, bias },
    result: x.shape,
    columns: x.shape[2]!,
  });
}

/** The sum of the rows of delta [E, B, units], [E, 1, units], added to `onto` in place. */
export function launchRowSum(launch: Launch, delta: Tensor, onto?: Tensor): Tensor {
  const [networks, rows, units] = delta.shape as [number, number, number];
  const columns = 32;
  const lanes = THREADS / columns;
  const old = "result[network * uniforms.units + unit]";
  return launch({
    name: `rowSum ${onto !== undefined}`,
    code: () => `
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
    ${old} = ${onto ? `${old} + ` : ""}sum;
  }
}`,
    inputs: { delta },
    result: onto ?? [networks, 1, units],
    uniforms: { rows, units },
    threads: THREADS,
    workgroups: [Math.ceil(units / columns), networks, 1],
  });
}
