/**
 * Builds kernels.wasm and the types of its functions from assembly/: `deno task build:kernels`.
 *
 * @module
 */
import asc from "assemblyscript/asc";

/** What the build makes, by file name. */
export interface Built {
  readonly "kernels.wasm": Uint8Array;
  readonly "signatures.d.ts": string;
}

/**
 * Compiles the kernels; the same source gives the same bytes.
 *
 * @throws {Error} With the compiler's messages.
 */
export async function buildKernels(): Promise<Built> {
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
    "signatures.d.ts": [
      "// deno-fmt-ignore-file",
      "/** The kernels, as the build found them in assembly/; numbers are byte offsets, counts or scales. */",
      "export interface Kernels {",
      ...signatures.map(([, signature]) => `  ${signature};`),
      "}\n",
    ].join("\n"),
  };
}

if (import.meta.main) {
  for (const [name, contents] of Object.entries(await buildKernels())) {
    await Deno.writeFile(
      new URL(name, import.meta.url),
      typeof contents === "string" ? new TextEncoder().encode(contents) : contents,
    );
  }
}
