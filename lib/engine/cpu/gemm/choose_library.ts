/**
 * The choice of the matrix library: what is fast here, made once for a machine, unless one is
 * demanded.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { dirname } from "node:path";
import process from "node:process";
import { z } from "zod";
import config from "~/deno.json" with { type: "json" };
import { openBlas } from "~/lib/engine/cpu/gemm/blas.ts";
import {
  GEMM_LIBRARIES,
  type GemmLibrary,
  type GemmLibraryName,
  type LibrarySource,
} from "~/lib/engine/cpu/gemm/gemm_library.ts";
import { openOneDnn } from "~/lib/engine/cpu/gemm/onednn.ts";
import { openOnnxRuntime } from "~/lib/engine/cpu/gemm/onnx_runtime.ts";
import type { EngineOptions } from "~/lib/engine/engine.ts";
import { MLP_1 } from "~/lib/model.ts";

/** Share of the fastest rate at which an earlier of `GEMM_LIBRARIES` is taken, so that noise decides nothing. */
const CLOSE = 0.95;

/** Trials at most until two that follow each other agree; if none do, the first library is taken. */
const MOST_TRIALS = 5;

/** What is known before anything is measured. */
export interface ChoiceOptions extends Pick<EngineOptions, "choices" | "onMessage"> {
  /** This one and no other; "measure": a trial, whatever was chosen before. */
  readonly demanded?: LibrarySource | "measure" | undefined;
  /** This one if it is there: a run goes on with the library that it was begun with. */
  readonly prefer?: GemmLibraryName | undefined;
  /** Rates of libraries in FLOP/s. Default: `measureGemm`. */
  readonly measure?: (libraries: readonly GemmLibrary[]) => Promise<number[]>;
}

/** A library that is open, and why this one. */
export interface ChosenLibrary {
  readonly library: GemmLibrary;
  /** The same text whenever the choice is the same; no times in it. */
  readonly chosen: string;
}

/** A choice as it is kept: names, versions and kernels of libraries, or "" where one is not there. */
const choiceSchema = z.object({
  processor: z.string(),
  blas: z.string(),
  onnxruntime: z.string(),
  /** Not looked at where it lost, as loading it takes 40 MB. */
  onednn: z.string(),
  library: z.enum(GEMM_LIBRARIES),
  /** GFLOP/s a thread, of the last trial; of what is there. */
  rates: z.partialRecord(z.enum(GEMM_LIBRARIES), z.number()),
  date: z.iso.date(),
});
type Choice = z.infer<typeof choiceSchema>;
/** What it depends on. */
type Machine = Pick<Choice, "processor" | "blas" | "onnxruntime">;

/**
 * Opens the matrix library to compute with. An OpenBLAS that does not know the processor gets the
 * right kernels first; what that saves is seen by the measurement. What was measured on the same
 * processor with the same libraries is not measured again.
 *
 * @throws {Error} If the library that is demanded is not there.
 */
export async function chooseGemmLibrary(options: ChoiceOptions = {}): Promise<ChosenLibrary> {
  const { demanded, prefer, choices, measure = measureGemm, onMessage } = options;
  const say = (library: GemmLibrary, why: string, more = ""): ChosenLibrary => {
    const { name, replaced } = library;
    const chosen = replaced ? `${why}, with better kernels than its ${replaced}` : why;
    onMessage?.(`Matrix products by ${name}: ${chosen}${more}`);
    return { library, chosen };
  };
  const again = demanded === "measure";
  if (!again && demanded !== undefined) return say(await openGemmLibrary(demanded), "demanded");
  if (!again && prefer !== undefined) {
    const own = await openGemmLibrary(prefer).catch(() => undefined);
    if (own !== undefined) return say(own, "the run's own");
  }
  const blas = openBlas();
  const machine: Machine = {
    processor: processor(),
    blas: blas?.name ?? "",
    onnxruntime: config.imports["onnxruntime-node"].split("@")[1]!,
  };
  const isThis = (choice: Machine): boolean =>
    Object.entries(machine).every(([key, value]) => choice[key as keyof Machine] === value);
  const fastest = "the fastest one here";
  const known = again ? undefined : readChoices(choices).find(isThis);
  if (known !== undefined) {
    const library = known.library === "blas"
      ? blas
      : await openGemmLibrary(known.library).catch(() => undefined);
    if (library && (library.kind !== "onednn" || library.name === known.onednn)) {
      if (library !== blas) blas?.close();
      return say(library, fastest, describe(known, choices));
    }
  }
  const oneDnn = openOneDnn();
  const onnxRuntime = await openOnnxRuntime().catch((error: Error) => {
    if (!blas && !oneDnn) throw error;
    onMessage?.(error.message);
    return undefined;
  });
  const libraries = [blas, oneDnn, onnxRuntime].filter((each) => each !== undefined);
  if (libraries.length === 1) return say(libraries[0]!, "the only one here");
  const choice = {
    ...{ ...machine, onednn: oneDnn?.name ?? "" },
    ...await tryAll(libraries, measure),
  };
  // Read again: other machines may have kept theirs meanwhile.
  const others = readChoices(choices).filter((other) => !isThis(other));
  const isKept = keepChoices(choices, [...others, choice]);
  for (const other of libraries.filter(({ kind }) => kind !== choice.library)) other.close();
  const chosen = libraries.find(({ kind }) => kind === choice.library)!;
  return say(chosen, fastest, describe(choice, isKept ? choices : undefined));
}

/** The first library whose rate is close to the fastest. */
export function fasterLibrary(rates: Choice["rates"]): GemmLibraryName {
  const fastest = Math.max(...Object.values(rates));
  return GEMM_LIBRARIES.find((kind) => (rates[kind] ?? 0) >= CLOSE * fastest)!;
}

/** Measures until two trials that follow each other agree: other work may disturb any of them. */
async function tryAll(
  libraries: readonly GemmLibrary[],
  measure: (libraries: readonly GemmLibrary[]) => Promise<number[]>,
): Promise<Pick<Choice, "library" | "rates" | "date">> {
  let before: GemmLibraryName | undefined;
  for (let trial = 1;; trial++) {
    const measured = await measure(libraries);
    const found = libraries.map(({ kind }, index) => [kind, measured[index]! / 1e9] as const);
    const library = fasterLibrary(Object.fromEntries(found));
    if (library === before || trial === MOST_TRIALS) {
      const date = new Date().toISOString().slice(0, 10);
      return {
        library: library === before ? library : libraries[0]!.kind,
        rates: Object.fromEntries(found.map(([kind, rate]) => [kind, Math.round(rate)])),
        date,
      };
    }
    before = library;
  }
}

function describe({ rates, date, ...names }: Choice, file: string | undefined): string {
  const kept = file === undefined ? "" : `, kept in ${file} since ${date}`;
  const each = GEMM_LIBRARIES.filter((kind) => rates[kind] !== undefined).map((kind) =>
    `${kind === "onnxruntime" ? "onnxruntime-node " : ""}${names[kind]} ${rates[kind]}`
  );
  return `${kept} (GFLOP/s a thread: ${each.join(", ")})`;
}

/** The choices that are kept; none where the file is not there or is no such file. */
function readChoices(file: string | undefined): Choice[] {
  try {
    const all: unknown = file === undefined ? [] : JSON.parse(Deno.readTextFileSync(file));
    return Array.isArray(all) ? all.flatMap((one) => choiceSchema.safeParse(one).data ?? []) : [];
  } catch {
    return [];
  }
}

/** Whether they could be kept: a command that may not write measures again the next time. */
function keepChoices(file: string | undefined, choices: readonly Choice[]): boolean {
  try {
    if (file === undefined) return false;
    if (!existsSync(dirname(file))) Deno.mkdirSync(dirname(file), { recursive: true });
    Deno.writeTextFileSync(file, `${JSON.stringify(choices, null, 2)}\n`);
    return true;
  } catch {
    return false;
  }
}

/** The processor's name; "unknown" where the system does not tell, or may not. */
export function processor(): string {
  try {
    return cpus()[0]?.model.trim() || "unknown";
  } catch {
    return "unknown";
  }
}

/**
 * Opens a matrix library as it is loaded, or as the system loads it.
 *
 * @throws {Error} If it is not there.
 */
export async function openGemmLibrary(source: LibrarySource): Promise<GemmLibrary> {
  if (source === "onnxruntime") return await openOnnxRuntime();
  if (source === "onednn") return openOneDnn() ?? noLibrary(source);
  return openBlas(source === "blas" ? undefined : source) ?? noLibrary(source);
}

/** @throws {Error} Always: what to install. */
function noLibrary(source: LibrarySource): never {
  const known: Readonly<Record<string, string>> = {
    blas: "a BLAS as none was found: install OpenBLAS (Debian: libopenblas0-pthread), BLIS or MKL",
    onednn: "oneDNN as it was not found: install it, built with OpenMP (Debian: libdnnl2)",
  };
  const file = `${source} as the system finds no such file, or it has no cblas_sgemm with ` +
    "integers of 32 bits: name another";
  throw new Error(`Cannot multiply matrices with ${known[source] ?? file}, or choose onnxruntime`);
}

/** The study's usual batch size. */
const ROWS = 128;

/** Milliseconds for all libraries together; two rounds are always made, the first warms up. */
const PATIENCE = 120;

/**
 * Multiplies the first layer's matrices, which hold nine tenths of the arithmetic: its outputs for
 * a batch, and its weights' step as the engine makes it with this library. The libraries take
 * turns, so that whatever else the machine does slows all of them down.
 *
 * @returns FLOP/s of one thread by library, from the best time of each product.
 */
export async function measureGemm(libraries: readonly GemmLibrary[]): Promise<number[]> {
  const [inputs, outputs] = MLP_1 as [number, number];
  const pixels = 4 * outputs * inputs;
  const hidden = pixels + 4 * ROWS * inputs;
  const gradient = hidden + 4 * ROWS * outputs;
  const memory = new WebAssembly.Memory({ initial: Math.ceil((gradient + pixels) / 65_536) });
  // Numbers that vary, as a processor's clock depends on them.
  const values = new Float32Array(memory.buffer);
  for (let i = 0; i < values.length; i++) values[i] = ((i * 37) % 64 - 31.5) / 64;
  const products = libraries.map((library) => {
    const gemm = library.bind(memory);
    return [
      () => gemm("NT", outputs, ROWS, inputs, 0, pixels, hidden),
      library.accumulates
        ? () => gemm("NN", outputs, inputs, ROWS, hidden, pixels, 0, 1, -1e-6)
        : () => gemm("NN", outputs, inputs, ROWS, hidden, pixels, gradient),
    ];
  });
  const best = products.map((own) => own.map(() => Infinity));
  const start = performance.now();
  for (let round = 0; round < 2 || performance.now() - start < PATIENCE; round++) {
    for (const [index, own] of products.entries()) {
      for (const [which, multiply] of own.entries()) {
        const elapsed = startTimer();
        const pending = multiply();
        if (pending) await pending;
        best[index]![which] = Math.min(best[index]![which]!, elapsed());
      }
    }
  }
  const flop = 2 * 2 * outputs * ROWS * inputs;
  return best.map(([forward, step]) => 1000 * flop / (forward! + step!));
}

/**
 * Milliseconds since the call: of this process alone where that is less, as others want the cores
 * too. Windows counts a process's time in steps of 16 ms, longer than a product takes.
 */
function startTimer(): () => number {
  const time = performance.now();
  const used = process.cpuUsage();
  return () => {
    const wall = performance.now() - time;
    const { user, system } = process.cpuUsage(used);
    return Deno.build.os === "windows" ? wall : Math.min(wall, (user + system) / 1000);
  };
}
