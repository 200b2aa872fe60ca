/**
 * ONNX Runtime's Gemm on one thread: its binaries come with the npm package, no install script.
 *
 * @module
 */
import type { Gemm, GemmForm, GemmLibrary } from "~/lib/engine/cpu/gemm/gemm_library.ts";
import type { InferenceSession, Tensor } from "onnxruntime-node";

/** Its official binaries report usage to their maker unless this is 1 when they are loaded. */
const NO_TELEMETRY = "ORT_DISABLE_TELEMETRY";

/**
 * Loads ONNX Runtime, with its usage telemetry off.
 *
 * @throws {Error} If the package is not there, or the variable that turns telemetry off may not be set.
 */
export async function openOnnxRuntime(): Promise<GemmLibrary> {
  try {
    // Deno sets it in the process itself, where native code reads it.
    if (Deno.env.get(NO_TELEMETRY) !== "1") Deno.env.set(NO_TELEMETRY, "1");
  } catch (error) {
    throw new Error(
      "Cannot load onnxruntime-node as its usage telemetry must be turned off first: allow it with " +
        `--allow-env=${NO_TELEMETRY}`,
      { cause: error },
    );
  }
  const ort = await import("onnxruntime-node");
  return {
    kind: "onnxruntime",
    name: `onnxruntime-node ${ort.env.versions.node ?? ort.env.versions.common}`,
    accumulates: false,
    bind: (memory) => bindOnnxRuntime(ort, memory),
    close: () => {},
  };
}

function bindOnnxRuntime(
  ort: typeof import("onnxruntime-node"),
  memory: WebAssembly.Memory,
): Gemm {
  // Form and scalars are attributes of the graph: one session for each that occurs.
  const sessions = new Map<string, Promise<InferenceSession>>();
  const tensors = new Map<string, Tensor>();
  function view(offset: number, rows: number, columns: number): Tensor {
    return kept(tensors, `${offset} ${rows} ${columns}`, () => {
      const floats = new Float32Array(memory.buffer as ArrayBuffer, offset, rows * columns);
      return new ort.Tensor("float32", floats, [rows, columns]);
    });
  }
  return async (form, m, n, k, a, b, c, beta = 0, alpha = 1) => {
    const session = await kept(
      sessions,
      `${form} ${alpha} ${beta}`,
      () =>
        ort.InferenceSession.create(gemmModel(form, alpha, beta), {
          intraOpNumThreads: 1,
          interOpNumThreads: 1,
          graphOptimizationLevel: "disabled",
          logSeverityLevel: 3,
        }),
    );
    const A = form === "TN" ? view(a, k, m) : view(a, m, k);
    const B = form === "NT" ? view(b, n, k) : view(b, k, n);
    const Y = view(c, m, n);
    await session.run(beta === 0 ? { A, B } : { A, B, C: Y }, { Y });
  };
}

function kept<T>(map: Map<string, T>, key: string, make: () => T): T {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

/**
 * A model of one Gemm operator in ONNX's format (https://github.com/onnx/onnx, onnx.proto), with
 * inputs A, B and, where beta is not 0, C, and the output Y, matrices of any shape.
 */
export function gemmModel(form: GemmForm, alpha: number, beta: number): Uint8Array {
  const inputs = beta === 0 ? ["A", "B"] : ["A", "B", "C"];
  const float = (name: string, value: number): number[] => {
    const bytes = new Uint8Array(new Float32Array([value]).buffer);
    return field(5, [...field(1, name), 2 << 3 | 5, ...bytes, ...field(20, 1)]);
  };
  const flag = (name: string, value: boolean): number[] =>
    field(5, [...field(1, name), ...field(3, Number(value)), ...field(20, 2)]);
  // A tensor of float (1) with two dimensions of which nothing is said.
  const type = field(1, [...field(1, 1), ...field(2, [...field(1, []), ...field(1, [])])]);
  const matrix = (name: string): number[] => [...field(1, name), ...field(2, type)];
  const node = [
    ...inputs.flatMap((name) => field(1, name)),
    ...field(2, "Y"),
    ...field(4, "Gemm"),
    ...float("alpha", alpha),
    ...float("beta", beta),
    ...flag("transA", form === "TN"),
    ...flag("transB", form === "NT"),
  ];
  const graph = [
    ...field(1, node),
    ...field(2, "gemm"),
    ...inputs.flatMap((name) => field(11, matrix(name))),
    ...field(12, matrix("Y")),
  ];
  // Version 8 of the format, version 13 of the operators.
  return Uint8Array.from([...field(1, 8), ...field(7, graph), ...field(8, field(2, 13))]);
}

/** A field of a protocol buffer: an integer below 128, or text or a message of less than 16 KiB. */
function field(number: number, value: number | string | readonly number[]): number[] {
  const tag = (wireType: number): number[] => varint(number << 3 | wireType);
  if (typeof value === "number") return [...tag(0), value];
  const bytes = typeof value === "string" ? [...new TextEncoder().encode(value)] : value;
  return [...tag(2), ...varint(bytes.length), ...bytes];
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [value & 127 | 128, value >> 7];
}
