/**
 * Matrix products of both libraries against float64 loops.
 *
 * @module
 */
import { openBlas } from "~/lib/engine/cpu/gemm/blas.ts";
import { openGemmLibrary } from "~/lib/engine/cpu/gemm/choose_library.ts";
import {
  GEMM_LIBRARIES,
  type GemmForm,
  type GemmLibrary,
} from "~/lib/engine/cpu/gemm/gemm_library.ts";
import { fillNormal, openStream } from "~/lib/random.ts";
import { assert, assertEquals, assertLessOrEqual, assertMatch } from "@std/assert";

const hasBlas = openBlas() !== undefined;
if (!hasBlas) {
  console.warn("No BLAS: its tests are skipped (Debian: libopenblas0-pthread)");
}

/** A test on every library that is there. */
function testLibraries(name: string, run: (library: GemmLibrary) => Promise<void>): void {
  for (const library of GEMM_LIBRARIES) {
    Deno.test({
      name: `${name} (${library})`,
      ignore: library === "blas" && !hasBlas,
      fn: async () => await run(await openGemmLibrary(library)),
    });
  }
}

interface Product {
  readonly form: GemmForm;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly alpha: number;
  readonly beta: 0 | 1;
}

const GUARD = 12345;

/** Multiplies random matrices that lie between guards, and compares with float64 loops. */
async function check(
  library: GemmLibrary,
  memory: WebAssembly.Memory,
  { form, m, n, k, alpha, beta }: Product,
): Promise<void> {
  const floats = new Float32Array(memory.buffer);
  const a = 16, b = a + m * k + 16, c = b + k * n + 16;
  floats.fill(GUARD, 0, c + m * n + 16);
  const stream = openStream(21, 0);
  for (const [at, length] of [[a, m * k], [b, k * n], [c, m * n]] as const) {
    fillNormal(floats.subarray(at, at + length), stream);
  }
  const before = floats.slice(0, c + m * n + 16);
  await library.bind(memory)(form, m, n, k, 4 * a, 4 * b, 4 * c, beta, alpha);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      let size = 0;
      for (let p = 0; p < k; p++) {
        const term = before[a + (form === "TN" ? p * m + i : i * k + p)]! *
          before[b + (form === "NT" ? j * k + p : p * n + j)]!;
        sum += term;
        size += Math.abs(term);
      }
      const at = c + i * n + j;
      const own = beta * before[at]!;
      // k products and additions, each within 2^-24 of what has been added up, then alpha and C.
      const tolerance = 2 ** -24 * ((k + 2) * Math.abs(alpha) * size + 2 * Math.abs(own));
      assertLessOrEqual(Math.abs(floats[at]! - (alpha * sum + own)), tolerance);
      before[at] = floats[at]!;
    }
  }
  // Neither the inputs nor anything around was written.
  assertEquals(floats.slice(0, before.length), before);
}

testLibraries("gemm is alpha op(A) op(B) + beta C in every form and shape", async (library) => {
  const memory = new WebAssembly.Memory({ initial: 4 });
  for (const [m, n, k] of [[1, 1, 1], [5, 3, 7], [17, 33, 9], [64, 1, 40], [1, 50, 130]] as const) {
    for (const form of ["NN", "NT", "TN"] as const) {
      for (const [alpha, beta] of [[1, 0], [1, 1], [-0.01, 1]] as const) {
        await check(library, memory, { form, m, n, k, alpha, beta });
      }
    }
  }
});

testLibraries("gemm with beta 0 does not read C", async (library) => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const floats = new Float32Array(memory.buffer);
  floats.set([1, 2, 3, 4, 1, 0, 0, 1, NaN, NaN, Infinity, NaN]);
  await library.bind(memory)("NN", 2, 2, 2, 0, 16, 32);
  assertEquals([...floats.subarray(8, 12)], [1, 2, 3, 4]);
});

testLibraries(
  "gemm gives the same bits every time, in whatever cache lines the arrays lie",
  async (library) => {
    const [m, n, k] = [37, 29, 51];
    const memory = new WebAssembly.Memory({ initial: 4 });
    const floats = new Float32Array(memory.buffer);
    const results: Float32Array[] = [];
    for (const shift of [0, 0, 16, 160, 4096]) {
      const [a, b, c] = [shift, shift + 2000, shift + 4000];
      fillNormal(floats.subarray(a, c), openStream(22, 0));
      await library.bind(memory)("NT", m, n, k, 4 * a, 4 * b, 4 * c);
      results.push(floats.slice(c, c + m * n));
    }
    for (const result of results) assertEquals(result, results[0]!);
  },
);

testLibraries("bind() again follows a memory that has grown", async (library) => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1000 });
  const product = { form: "NN", m: 3, n: 4, k: 5, alpha: 1, beta: 0 } as const;
  await check(library, memory, product);
  memory.grow(900);
  await check(library, memory, product);
});

Deno.test("openBlas() finds OpenBLAS wherever the system does", () => {
  let library: Deno.DynamicLibrary<Record<string, never>>;
  try {
    library = Deno.dlopen("libopenblas.so.0", {});
  } catch {
    console.warn("No libopenblas.so.0: nothing to find");
    return;
  }
  library.close();
  // Else the tests above would be skipped, whatever is wrong with it.
  assertMatch(openBlas()!.name, /^OpenBLAS \d+\.\d+/);
});

Deno.test("openGemmLibrary() says the name and version of what it opens", async () => {
  assertMatch((await openGemmLibrary("onnxruntime")).name, /^onnxruntime-node \d+\.\d+\.\d+$/);
  if (hasBlas) assert(!(await openGemmLibrary("blas")).name.startsWith("onnx"));
});
