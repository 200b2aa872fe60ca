/**
 * Builds kernels.wasm and the types of its functions from assembly/: `deno task build:kernels`.
 *
 * @module
 */
import asc from "assemblyscript/asc";

/**
 * Compiles the kernels; the same source gives the same bytes.
 *
 * @returns The files that it makes, by name.
 * @throws {Error} With the compiler's messages.
 */
export async function buildKernels(): Promise<Record<string, Uint8Array>> {
  const folder = new URL("./assembly/", import.meta.url);
  const sources = new Map<string, string>();
  for await (const { name } of Deno.readDir(folder)) {
    sources.set(name, await Deno.readTextFile(new URL(name, folder)));
  }
  const written: Record<string, string | Uint8Array> = {};
  const { error, stderr } = await asc.main([
    "kernels.ts",
    "--outFile=kernels.wasm",
    "--bindings=raw",
    "--optimizeLevel=3",
    "--shrinkLevel=0",
    "--noAssert",
    "--runtime=stub",
    "--enable=simd",
    "--enable=bulk-memory",
    "--importMemory",
  ], {
    readFile: (name: string) => sources.get(name) ?? null,
    writeFile: (name: string, contents: string | Uint8Array) => {
      written[name] = contents;
    },
    listFiles: () => [],
  });
  const binary = written["kernels.wasm"];
  if (error !== null || !(binary instanceof Uint8Array)) {
    throw new Error(`Cannot build the kernels: ${stderr.toString()}`);
  }
  const signatures = [...String(written["kernels.d.ts"]).matchAll(/export function (.*);/g)];
  return {
    "kernels.wasm": binary,
    "signatures.d.ts": new TextEncoder().encode([
      "// deno-fmt-ignore-file",
      "/** The kernels, as the build found them in assembly/; numbers are byte offsets, counts or scales. */",
      "export interface Kernels {",
      ...signatures.map(([, signature]) => `  ${signature};`),
      "}\n",
    ].join("\n")),
  };
}

if (import.meta.main) {
  for (const [name, contents] of Object.entries(await buildKernels())) {
    await Deno.writeFile(new URL(name, import.meta.url), contents);
  }
}
