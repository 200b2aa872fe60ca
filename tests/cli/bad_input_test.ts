/**
 * Input that cannot be right, for the library and on command lines: one clear line, nothing written.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ensureCifar10, loadImagesLabels } from "~/lib/dataset.ts";
import { drawDirection } from "~/lib/engine/direction.ts";
import { type CpuEngine, createCpuEngine } from "~/lib/engine/cpu/cpu_engine.ts";
import { type EngineName, openEngine } from "~/lib/engine/open_engine.ts";
import { plotResults, plotResults2, writeFigures } from "~/lib/figures/list_figures.ts";
import { countParameters, initialise } from "~/lib/model/layout.ts";
import { decodeModel, encodeModel } from "~/lib/model/model_file.ts";
import { openStream } from "~/lib/random.ts";
import { getModelReady, plan, run, type RunOutcome } from "~/lib/reproduce/run.ts";
import { runFiles } from "~/lib/results/run_files.ts";
import { sampleSharpness } from "~/lib/measure/sharpness.ts";
import {
  meanInterval,
  pairedDifference,
  pooledInterval,
  seedInterval,
  tQuantile,
} from "~/lib/statistics/statistics.ts";
import { listRuns } from "~/lib/study/study.ts";
import { learn, type Learner } from "~/lib/trainer/learn.ts";
import { assertEquals, assertMatch } from "@std/assert";
import { type Command, type Ended, ended, ROOT, startCommand, startDeno } from "~/tests/fixtures/script.ts";
import { TINY_RESULT } from "~/tests/fixtures/result_fixture.ts";
import { stubEngine, stubMember } from "~/tests/fixtures/stub_engine.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { randomDataset } from "~/tests/fixtures/tiny_dataset.ts";
import { change, STUDY } from "~/tests/fixtures/tiny_study.ts";

// --- The library ---

/** Nothing may be written here. */
const NOWHERE = { models: join(ROOT, "data", "never"), results: join(ROOT, "data", "never") };

/** A name, what is called, and the kind of error. */
type Case = [string, () => unknown, new (message?: string) => Error];

/** A value of a type that TypeScript would refuse. */
const wrong = (value: unknown): never => value as never;

const protocol = { ...STUDY.training, optimizer: "SGD", batchSize: 8 } as const;
const learner = (learningRate: number): Learner => ({
  ...stubMember(1),
  learningRate,
  epochLosses: [],
  seconds: 0,
});
const train = (options: object, learningRate = 0.1): Promise<void> =>
  learn(stubEngine(), [learner(learningRate)], {
    ...protocol,
    ...options,
    onFinish: () => Promise.resolve(),
  });
const sample = (options: object): Promise<unknown> =>
  sampleSharpness(stubEngine(), {
    ...STUDY.sharpness,
    sizes: [1, 1],
    models: [stubMember(1).parameters],
    ...options,
  });
const dataset = randomDataset([6, 3], 20);
async function onCpu(work: (engine: CpuEngine) => unknown): Promise<unknown> {
  const engine = await createCpuEngine({ dataset, threads: 1 }, "onnxruntime");
  try {
    return await work(engine);
  } finally {
    await engine.close();
  }
}
const stack = (sizes: number[], count: number, state: number): Promise<unknown> =>
  onCpu((engine) =>
    engine.createStack({ sizes, batchSize: 4, optimizer: "AdaGrad" }, [{
      learningRate: 0.1,
      parameters: new Float32Array(new SharedArrayBuffer(4 * count)),
      state: new Float32Array(new SharedArrayBuffer(4 * state)),
    }])
  );

const [config] = listRuns(STUDY.grid);
const { run: result } = TINY_RESULT;
const twice = [0, 1].map(() => ({ ...result, config: config! }));

const CASES: Case[] = [
  ...[-1, 1.5, NaN, 2 ** 32, Infinity, wrong("1"), wrong(undefined)].map((seed): Case => [
    `openStream(${seed}, 0)`,
    () => openStream(seed, 0),
    RangeError,
  ]),
  ...[-1, 0.5, NaN, wrong(null)].map((index): Case => [
    `openStream(0, ${index})`,
    () => openStream(0, index),
    RangeError,
  ]),
  ["drawDirection, k = -1", () => drawDirection(new Float32Array(4), 0, -1), RangeError],
  ...[[], [3], [3, 0], [3, -1, 2], [3, 1.5], [NaN, 2], [2 ** 21, 2], wrong(["3", "2"])].map(
    (sizes): Case => [`initialise([${sizes}])`, () => initialise(sizes, 0), RangeError],
  ),
  ["initialise, seed -1", () => initialise([3, 2], -1), RangeError],
  ["countParameters([1])", () => countParameters([1]), RangeError],
  ...[0, 6, -1, 1.5, NaN, wrong("2"), wrong(null)].map((count): Case => [
    `loadImagesLabels(${count})`,
    () => loadImagesLabels(count),
    RangeError,
  ]),
  [
    "loadImagesLabels, no folder",
    () => loadImagesLabels(1, { directory: "/no/such folder/ünicode" }),
    RangeError,
  ],
  ...[0, -1, 1.5, NaN, 257, wrong("2")].map((threads): Case => [
    `createCpuEngine, ${threads} threads`,
    () => createCpuEngine({ dataset, threads }),
    RangeError,
  ]),
  ["createStack, sizes of other images", () => stack([7, 3], 24, 24), RangeError],
  ["createStack, too few classes", () => stack([6, 2], 14, 14), RangeError],
  ["createStack, too few parameters", () => stack([6, 3], 20, 21), RangeError],
  ["createStack, no state", () => stack([6, 3], 21, 0), RangeError],
  ["openEngine, unknown", () => openEngine("abacus" as EngineName, { dataset }), RangeError],
  ...[0, -1, 1.5, NaN, Infinity, wrong("8")].map((batchSize): Case => [
    `learn, batch size ${batchSize}`,
    () => train({ batchSize }),
    RangeError,
  ]),
  ...[-1, NaN, Infinity].map((rate): Case => [
    `learn, learning rate ${rate}`,
    () => train({}, rate),
    RangeError,
  ]),
  ...[-1, 1.5, NaN, Infinity].map((maxEpochs): Case => [
    `learn, ${maxEpochs} epochs`,
    () => train({ maxEpochs }),
    RangeError,
  ]),
  ["learn, optimizer Adam", () => train({ optimizer: "Adam" }), RangeError],
  ["learn, criterion -1", () => train({ stoppingCriterion: -1 }), RangeError],
  ["learn, criterion NaN", () => train({ stoppingCriterion: NaN }), RangeError],
  ["learn, 0 criterion epochs", () => train({ stoppingCriterionEpochs: 0 }), RangeError],
  ...[-1, NaN, Infinity, wrong("5")].map((radius): Case => [
    `sampleSharpness, radius ${radius}`,
    () => sample({ radius }),
    RangeError,
  ]),
  ...[0, -1, 1.5, NaN].map((directions): Case => [
    `sampleSharpness, ${directions} directions`,
    () => sample({ directions }),
    RangeError,
  ]),
  ["meanInterval([])", () => meanInterval([]), RangeError],
  ["meanInterval([NaN])", () => meanInterval([1, NaN]), RangeError],
  ["meanInterval, level 1", () => meanInterval([1, 2], { level: 1 }), RangeError],
  ["seedInterval of nothing", () => seedInterval([]), RangeError],
  ["pooledInterval of nothing", () => pooledInterval([]), RangeError],
  ["tQuantile(1, 2)", () => tQuantile(1, 2), RangeError],
  ["tQuantile(0.5, 0)", () => tQuantile(0.5, 0), RangeError],
  [
    "plotResults, an effect outside the grid",
    () =>
      plotResults(change({ grid: { effects: ["batch-size"] } }), [], {
        effect: "learning-rate",
        optimizer: "SGD",
      }),
    RangeError,
  ],
  [
    "plotResults, an optimizer outside the grid",
    () => plotResults(STUDY, [], { effect: "batch-size", optimizer: wrong("Adam") }),
    RangeError,
  ],
  ["plotResults2, a run twice", () => plotResults2(STUDY, twice), RangeError],
  ["writeFigures, a run twice", () => writeFigures(STUDY, twice, "/no/such folder"), RangeError],
  ["pairedDifference of NaN", () => {
    pairedDifference(new Map([[0, NaN]]), new Map([[0, 1]]));
  }, RangeError],
  ["encodeModel, parameters of another network", () => {
    encodeModel([3, 2], new Float32Array(7));
  }, RangeError],
  ["decodeModel of nothing", () => decodeModel(new Uint8Array(0), "m"), TypeError],
  ["decodeModel of text", () => decodeModel(new TextEncoder().encode("hello"), "m"), TypeError],
  ["run, no seeds", () => run(change({ grid: { seeds: [] } })), RangeError],
  ["run, a seed twice", () => run(change({ grid: { seeds: [1, 1] } })), RangeError],
  ["run, 0 images", () => run(change({ training: { images: 0 } })), RangeError],
  ["run, other images", () => run(change({ training: { sizes: [9, 10] } })), RangeError],
  ["plan, batch size 0", () => plan(change({ grid: { batchSizes: [0] } })), RangeError],
  [
    "getModelReady, learning rate NaN",
    () => getModelReady(STUDY, { ...config!, learningRate: NaN }),
    RangeError,
  ],
  ...[{ optimizer: "Adam" }, { optimizer: "__proto__" }, { batchSize: 0.5 }, { seed: "0" }].map(
    (part): Case => [
      `getModelReady, ${JSON.stringify(part)}`,
      () => getModelReady(STUDY, { ...config!, ...wrong(part) as object }),
      RangeError,
    ],
  ),
  ...[{ threads: 0 }, { threads: NaN }, { engine: wrong("abacus") }, { data: "/no/such" }].map(
    (options): Case => [
      `run, ${JSON.stringify(options)}`,
      () => run(STUDY, { folders: NOWHERE, engine: "cpu", ...options }),
      RangeError,
    ],
  ),
  ["drawDirection, seed NaN", () => drawDirection(new Float32Array(4), NaN, 0), RangeError],
  ...[-1, 2 ** 32, wrong("1")].map((directionSeed): Case => [
    `sampleSharpness, direction seed ${directionSeed}`,
    () => sample({ directionSeed }),
    RangeError,
  ]),
];

Deno.test(`${CASES.length} calls with bad input: an error that names what must be`, async () => {
  const faults: string[] = [];
  for (const [name, call, kind] of CASES) {
    try {
      await call();
      faults.push(`${name}: no error`);
    } catch (error) {
      const { message } = error as Error;
      const isClear = error instanceof kind && !message.includes("\n") &&
        /^Cannot .+|must/.test(message);
      if (!isClear) faults.push(`${name}: ${error}`);
    }
  }
  assertEquals(faults, []);
  assertEquals(existsSync(NOWHERE.models), false);
});

// --- Command lines ---

/** Runs a command with exactly its task's permissions. */
function command(name: Command, args: string[]): Promise<Ended> {
  return ended(startCommand(name, args));
}

/** A folder with what a path may lead to besides a folder or a file. */
async function withOddities(work: (folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "a file"), "");
    await Deno.mkdir(join(folder, "a folder, ünicode 数"));
    await Deno.symlink(join(folder, "nowhere"), join(folder, "to nothing"));
    await Deno.symlink(join(folder, "loop"), join(folder, "loop"));
    await Deno.symlink(join(folder, "a folder, ünicode 数"), join(folder, "link"));
    await Deno.symlink(join(ROOT, "data"), join(folder, "to data"));
    await work(folder);
  });
}

Deno.test("paths that cannot be used: one line, status 2, nothing written", async () => {
  await withOddities(async (folder) => {
    const before = listFiles(folder);
    // Another test may be fetching them just now.
    await ensureCifar10();
    const data = listFiles(join(ROOT, "data"));
    const TRAIN = ["--learning-rate", "0.1", "--batch-size", "8", "--optimizer", "SGD"];
    const at = (name: string): string => join(folder, name);
    const cases: [Command, string[]][] = [
      ["reproduce", ["--results", "data/results"]],
      ["reproduce", ["--models", "data"]],
      ["reproduce", ["--results", "data/../data/x"]],
      ["reproduce", ["--data", folder, "--results", at("x")]],
      ["reproduce", ["--results", at("a file")]],
      ["reproduce", ["--models", at("a file")]],
      ["reproduce", ["--results", at("a file/below")]],
      ["reproduce", ["--results", at("to nothing")]],
      ["reproduce", ["--models", at("to nothing")]],
      ["reproduce", ["--results", at("loop")]],
      ["reproduce", ["--data", at("to nothing")]],
      ["reproduce", ["--data", at("loop")]],
      ["reproduce", ["--results", ""]],
      ["reproduce", ["--results", at("to data")]],
      ["reproduce", ["--results", "/no\u001b[31m\nfolder", "--data", at("\u001b[31m\n")]],
      ["reproduce", ["--preset", "\u001b]0;title\u0007"]],
      ["reproduce", ["--fresh=yes"]],
      ["reproduce", ["--no-fresh"]],
      ["reproduce", ["--__proto__=1"]],
      ["reproduce", ["--seeds", "9".repeat(5000)]],
      ["reproduce", ["--models"]],
      ["sharpness", ["--model", "--json"]],
      ["train", [...TRAIN, "--seed", "0", "--out", `${at("link")}/`]],
      ["train", [...TRAIN, "--seed", "0", "--out", `${at("new")}/`]],
      ["train", [...TRAIN, "--seed", "0", "--out", at("to nothing/m")]],
      ["train", [...TRAIN, "--seed", "0", "--out", at("m"), "--data", at("loop")]],
      ["train", [...TRAIN, "--seed", "0", "--out", at("loop")]],
      ["train", [...TRAIN, "--seed", "0", "--out", at("a file/m.safetensors")]],
      ["train", [...TRAIN, "--seed", "0", "--out", at("link")]],
      ["train", [...TRAIN, "--seed", "0", "--out", at("m"), "--init", at("loop")]],
      ["sharpness", ["--model", at("loop")]],
      ["sharpness", ["--model", at("to nothing")]],
      ["sharpness", ["--model", at("link")]],
      ["sharpness", ["--model", at("a file")]],
      ["bench", ["--data", at("loop")]],
      ["bench", ["--data", at("to nothing")]],
      ["bench", ["--threads", "0"]],
      ["bench", ["more"]],
    ];
    const waiting = [...cases];
    const faults: string[] = [];
    await Promise.all([0, 1].map(async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const { code, stdout, stderr } = await command(...next);
        // deno-lint-ignore no-control-regex
        const isClear = code === 2 && stdout === "" && /^[^\u0000-\u001f]{10,700}\n$/.test(stderr);
        if (!isClear) faults.push(`${next.flat().join(" ")}: ${code} ${stdout} ${stderr}`);
      }
    }));
    assertEquals(faults, []);
    assertEquals(listFiles(folder), before);
    assertEquals(listFiles(join(ROOT, "data")), data);
  });
});

Deno.test("CIFAR10_DIR that leads nowhere: one line that names it, nothing written", async () => {
  await withFolder(async (folder) => {
    const args = ["--results", `${folder}/r`, "--models", `${folder}/m`, "--images", "100"];
    const flags = ["--allow-read=.", "--allow-env=CIFAR10_DIR,XDG_RUNTIME_DIR", "--allow-run"];
    const { code, stderr } = await ended(
      startDeno(
        ["run", "--quiet", "--no-prompt", ...flags, "lib/cli/launch.ts", "reproduce", ...args],
        { CIFAR10_DIR: `${folder}/none` },
      ),
    );
    assertMatch(stderr, /^Cannot load CIFAR-10 as .*none.*\n$/);
    assertEquals(code, 1);
    assertEquals(listFiles(folder), []);
  });
});

Deno.test("folders with spaces, unicode and links work, models and results in one, too", async () => {
  await withOddities(async (folder) => {
    const study = [
      ...["--effects", "learning-rate", "--learning-rates", "0.01", "--optimizers", "SGD"],
      ...["--seeds", "0", "--images", "100", "--max-epochs", "1", "--directions", "1"],
      ...["--engine", "cpu", "--json"],
    ];
    for (const name of ["link", "a folder, ünicode 数", "new, with $pecial 'characters'"]) {
      const place = join(folder, name);
      const args = [...study, "--models", place, "--results", place];
      const { code, stdout, stderr } = await command("reproduce", args);
      assertEquals(code, 0, stderr);
      // The link leads to the second folder: what was computed there is found.
      const computed = name.startsWith("a folder") ? 0 : 1;
      assertEquals(JSON.parse(stdout).computedRuns, computed, name);
    }
  });
});

Deno.test("a link as a result and as the data's folder works, one to nothing is no result", async () => {
  await withOddities(async (folder) => {
    const place = join(folder, "a folder, ünicode 数");
    const one = change({ grid: { effects: ["learning-rate"], optimizers: ["SGD"] } });
    const folders = { models: join(folder, "models"), results: place };
    const data = join(folder, "to data");
    const messages: string[] = [];
    const compute = (): Promise<RunOutcome> =>
      run(one, {
        ...{ folders, data, engine: "cpu", threads: 1 },
        onMessage: (message) => void messages.push(message),
      });
    const first = await compute();
    assertEquals(first.computedRuns, 1);
    const { result } = runFiles(one, listRuns(one.grid)[0]!, folders);
    const elsewhere = join(folder, "moved.json");
    await Deno.rename(result, elsewhere);
    await Deno.symlink(elsewhere, result);
    assertEquals(await compute(), { ...first, cachedRuns: 1, computedRuns: 0 });
    // A dangling one is no result: it is measured again.
    await Deno.remove(elsewhere);
    const again = await compute();
    assertEquals(again.results.map((each) => each.run), first.results.map((each) => each.run));
    assertEquals([again.computedRuns, messages], [1, []]);
    // One that leads to itself is set aside.
    await Deno.remove(result);
    await Deno.symlink(result, result);
    assertEquals((await compute()).computedRuns, 1);
    assertEquals(messages.length, 1);
    assertMatch(messages[0]!, /^Cannot read .*; set aside as .*\.damaged-1, it will be computed/);
  });
});

Deno.test("setup:gpu refuses what it does not know, before it installs anything", async () => {
  for (const args of [["--bogus"], ["tfjs-node"], ["--cpu=1"], ["--cpu", "--cpu"], ["--", "x"]]) {
    const flags = ["--allow-read=.", "--allow-env", "--allow-sys"];
    const { code, stderr } = await ended(
      startDeno(["run", "--quiet", "--no-prompt", ...flags, "lib/cli/setup_gpu.ts", ...args]),
    );
    assertEquals([code, stderr.trim().split("\n").length], [2, 1], stderr);
  }
});
