/**
 * Builds kernels.wasm from assembly/: `deno task build:kernels`.
 *
 * @module
 */
import asc from "assemblyscript/asc";

/**
 * Compiles the kernels; the same source gives the same bytes.
 *
 * @throws {Error} With the compiler's messages.
 */
export async function buildKernels(): Promise<Uint8Array> {
  const folder = new URL("./assembly/", import.meta.url);
  const sources = new Map<string, string>();
  for await (const { name } of Deno.readDir(folder)) {
    sources.set(name, await Deno.readTextFile(new URL(name, folder)));
  }
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main([
    "kernels.ts",
    "--outFile=kernels.wasm",
    "--optimizeLevel=3",
    "--shrinkLevel=0",
    "--noAssert",
    "--runtime=stub",
    "--enable=simd",
    "--enable=bulk-memory",
    "--importMemory",
  ], {
    readFile: (name: string) => sources.get(name) ?? null,
    writeFile: (_name: string, contents: string | Uint8Array) => {
      if (typeof contents !== "string") binary = contents;
    },
    listFiles: () => [],
  });
  if (error !== null || binary === undefined) {
    throw new Error(`Cannot build the kernels: ${stderr.toString()}`);
  }
  return binary;
}

if (import.meta.main) {
  await Deno.writeFile(new URL("./kernels.wasm", import.meta.url), await buildKernels());
}
