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
    source: "onnxruntime",
    name: `onnxruntime-node ${ort.env.versions.node ?? ort.env.versions.common}`,
    accumulates: false,
    bind: (memory) => bindOnnxRuntime(ort, memory),
    close: () => {},
  };
}

function bindOnnxRuntime(ort: typeof import("onnxruntime-node"), memory: WebAssembly.Memory): Gemm {
  // Form and scalars are attributes of the graph: one session for each that occurs.
  const sessions = new Map<string, Promise<InferenceSession>>();
  const tensors = new Map<string, Tensor>();
  function view(offset: number, rows: number, columns: number): Tensor {
    return tensors.getOrInsertComputed(`${offset} ${rows} ${columns}`, () => {
      const floats = new Float32Array(memory.buffer as ArrayBuffer, offset, rows * columns);
      return new ort.Tensor("float32", floats, [rows, columns]);
    });
  }
  return async (form, m, n, k, a, b, c, beta = 0, alpha = 1) => {
    const session = await sessions.getOrInsertComputed(
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
    await session.run({ A, B, C: Y }, { Y });
  };
}

/**
 * A model of one Gemm operator with inputs A, B and C and the output Y, matrices of any shape:
 * version 8 of ONNX's format (https://github.com/onnx/onnx, onnx.proto), version 13 of its operators.
 * Its four attributes are written at the places of their values.
 */
const MODEL =
  "CAg6nQEKUSoPCgVhbHBoYRUAAIA/oAEBKg4KBGJldGEVAACAP6ABASoNCgZ0cmFuc0EYAKABAioNCgZ0cmFuc0IYAKAB" +
  "AiIER2VtbQoBQQoBQgoBQxIBWRIEZ2VtbVoPCgFBEgoKCAgBEgQKAAoAWg8KAUISCgoICAESBAoACgBaDwoBQxIKCggI" +
  "ARIECgAKAGIPCgFZEgoKCAgBEgQKAAoAQgIQDQ==";

function gemmModel(form: GemmForm, alpha: number, beta: number): Uint8Array {
  const bytes = Uint8Array.fromBase64(MODEL);
  const values = new DataView(bytes.buffer);
  values.setFloat32(17, alpha, true);
  values.setFloat32(33, beta, true);
  values.setUint8(51, Number(form === "TN"));
  values.setUint8(66, Number(form === "NT"));
  return bytes;
}
