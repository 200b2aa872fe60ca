/**
 * Which matrix library and which engine are taken, from given rates and processors: no test measures
 * speed; and threads that fail.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { Dataset } from "~/lib/dataset.ts";
import { betterCoreType, openBlas } from "~/lib/engine/cpu/gemm/blas.ts";
import {
  type ChoiceOptions,
  chooseGemmLibrary,
  fasterLibrary,
  measureGemm,
  openGemmLibrary,
} from "~/lib/engine/cpu/gemm/choose_library.ts";
import {
  GEMM_LIBRARIES,
  type GemmLibraryName,
  gemmLibraryOf,
} from "~/lib/engine/cpu/gemm/gemm_library.ts";
import { openOneDnn } from "~/lib/engine/cpu/gemm/onednn.ts";
import { openPool, type Pool } from "~/lib/engine/cpu/pool.ts";
import type { Engine, EngineOptions } from "~/lib/engine/engine.ts";
import { openFaster, trainingRate } from "~/lib/engine/open_engine.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { testLibraries } from "~/tests/fixtures/engine_cpu_fixture.ts";
import { ended, startScript } from "~/tests/fixtures/script.ts";
import { stubEngine } from "~/tests/fixtures/stub_engine.ts";
import { withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { makeSplit, randomDataset } from "~/tests/fixtures/tiny_dataset.ts";

const blas = openBlas();
const oneDnn = openOneDnn();

/** Runs a script; returns what it printed, errors if there is nothing else. */
async function runScript(
  text: string,
  { flags, env = {} }: { flags: readonly string[]; env?: Readonly<Record<string, string>> },
): Promise<string> {
  const { stdout, stderr } = await ended(startScript(text, [], { permissions: flags, env }));
  return stdout || stderr;
}

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

Deno.test("fasterLibrary() takes the fastest one, and an earlier one within 5 %", () => {
  const cases: [Parameters<typeof fasterLibrary>[0], GemmLibraryName][] = [
    [{ blas: 100, onednn: 100, onnxruntime: 50 }, "blas"],
    [{ blas: 95, onednn: 90, onnxruntime: 100 }, "blas"],
    [{ blas: 94, onednn: 96, onnxruntime: 100 }, "onednn"],
    [{ blas: 94, onednn: 10, onnxruntime: 100 }, "onnxruntime"],
    [{ blas: 13, onnxruntime: 38 }, "onnxruntime"],
    [{ onednn: 37, onnxruntime: 38 }, "onednn"],
  ];
  for (const [rates, expected] of cases) assertEquals(fasterLibrary(rates), expected);
});

Deno.test("betterCoreType() calls for the widest vectors, and leaves alone what it does not know", () => {
  const none = { avx2: false, avx512: false, avx512bf16: false };
  const avx2 = { ...none, avx2: true };
  const avx512 = { ...avx2, avx512: true };
  const all = { ...avx512, avx512bf16: true };
  const cases: [core: string, has: typeof none, better: string | undefined][] = [
    // Emerald Rapids with OpenBLAS 0.3.21.
    ["Prescott", all, "Cooperlake"],
    ["Prescott", avx512, "SkylakeX"],
    ["Prescott", avx2, "Haswell"],
    ["Sandybridge", avx2, "Haswell"],
    ["Haswell", avx512, "SkylakeX"],
    ["Opteron_SSE3", avx2, "Haswell"],
    ["Prescott", none, undefined],
    ["Zen", avx2, undefined],
    ["Haswell", avx2, undefined],
    ["SkylakeX", all, undefined],
    ["SapphireRapids", all, undefined],
    ["neoversen1", none, undefined],
    ["a core of 2035", all, undefined],
  ];
  for (const [core, has, better] of cases) assertEquals(betterCoreType(core, has), better, core);
});

/** What is tried here: a BLAS, oneDNN where it is, and ONNX Runtime. */
const THERE = GEMM_LIBRARIES.filter((kind) => kind !== "onednn" || oneDnn !== undefined);
/** GFLOP/s of a trial that one of them wins; oneDNN is slowest in the others. */
const RATES = {
  blas: { blas: 90, onednn: 5, onnxruntime: 50 },
  onednn: { blas: 10, onednn: 40, onnxruntime: 20 },
  onnxruntime: { blas: 10, onednn: 5, onnxruntime: 40 },
} as const;

/** Chooses at the rates of the winners, one trial after the other. */
async function choose(
  winners: readonly GemmLibraryName[],
  { onTrial, ...options }: Pick<ChoiceOptions, "demanded" | "choices" | "prefer"> & {
    readonly onTrial?: () => void;
  } = {},
): Promise<{ kind: string; trials: number; message: string }> {
  const messages: string[] = [];
  let made = 0;
  const { library, chosen } = await chooseGemmLibrary({
    ...options,
    measure(libraries): Promise<number[]> {
      onTrial?.();
      assertEquals(libraries.map(({ kind }) => kind), THERE);
      const rates = RATES[winners[made++]!];
      return Promise.resolve(libraries.map(({ kind }) => 1e9 * rates[kind]));
    },
    onMessage: (message) => messages.push(message),
  });
  library.close();
  assertEquals(messages.length, 1);
  const [message = ""] = messages;
  assert(message.startsWith(`Matrix products by ${library.name}: ${chosen}`));
  return { kind: library.kind, trials: made, message };
}

Deno.test("chooseGemmLibrary() takes what the rates say, and tells why in one line", {
  ignore: blas === undefined,
}, async () => {
  for (const winner of THERE) {
    const { kind, message } = await choose([winner, winner]);
    assertEquals(kind, winner);
    assertMatch(message, /: the fastest one here(, with better kernels than its \w+)? \(GFLOP/);
    const rates = THERE.map((each) => ` ${RATES[winner][each]}`);
    assertMatch(message, new RegExp(`${rates.join(",.*")}\\)$`));
  }
});

Deno.test("chooseGemmLibrary() tries until two trials agree, and takes the BLAS if none do", {
  ignore: blas === undefined,
}, async () => {
  const [BLAS, ONNX] = ["blas", "onnxruntime"] as const;
  const cases = [
    [[ONNX, ONNX], ONNX],
    [[ONNX, BLAS, BLAS], BLAS],
    [[BLAS, ONNX, BLAS, ONNX, ONNX], ONNX],
    [[ONNX, BLAS, ONNX, BLAS, ONNX], BLAS],
  ] as const;
  for (const [trials, expected] of cases) {
    const { kind, trials: made } = await choose(trials);
    assertEquals([kind, made], [expected, trials.length]);
  }
});

Deno.test(
  "chooseGemmLibrary() chooses once for a machine, and again if it is asked or has changed",
  { ignore: blas === undefined },
  async () => {
    await withFolder(async (folder) => {
      const choices = `${folder}/models/matrix_library.json`;
      for (const winner of ["onnxruntime", "blas"] as const) {
        const made = await choose([winner, winner], { choices, demanded: "measure" });
        assertEquals([made.kind, made.trials], [winner, 2]);
        const kept = await choose([], { choices });
        assertEquals([kept.kind, kept.trials, kept.message], [winner, 0, made.message]);
        assertStringIncludes(kept.message, `: the fastest one here`);
        assertStringIncludes(kept.message, `, kept in ${choices} since 20`);
      }
      // A run's own library is neither measured nor kept.
      assertEquals((await choose([], { choices, prefer: "onnxruntime" })).kind, "onnxruntime");
      const [entry, ...others] = JSON.parse(await Deno.readTextFile(choices));
      assertEquals(others, []);
      // Another processor or version is another machine; its choice stays beside.
      const changed = { ...entry, blas: "OpenBLAS 0.3.20 Haswell", library: "onnxruntime" };
      await Deno.writeTextFile(choices, JSON.stringify([changed]));
      assertEquals((await choose(["blas", "blas"], { choices })).trials, 2);
      assertEquals(JSON.parse(await Deno.readTextFile(choices)), [changed, entry]);
      const old = JSON.stringify([{ ...entry, date: 5 }]);
      // What another machine keeps during the trials stays, too.
      await Deno.remove(choices);
      await choose(["blas", "blas"], {
        choices,
        onTrial: () => Deno.writeTextFileSync(choices, JSON.stringify([changed])),
      });
      const both = JSON.parse(await Deno.readTextFile(choices)) as { blas: string }[];
      assertEquals(both.map(({ blas }) => blas), [changed.blas, entry.blas]);
      for (const damaged of ["", "[{}]", "{", "7", old]) {
        await Deno.writeTextFile(choices, damaged);
        assertEquals((await choose(["blas", "blas"], { choices })).trials, 2);
      }
    });
    // Where it cannot be written, the choice is made all the same.
    const { kind, message } = await choose(["blas", "blas"], { choices: "/proc/none/a.json" });
    assertEquals([kind, message.includes("kept in")], ["blas", false]);
  },
);

Deno.test("chooseGemmLibrary() keeps a run's library, and takes the one demanded, unmeasured", {
  ignore: blas === undefined,
}, async () => {
  const measure = (): never => {
    throw new Error("measured");
  };
  for (const kind of THERE) {
    const kept = await chooseGemmLibrary({ prefer: kind, measure });
    assertEquals([kept.library.kind, kept.chosen.split(",")[0]], [kind, "the run's own"]);
    const other = kind === "blas" ? "onnxruntime" : "blas";
    const demanded = await chooseGemmLibrary({ demanded: kind, prefer: other, measure });
    assertEquals([demanded.library.kind, demanded.chosen.split(",")[0]], [kind, "demanded"]);
    // What results tell of an engine tells its library.
    assertEquals(gemmLibraryOf({ name: "cpu", library: kept.library.name }), kind);
    kept.library.close();
    demanded.library.close();
  }
  assertEquals(gemmLibraryOf({ name: "tensorflow", library: "webgpu (a GPU)" }), undefined);
});

Deno.test("measureGemm() gives a rate > 0 for each library", async () => {
  const { library } = await chooseGemmLibrary({ demanded: "onnxruntime" });
  const libraries = [blas, oneDnn, library].filter((each) => each !== undefined);
  const rates = await measureGemm(libraries);
  assertEquals(rates.length, libraries.length);
  for (const rate of rates) assert(rate > 0 && Number.isFinite(rate));
});

testLibraries("a row's products do not depend on how many rows are multiplied", async (kind) => {
  // The first layer's outputs of rows [1000, 192] as columns, then as rows.
  const [rows, inputs, units] = [1000, 192, 24];
  const memory = new WebAssembly.Memory({ initial: 32 });
  const floats = new Float32Array(memory.buffer);
  const [weights, out] = [rows * inputs, rows * inputs + units * inputs];
  for (let i = 0; i < out; i++) floats[i] = Math.sin(i);
  const library = await openGemmLibrary(kind);
  const gemm = library.bind(memory);
  async function product(count: number, asRows: boolean): Promise<number[]> {
    if (asRows) await gemm("NT", count, units, inputs, 0, 4 * weights, 4 * out);
    else await gemm("NT", units, count, inputs, 4 * weights, 0, 4 * out);
    // Of row 5: a block of the study, the rest of its rows, the few that a split may end with.
    return Array.from(
      { length: units },
      (_, unit) => floats[out + (asRows ? 5 * units + unit : unit * count + 5)]!,
    );
  }
  for (const asRows of [true, false]) {
    const expected = await product(512, asRows);
    for (const count of [1000, 336, 100]) {
      assertEquals(await product(count, asRows), expected, `${count} ${asRows}`);
    }
  }
  library.close();
});

// Elsewhere there are no such kernels to be given.
const takesPrescott = blas?.name.startsWith("OpenBLAS") && Deno.build.arch === "x86_64";
const OPEN = `import { openBlas } from "~/lib/engine/cpu/gemm/blas.ts";`;

Deno.test(
  "openBlas() loads an OpenBLAS that takes lesser kernels again, with the processor's own",
  { ignore: !takesPrescott },
  async () => {
    // As if nobody had set the variable, and OpenBLAS did not know the processor.
    const text = `${OPEN}
      Deno.env.get = () => undefined;
      const { name, replaced } = openBlas();
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
);

Deno.test(
  "openBlas() leaves an OPENBLAS_CORETYPE that is set, and goes on without permission to set it",
  { ignore: !takesPrescott },
  async () => {
    const text = `${OPEN}console.log(openBlas().name.split(" ")[2]);`;
    const env = { OPENBLAS_CORETYPE: "PRESCOTT" };
    for (const flags of [["--allow-ffi", "--allow-env=OPENBLAS_CORETYPE"], ["--allow-ffi"]]) {
      assertEquals(await runScript(text, { flags, env }), "Prescott\n");
    }
  },
);

Deno.test("chooseGemmLibrary() goes on without a BLAS; where it is demanded it says what to install", async () => {
  // A process that may load ONNX Runtime's library and no other has no BLAS.
  const text = `import { chooseGemmLibrary } from "~/lib/engine/cpu/gemm/choose_library.ts";
    const { library, chosen } = await chooseGemmLibrary();
    console.log(library.name.split(" ")[0], chosen);
    for (const demanded of ["blas", "onednn", "libno_such.so.3"]) {
      await chooseGemmLibrary({ demanded }).catch((error) => console.log(error.message));
    }`;
  const modules = fileURLToPath(new URL("../../node_modules", import.meta.url));
  const flags = ["--allow-read", "--allow-env", "--allow-sys", `--allow-ffi=${modules}`];
  assertEquals(
    await runScript(text, { flags }),
    "onnxruntime-node the only one here\nCannot multiply matrices with a BLAS as none was found: " +
      "install OpenBLAS (Debian: libopenblas0-pthread), BLIS or MKL, or choose onnxruntime\n" +
      "Cannot multiply matrices with oneDNN as it was not found: install it, built with OpenMP " +
      "(Debian: libdnnl2), or choose onnxruntime\nCannot multiply matrices with libno_such.so.3 as " +
      "the system finds no such file, or it has no cblas_sgemm with integers of 32 bits: name another, or " +
      "choose onnxruntime\n",
  );
});

const dataset = randomDataset([12, 9, 10], 600);

/** Opens stubs and notes what was opened, on how many rows, and what was closed. */
function recorder(
  log: string[],
  kind: string,
  most = Infinity,
): (options: EngineOptions) => Promise<Engine> {
  return ({ dataset: { train } }) => {
    log.push(`open ${kind} on ${train.size}`);
    if (train.size > most) return Promise.reject(new Error("no room"));
    return Promise.resolve({
      ...stubEngine(),
      info: { name: kind, library: "none" },
      close(): Promise<void> {
        log.push(`close ${kind}`);
        return Promise.resolve();
      },
    });
  };
}

/** Chooses at these rates; NaN fails. */
async function chooseEngine(
  rates: Readonly<Record<string, number>>,
  most?: number,
): Promise<{ engine: Engine; log: string[]; messages: string[] }> {
  const log: string[] = [];
  const messages: string[] = [];
  const engine = await openFaster({
    gpu: "Some GPU",
    openCpu: recorder(log, "cpu"),
    openGpu: recorder(log, "gpu", most),
    measure: ({ info }: Engine, { train }: Dataset) => {
      assertEquals(train.size, 512);
      const rate = rates[info.name]!;
      return Number.isNaN(rate) ? Promise.reject(new Error("device lost")) : Promise.resolve(rate);
    },
  }, { dataset, onMessage: (message) => messages.push(message) });
  return { engine, log, messages };
}

Deno.test("openFaster() takes a GPU that is faster in the trial, on the whole data set", async () => {
  const { engine, log, messages } = await chooseEngine({ cpu: 1000, gpu: 2000 });
  assertEquals(engine.info, { name: "gpu", library: "none", chosen: "faster than the CPU here" });
  const trial = ["open cpu on 512", "close cpu", "open gpu on 512", "close gpu"];
  assertEquals(log, [...trial, "open gpu on 600"]);
  assertEquals(messages, ["Training on Some GPU: 2000 images/s in a trial, the CPU 1000"]);
});

Deno.test("openFaster() leaves a GPU alone that is no faster, fails, or has no room for all images", async () => {
  const cases: [gpu: number, said: string, most?: number][] = [
    [1000, "1000 images/s in a trial, the CPU 1000"],
    [10, "10 images/s in a trial, the CPU 1000"],
    [NaN, "device lost"],
    [2000, "no room", 512],
  ];
  for (const [gpu, said, most] of cases) {
    const { engine, log, messages } = await chooseEngine({ cpu: 1000, gpu }, most);
    assertEquals([engine.info.name, log.at(-1)], ["cpu", "open cpu on 600"]);
    assertEquals(messages, [`Training on the CPU, not on Some GPU: ${said}`]);
  }
});

Deno.test("trainingRate() trains a stack three epochs and gives a rate > 0", async () => {
  const engine = stubEngine();
  assert(await trainingRate(engine, dataset) > 0);
  assertEquals(engine.calls.filter((call) => call === "epoch 6").length, 3);
});

const split = makeSplit([0], [0]);
const open = { splits: { train: split, test: split }, library: "onnxruntime" } as const;
const failing = new URL("../fixtures/failing_worker.ts", import.meta.url);

/** The thread that answers, by a number of its own. */
function askWho(pool: Pool): Promise<number> {
  return pool.run("gemmRate", { repeats: 2 });
}

Deno.test("openPool(): a thread that failed gets no other task, another takes its place", async () => {
  const pool = await openPool(1, open, failing);
  const before = await askWho(pool);
  assertEquals(await askWho(pool), before);
  const broken = pool.run("gemmRate", { repeats: 0 });
  // These wait in the queue while the thread fails.
  const behind = [askWho(pool), askWho(pool)];
  const { message } = await assertRejects(() => broken, Error);
  assertEquals(message, "A thread of the CPU engine failed: Uncaught Error: out of order");
  const [after, again] = await Promise.all(behind);
  assertNotEquals(after, before);
  assertEquals(again, after);
  // One that fails when it has answered.
  assertEquals(await pool.run("gemmRate", { repeats: 3 }), after);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const ask = (): Promise<number> => askWho(pool).catch(() => askWho(pool));
  for (const name of await Promise.all([ask(), ask()])) assertNotEquals(name, after);
  pool.close();
});

Deno.test("openPool(): a thread that reports an error, or is asked what cannot be sent, goes on", async () => {
  const pool = await openPool(1, open, failing);
  const before = await askWho(pool);
  const { message } = await assertRejects(() => pool.run("gemmRate", { repeats: 1 }), Error);
  assertEquals(message, "wrong task");
  const unsendable = { repeats: (() => {}) as unknown as number };
  await assertRejects(() => pool.run("gemmRate", unsendable), Error, "Cannot ask a thread");
  assertEquals(await askWho(pool), before);
  pool.close();
});

Deno.test("openPool() rejects if its threads do not start", async () => {
  const missing = new URL("../fixtures/no_such_worker.ts", import.meta.url);
  await assertRejects(() => openPool(2, open, missing), Error, "A thread of the CPU engine failed");
});
