/**
 * Whether this machine has a GPU worth using, without loading TensorFlow.js.
 *
 * @module
 */

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
  return await globalThis.navigator?.gpu?.requestAdapter({ powerPreference: "high-performance" }) ??
    null;
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
