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
import config from "~/deno.json" with { type: "json" };
import { openBlas } from "~/lib/engine/cpu/gemm/blas.ts";
import type { GemmLibrary, GemmLibraryName } from "~/lib/engine/cpu/gemm/gemm_library.ts";
import { openOnnxRuntime } from "~/lib/engine/cpu/gemm/onnx_runtime.ts";
import { MLP_1 } from "~/lib/model.ts";

/** Share of the fastest rate at which the system's BLAS is taken still, so that noise decides nothing. */
const CLOSE = 0.9;

/** Trials at most until two that follow each other agree; if none do, the BLAS is taken. */
const MOST_TRIALS = 5;

/** What is known before anything is measured. */
export interface ChoiceOptions {
  /** This one and no other; "measure": a trial, whatever was chosen before. */
  readonly demanded?: GemmLibraryName | "measure" | undefined;
  /** This one if it is there: a run goes on with the library that it was begun with. */
  readonly prefer?: GemmLibraryName | undefined;
  /** File that keeps what was chosen on each machine. Default: nothing is kept. */
  readonly choices?: string | undefined;
  /** Gets one line: what was chosen, why, and the rates. */
  readonly onMessage?: ((message: string) => void) | undefined;
  /** Rates of libraries in FLOP/s. Default: `measureGemm`. */
  readonly measure?: (libraries: readonly GemmLibrary[]) => Promise<number[]>;
}

/** A library that is open, and why this one. */
export interface ChosenLibrary {
  readonly library: GemmLibrary;
  /** The same text whenever the choice is the same; no times in it. */
  readonly chosen: string;
}

/** What a choice depends on. */
interface Machine {
  readonly processor: string;
  /** Name, version and kernels of each. */
  readonly blas: string;
  readonly onnxruntime: string;
}

/** A choice as it is kept. */
interface Choice extends Machine {
  readonly library: GemmLibraryName;
  /** GFLOP/s a thread, of the last trial. */
  readonly rates: Readonly<Record<GemmLibraryName, number>>;
  /** The day of the trial. */
  readonly date: string;
}

/**
 * Opens the matrix library to compute with. An OpenBLAS that does not know the processor gets the
 * right kernels first; what that saves is seen by the measurement. What was measured on the same
 * processor with the same libraries is not measured again.
 *
 * @throws {Error} If the library that is demanded is not there.
 */
export async function chooseGemmLibrary(options: ChoiceOptions = {}): Promise<ChosenLibrary> {
  const { demanded, choices, measure = measureGemm, onMessage } = options;
  const again = demanded === "measure";
  const [wanted, why] = again || demanded === undefined
    ? [again ? undefined : options.prefer, "the run's own"]
    : [demanded, "demanded"];
  const say = (library: GemmLibrary, why: string, more = ""): ChosenLibrary => {
    const { name, replaced } = library;
    const chosen = replaced ? `${why}, with better kernels than its ${replaced}` : why;
    onMessage?.(`Matrix products by ${name}: ${chosen}${more}`);
    return { library, chosen };
  };
  if (demanded === "onnxruntime") return say(await openOnnxRuntime(), why);
  const blas = openBlas({ improve: true });
  if (blas === undefined) {
    return demanded === "blas" ? noBlas() : say(await openOnnxRuntime(), "the only one here");
  }
  if (wanted === "blas") return say(blas, why);
  const machine = {
    processor: processor(),
    blas: blas.name,
    onnxruntime: config.imports["onnxruntime-node"].split("@")[1]!,
  };
  const all = readChoices(choices);
  const isThis = (choice: Machine): boolean =>
    Object.entries(machine).every(([key, value]) => choice[key as keyof Machine] === value);
  const known = wanted === undefined && !again ? all.find(isThis) : undefined;
  const fastest = "the faster one here";
  if (known?.library === "blas") return say(blas, fastest, describe(known, choices));
  const onnxRuntime = await openOnnxRuntime().catch(({ message }: Error) => onMessage?.(message));
  if (!onnxRuntime) return say(blas, "the only one here");
  if (wanted === "onnxruntime") {
    blas.close();
    return say(onnxRuntime, why);
  }
  const choice = known ?? { ...machine, ...await tryBoth([blas, onnxRuntime], measure) };
  const isKept = known !== undefined ||
    keepChoices(choices, [...all.filter((other) => !isThis(other)), choice]);
  const more = describe(choice, isKept ? choices : undefined);
  if (choice.library === "blas") return say(blas, fastest, more);
  blas.close();
  return say(onnxRuntime, fastest, more);
}

/** The library to take at these rates: the system's BLAS unless the other is clearly faster. */
export function fasterLibrary(rates: Readonly<Record<GemmLibraryName, number>>): GemmLibraryName {
  return rates.blas >= CLOSE * rates.onnxruntime ? "blas" : "onnxruntime";
}

/** Measures until two trials that follow each other agree: other work may disturb any of them. */
async function tryBoth(
  libraries: readonly GemmLibrary[],
  measure: (libraries: readonly GemmLibrary[]) => Promise<number[]>,
): Promise<Omit<Choice, keyof Machine>> {
  let before: GemmLibraryName | undefined;
  for (let trial = 1;; trial++) {
    const [blas = 0, onnxruntime = 0] = await measure(libraries);
    const library = fasterLibrary({ blas, onnxruntime });
    if (library === before || trial === MOST_TRIALS) {
      const rates = { blas: Math.round(blas / 1e9), onnxruntime: Math.round(onnxruntime / 1e9) };
      const date = new Date().toISOString().slice(0, 10);
      return { library: library === before ? library : "blas", rates, date };
    }
    before = library;
  }
}

function describe({ rates, date, ...names }: Choice, file: string | undefined): string {
  const kept = file === undefined ? "" : `, kept in ${file} since ${date}`;
  return `${kept} (GFLOP/s a thread: ${names.blas} ${rates.blas}, onnxruntime-node ` +
    `${names.onnxruntime} ${rates.onnxruntime})`;
}

/** The choices that are kept; none where the file is not there or is no such file. */
function readChoices(file: string | undefined): Choice[] {
  try {
    const all: unknown = file === undefined ? [] : JSON.parse(Deno.readTextFileSync(file));
    return Array.isArray(all)
      ? all.filter(({ library, rates, date }: Partial<Choice>) =>
        /^(blas|onnxruntime)$/.test(library ?? "") && rates !== undefined && date !== undefined
      )
      : [];
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

function processor(): string {
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
export async function openGemmLibrary(name: GemmLibraryName): Promise<GemmLibrary> {
  return name === "blas" ? openBlas() ?? noBlas() : await openOnnxRuntime();
}

/** @throws {Error} Always: what to install. */
function noBlas(): never {
  throw new Error(
    "Cannot multiply matrices with a BLAS as none was found: install OpenBLAS " +
      "(Debian: libopenblas0-pthread), BLIS or MKL, or choose onnxruntime",
  );
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
  const [inputs, outputs] = MLP_1 as readonly number[] as [number, number];
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
