/**
 * Which matrix library is taken, from given rates and given processors: no test measures speed.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { betterCoreType, openBlas } from "~/lib/engine/cpu/gemm/blas.ts";
import {
  type ChoiceOptions,
  chooseGemmLibrary,
  fasterLibrary,
  measureGemm,
} from "~/lib/engine/cpu/gemm/choose_library.ts";
import { type GemmLibraryName, gemmLibraryOf } from "~/lib/engine/cpu/gemm/gemm_library.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { withFolder } from "~/tests/fixtures/temporary_folder.ts";

const blas = openBlas();
const isOpenBlas = blas?.name.startsWith("OpenBLAS") ?? false;

/** Runs a module's text in a process of its own; returns its standard output. */
async function runScript(
  text: string,
  { flags, env = {} }: { flags: readonly string[]; env?: Readonly<Record<string, string>> },
): Promise<string> {
  const folder = await Deno.makeTempDir();
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const file = `${folder}/script.ts`;
  await Deno.writeTextFile(file, text.replaceAll("~/", new URL("../../", import.meta.url).href));
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", `--config=${root}deno.json`, ...flags, file],
    env: { ...env, NO_COLOR: "1" },
  }).output();
  await Deno.remove(folder, { recursive: true });
  return new TextDecoder().decode(stdout) || new TextDecoder().decode(stderr);
}

Deno.test("fasterLibrary() takes the faster one, and the system's BLAS within 10 %", () => {
  const cases: [number, number, GemmLibraryName][] = [
    [100, 50, "blas"],
    [100, 100, "blas"],
    [90, 100, "blas"],
    [89, 100, "onnxruntime"],
    [13, 38, "onnxruntime"],
  ];
  for (const [rate, onnxruntime, expected] of cases) {
    assertEquals(fasterLibrary({ blas: rate, onnxruntime }), expected);
  }
});

Deno.test("betterCoreType() calls for the widest vectors that the processor has", () => {
  const sse = { avx2: false, avx512: false, avx512bf16: false };
  const avx2 = { ...sse, avx2: true };
  const avx512 = { ...avx2, avx512: true };
  const bf16 = { ...avx512, avx512bf16: true };
  // Emerald Rapids with OpenBLAS 0.3.21.
  assertEquals(betterCoreType("Prescott", bf16), "Cooperlake");
  assertEquals(betterCoreType("Prescott", avx512), "SkylakeX");
  assertEquals(betterCoreType("Prescott", avx2), "Haswell");
  assertEquals(betterCoreType("Sandybridge", avx2), "Haswell");
  assertEquals(betterCoreType("Haswell", avx512), "SkylakeX");
  assertEquals(betterCoreType("Opteron_SSE3", avx2), "Haswell");
});

Deno.test("betterCoreType() leaves alone what is as good, and cores that it does not know", () => {
  const all = { avx2: true, avx512: true, avx512bf16: true };
  const none = { avx2: false, avx512: false, avx512bf16: false };
  assertEquals(betterCoreType("Prescott", none), undefined);
  assertEquals(betterCoreType("Zen", { ...none, avx2: true }), undefined);
  assertEquals(betterCoreType("Haswell", { ...none, avx2: true }), undefined);
  assertEquals(betterCoreType("SkylakeX", all), undefined);
  assertEquals(betterCoreType("SapphireRapids", all), undefined);
  assertEquals(betterCoreType("neoversen1", none), undefined);
  assertEquals(betterCoreType("a core of 2035", all), undefined);
});

Deno.test({
  name: "chooseGemmLibrary() takes what the rates say, and tells why in one line",
  ignore: blas === undefined,
  fn: async () => {
    for (const [rates, kind] of [[[9e10, 5e10], "blas"], [[1e10, 4e10], "onnxruntime"]] as const) {
      const messages: string[] = [];
      const { library, chosen } = await chooseGemmLibrary({
        measure: (libraries) => {
          assertEquals(libraries.map((each) => each.kind), ["blas", "onnxruntime"]);
          return Promise.resolve([...rates]);
        },
        onMessage: (message) => messages.push(message),
      });
      assertEquals(library.kind, kind);
      assertMatch(chosen, /^the faster one here(, with better kernels than its \w+)?$/);
      assertEquals(messages.length, 1);
      assert(messages[0]!.startsWith(`Matrix products by ${library.name}: ${chosen} (GFLOP/s a`));
      assertMatch(messages[0]!, kind === "blas" ? / 90, .* 50\)$/ : / 10, .* 40\)$/);
      library.close();
    }
  },
});

/** Chooses with these rates of BLAS and ONNX Runtime, one trial after the other, in GFLOP/s. */
async function choose(
  trials: readonly (readonly [number, number])[],
  options: Pick<ChoiceOptions, "demanded" | "choices" | "prefer"> = {},
): Promise<{ kind: string; trials: number; message: string }> {
  const messages: string[] = [];
  let made = 0;
  const { library } = await chooseGemmLibrary({
    ...options,
    measure: () => Promise.resolve(trials[made++]!.map((rate) => 1e9 * rate)),
    onMessage: (message) => messages.push(message),
  });
  library.close();
  assertEquals(messages.length, 1);
  return { kind: library.kind, trials: made, message: messages[0]! };
}

Deno.test({
  name: "chooseGemmLibrary() tries until two trials agree, and takes the BLAS if none do",
  ignore: blas === undefined,
  fn: async () => {
    const [BLAS, ONNX] = [[90, 50], [10, 40]] as const;
    const cases = [
      [[ONNX, ONNX], "onnxruntime"],
      [[ONNX, BLAS, BLAS], "blas"],
      [[BLAS, ONNX, BLAS, ONNX, ONNX], "onnxruntime"],
      [[ONNX, BLAS, ONNX, BLAS, ONNX], "blas"],
    ] as const;
    for (const [trials, expected] of cases) {
      const { kind, trials: made } = await choose(trials);
      assertEquals([kind, made], [expected, trials.length]);
    }
  },
});

Deno.test({
  name: "chooseGemmLibrary() chooses once for a machine, and again if it is asked or has changed",
  ignore: blas === undefined,
  fn: async () => {
    await withFolder(async (folder) => {
      const choices = `${folder}/models/matrix_library.json`;
      const [BLAS, ONNX] = [[90, 50], [10, 40]] as const;
      for (const [rates, kind] of [[ONNX, "onnxruntime"], [BLAS, "blas"]] as const) {
        const made = await choose([rates, rates], { choices, demanded: "measure" });
        assertEquals([made.kind, made.trials], [kind, 2]);
        const kept = await choose([], { choices });
        assertEquals([kept.kind, kept.trials, kept.message], [kind, 0, made.message]);
        assertStringIncludes(kept.message, `: the faster one here`);
        assertStringIncludes(kept.message, `, kept in ${choices} since 20`);
      }
      // A run's own library is neither measured nor kept.
      assertEquals((await choose([], { choices, prefer: "onnxruntime" })).kind, "onnxruntime");
      const [entry, ...others] = JSON.parse(await Deno.readTextFile(choices));
      assertEquals(others, []);
      // Another processor or version is another machine; its choice stays beside.
      const changed = { ...entry, blas: "OpenBLAS 0.3.20 Haswell", library: "onnxruntime" };
      await Deno.writeTextFile(choices, JSON.stringify([changed]));
      assertEquals((await choose([BLAS, BLAS], { choices })).trials, 2);
      assertEquals(JSON.parse(await Deno.readTextFile(choices)), [changed, entry]);
      for (const damaged of ["", "[{}]", "{", "7"]) {
        await Deno.writeTextFile(choices, damaged);
        assertEquals((await choose([BLAS, BLAS], { choices })).trials, 2);
      }
    });
    // Where it cannot be written, the choice is made all the same.
    const { kind, message } = await choose([[9, 5], [9, 5]], { choices: "/proc/none/a.json" });
    assertEquals([kind, message.includes("kept in")], ["blas", false]);
  },
});

Deno.test({
  name: "chooseGemmLibrary() keeps a run's library, and takes the one demanded, unmeasured",
  ignore: blas === undefined,
  fn: async () => {
    const measure = (): never => {
      throw new Error("measured");
    };
    for (const kind of ["blas", "onnxruntime"] as const) {
      const kept = await chooseGemmLibrary({ prefer: kind, measure });
      assertEquals([kept.library.kind, kept.chosen.split(",")[0]], [kind, "the run's own"]);
      const other = kind === "blas" ? "onnxruntime" : "blas";
      const demanded = await chooseGemmLibrary({ demanded: kind, prefer: other, measure });
      assertEquals([demanded.library.kind, demanded.chosen.split(",")[0]], [kind, "demanded"]);
      kept.library.close();
      demanded.library.close();
    }
  },
});

Deno.test("gemmLibraryOf() recognises what results tell of an engine", async () => {
  for (const kind of ["blas", "onnxruntime"] as const) {
    if (kind === "blas" && blas === undefined) continue;
    const { library } = await chooseGemmLibrary({ demanded: kind });
    assertEquals(gemmLibraryOf({ name: "cpu", library: library.name }), kind);
    library.close();
  }
  assertEquals(gemmLibraryOf({ name: "tensorflow", library: "webgpu (a GPU)" }), undefined);
});

Deno.test("measureGemm() gives a rate > 0 for each library", async () => {
  const { library } = await chooseGemmLibrary({ demanded: "onnxruntime" });
  const libraries = blas === undefined ? [library] : [blas, library];
  const rates = await measureGemm(libraries);
  assertEquals(rates.length, libraries.length);
  for (const rate of rates) assert(rate > 0 && Number.isFinite(rate));
});

// Elsewhere there are no such kernels to be given.
const takesPrescott = isOpenBlas && Deno.build.arch === "x86_64";
const OPEN = `import { openBlas } from "~/lib/engine/cpu/gemm/blas.ts";`;

Deno.test({
  name: "openBlas() loads an OpenBLAS that takes lesser kernels again, with the processor's own",
  ignore: !takesPrescott,
  fn: async () => {
    // As if nobody had set the variable, and OpenBLAS did not know the processor.
    const text = `${OPEN}
      Deno.env.get = () => undefined;
      const { name, replaced } = openBlas({ improve: true });
      console.log(JSON.stringify({ core: name.split(" ")[2], replaced }));
      console.log(openBlas().name === name);`;
    const flags = ["--allow-ffi", "--allow-env=OPENBLAS_CORETYPE"];
    const output = await runScript(text, { flags, env: { OPENBLAS_CORETYPE: "PRESCOTT" } });
    const [line = "", same] = output.split("\n");
    const { core, replaced } = JSON.parse(line);
    if (core === "Prescott") {
      assertEquals(replaced, undefined);
      console.warn("No AVX2, or an OpenBLAS that does not tell: nothing to improve");
    } else assertEquals(replaced, "Prescott");
    // A thread that opens it afterwards has the same kernels.
    assertEquals(same, "true");
  },
});

Deno.test({
  name:
    "openBlas() leaves an OPENBLAS_CORETYPE that is set, and goes on without permission to set it",
  ignore: !takesPrescott,
  fn: async () => {
    const text = `${OPEN}console.log(openBlas({ improve: true }).name.split(" ")[2]);`;
    const env = { OPENBLAS_CORETYPE: "PRESCOTT" };
    for (const flags of [["--allow-ffi", "--allow-env=OPENBLAS_CORETYPE"], ["--allow-ffi"]]) {
      assertEquals(await runScript(text, { flags, env }), "Prescott\n");
    }
  },
});

Deno.test("chooseGemmLibrary() goes on without a BLAS; where it is demanded it says what to install", async () => {
  // A process that may load ONNX Runtime's library and no other has no BLAS.
  const text = `import { chooseGemmLibrary } from "~/lib/engine/cpu/gemm/choose_library.ts";
    const { library, chosen } = await chooseGemmLibrary();
    console.log(library.name.split(" ")[0], chosen);
    await chooseGemmLibrary({ demanded: "blas" }).catch((error) => console.log(error.message));`;
  const modules = fileURLToPath(new URL("../../node_modules", import.meta.url));
  const flags = ["--allow-read", "--allow-env", "--allow-sys", `--allow-ffi=${modules}`];
  assertEquals(
    await runScript(text, { flags }),
    "onnxruntime-node the only one here\nCannot multiply matrices with a BLAS as none was found: " +
      "install OpenBLAS (Debian: libopenblas0-pthread), BLIS or MKL, or choose onnxruntime\n",
  );
});
