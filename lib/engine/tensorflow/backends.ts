/**
 * What TensorFlow.js could compute on here, without loading it: GPUs through WebGPU, and the optional
 * packages @tensorflow/tfjs-node and tfjs-node-gpu, which are not among the project's imports as their
 * install script downloads 200 to 500 MB.
 *
 * @module
 */
import { createRequire } from "node:module";
import util from "node:util";

/** The longest that the look may take, in milliseconds: a driver that is just waking up is slow. */
const PATIENCE = 5000;

/** Names of drivers that compute on the CPU. */
const SOFTWARE = /llvmpipe|lavapipe|swiftshader|software|basic render|\bwarp\b|\bcpu\b/i;

/**
 * Finds a GPU through WebGPU; software rasterisers do not count.
 *
 * Takes at most 5 s, some milliseconds where there is no driver, and never throws.
 *
 * @returns Its name, or undefined.
 */
export async function findRealGpu(): Promise<string | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), PATIENCE);
  });
  const adapter = await Promise.race([requestAdapter().catch(() => null), patience]);
  clearTimeout(timer);
  return adapter === null || isSoftware(adapter) ? undefined : adapterName(adapter);
}

/** The adapter that TensorFlow.js takes, or null where there is none. */
export async function requestAdapter(): Promise<GPUAdapter | null> {
  return await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" }) ?? null;
}

/** What to call an adapter: its description where it has one. */
export function adapterName({ info }: GPUAdapter): string {
  return info.description || info.device || info.architecture || info.vendor || "unknown GPU";
}

/** Whether an adapter computes on the CPU. */
export function isSoftware(adapter: GPUAdapter): boolean {
  const { info } = adapter;
  const flags = [info, adapter] as { readonly isFallbackAdapter?: boolean }[];
  return flags.some(({ isFallbackAdapter }) => isFallbackAdapter === true) ||
    SOFTWARE.test([info.description, info.device, info.architecture, info.vendor].join(" "));
}

/** The backends, in the order in which they are tried; "cpu" is TensorFlow.js's own, for tests. */
export const TENSORFLOW_BACKENDS = ["tfjs-node-gpu", "webgpu", "tfjs-node", "cpu"] as const;
export type TensorFlowBackend = typeof TENSORFLOW_BACKENDS[number];

/** The packages with TensorFlow's own library, for CUDA and for CPUs. */
export type TfjsNodeName = "tfjs-node-gpu" | "tfjs-node";

/** The version that goes with the project's TensorFlow.js. */
export const TFJS_NODE_VERSION = "4.22.0";

/** Where `deno task setup:gpu` installs a package: a folder of its own, which the lock file ignores. */
export function tfjsNodeHome(name: TfjsNodeName): URL {
  return new URL(`../../../node_modules/.${name}/`, import.meta.url);
}

/**
 * Loads a package, which registers its backend "tensorflow".
 *
 * @returns The package's version.
 * @throws {Error} If it is not installed, cannot be loaded, or finds no CUDA device.
 */
export async function loadTfjsNode(name: TfjsNodeName): Promise<string> {
  const task = name === "tfjs-node-gpu" ? "setup:gpu" : "setup:gpu --cpu";
  const require = createRequire(new URL("package.json", tfjsNodeHome(name)));
  let entry: string;
  try {
    entry = require.resolve(`@tensorflow/${name}`);
  } catch {
    throw new Error(
      `Cannot use ${name} as it is not installed: run \`deno task ${task}\` to install it`,
    );
  }
  // Node removed it in version 23, the packages still call it.
  (util as unknown as Record<string, unknown>).isNullOrUndefined ??= (value: unknown): boolean =>
    value === null || value === undefined;
  if (name === "tfjs-node-gpu") useFullPrecision();
  try {
    const tfjsNode = await Promise.resolve(require(entry)) as {
      readonly version: Record<string, string>;
      backend(): { readonly isUsingGpuDevice?: boolean };
    };
    if (name === "tfjs-node-gpu" && tfjsNode.backend().isUsingGpuDevice === false) {
      throw new Error("TensorFlow finds no CUDA device");
    }
    return tfjsNode.version[name] ?? TFJS_NODE_VERSION;
  } catch (error) {
    const reason = String(error instanceof Error ? error.message : error).split("\n")[0];
    throw new Error(`Cannot use ${name} as it does not load: ${reason}`);
  }
}

/** TensorFlow multiplies in TF32, with 10 bits of mantissa, unless the driver is told not to. */
function useFullPrecision(): void {
  try {
    Deno.env.set("NVIDIA_TF32_OVERRIDE", "0");
  } catch {
    console.error("TensorFlow may multiply in TF32 as NVIDIA_TF32_OVERRIDE=0 may not be set");
  }
}
