/**
 * ONNX Runtime's Gemm on one thread: its binaries come with the npm package, no install script.
 *
 * @module
 */
import type { Gemm, GemmLibrary } from "~/lib/engine/cpu/gemm/gemm_library.ts";
import { encodeGemmModel } from "~/lib/engine/cpu/gemm/onnx_model.ts";
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

  function sessionFor(
    transposeA: boolean,
    transposeB: boolean,
    alpha: number,
    beta: number,
  ): Promise<InferenceSession> {
    const key = `${transposeA} ${transposeB} ${alpha} ${beta}`;
    let session = sessions.get(key);
    if (session === undefined) {
      session = ort.InferenceSession.create(
        encodeGemmModel({ transposeA, transposeB, alpha, beta }),
        {
          intraOpNumThreads: 1,
          interOpNumThreads: 1,
          graphOptimizationLevel: "disabled",
          logSeverityLevel: 3,
        },
      );
      sessions.set(key, session);
    }
    return session;
  }

  function view(offset: number, rows: number, columns: number): Tensor {
    const key = `${offset} ${rows} ${columns}`;
    let tensor = tensors.get(key);
    if (tensor === undefined) {
      const floats = new Float32Array(memory.buffer as ArrayBuffer, offset, rows * columns);
      tensor = new ort.Tensor("float32", floats, [rows, columns]);
      tensors.set(key, tensor);
    }
    return tensor;
  }

  return async (transposeA, transposeB, m, n, k, alpha, a, b, beta, c) => {
    const session = await sessionFor(transposeA, transposeB, alpha, beta);
    const A = transposeA ? view(a, k, m) : view(a, m, k);
    const B = transposeB ? view(b, n, k) : view(b, k, n);
    const Y = view(c, m, n);
    await session.run(beta === 0 ? { A, B } : { A, B, C: Y }, { Y });
  };
}
