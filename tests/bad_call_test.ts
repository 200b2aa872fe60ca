/**
 * Calls through the doors of lib/ that cannot be right: an error that names what must be.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { loadImagesLabels } from "~/lib/dataset.ts";
import { createCpuEngine, openEngine } from "~/lib/engine.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { countParameters, decodeModel, encodeModel, initialise } from "~/lib/model.ts";
import { parseOptimizer } from "~/lib/optimizer.ts";
import { openStream } from "~/lib/random.ts";
import { getModelReady, plan, run, verify } from "~/lib/reproduce.ts";
import { meanInterval } from "~/lib/statistics.ts";
import { listTrajectories, type Study } from "~/lib/study.ts";
import { parseStop } from "~/lib/trainer.ts";
import { assertEquals } from "@std/assert";
import { ROOT } from "~/tests/fixtures/script.ts";
import { randomDataset } from "~/tests/fixtures/tiny_dataset.ts";
import { change, STUDY } from "~/tests/fixtures/tiny_study.ts";

/** Nothing may be written here. */
const NOWHERE = { models: join(ROOT, "data", "never"), results: join(ROOT, "data", "never") };

/** A name, what is called, and the kind of error. */
type Case = [string, () => unknown, new (message?: string) => Error];

/** A value of a type that TypeScript would refuse. */
const wrong = (value: unknown): never => value as never;

const dataset = randomDataset([6, 3], 20);
const ready = (part: object): Promise<unknown> =>
  getModelReady(STUDY, { ...listTrajectories(STUDY)[0]!, ...part }, { folders: NOWHERE });

/** Studies that cannot be, by what is wrong with them. */
const STUDIES: Readonly<Record<string, Study>> = {
  "no seeds": change({ grid: { seeds: [] } }),
  "a seed twice": change({ grid: { seeds: [1, 1] } }),
  "seed 1.5": change({ grid: { seeds: [1.5] } }),
  "no effects": change({ grid: { effects: [] } }),
  "an unknown effect": change({ grid: { effects: [wrong("momentum")] } }),
  "no optimizers": change({ grid: { optimizers: [] } }),
  "optimizer __proto__": change({ grid: { optimizers: ["__proto__"] } }),
  "batch size 0": change({ grid: { batchSizes: [0] } }),
  "learning rate NaN": change({ grid: { learningRates: [NaN] } }),
  "0 images": change({ images: 0 }),
  "epochs -1": change({ maxEpochs: -1 }),
  "other inputs": change({ sizes: [9, 10] }),
  "no stops": change({ stops: [] }),
  "an unknown stop": change({ stops: ["soon"] }),
  "an unknown measure": change({ measures: { first: ["flatness"], others: [] } }),
};

const CASES: readonly Case[] = [
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
  ...[[], [3], [3, 0], [3, -1, 2], [3, 1.5], [NaN, 2], [2 ** 21, 2], wrong(["3", "2"])].map(
    (sizes): Case => [`initialise([${sizes}])`, () => initialise(sizes, 0), RangeError],
  ),
  ["initialise, seed -1", () => initialise([3, 2], -1), RangeError],
  ["countParameters([1])", () => countParameters([1]), RangeError],
  ["encodeModel of too few", () => encodeModel([3, 2], new Float32Array(7)), RangeError],
  ["decodeModel of nothing", () => decodeModel(new Uint8Array(0), "m"), TypeError],
  ["decodeModel of text", () => decodeModel(new TextEncoder().encode("hello"), "m"), TypeError],
  ...[0, 6, -1, 1.5, NaN, wrong("2"), wrong(null)].map((count): Case => [
    `loadImagesLabels(${count})`,
    () => loadImagesLabels(count),
    RangeError,
  ]),
  ["no folder", () => loadImagesLabels(1, { directory: "/no/such folder/ünicode" }), RangeError],
  ...[0, -1, 1.5, NaN, 257, wrong("2")].map((threads): Case => [
    `createCpuEngine, ${threads} threads`,
    () => createCpuEngine({ dataset, threads }),
    RangeError,
  ]),
  ["openEngine(abacus)", () => openEngine(wrong("abacus"), { dataset }), RangeError],
  ...["", "Adamant", "__proto__", "SGD(", "SGD(momentum=2)", "SGD(lr=1)"].map((text): Case => [
    `parseOptimizer(${text})`,
    () => parseOptimizer(text),
    RangeError,
  ]),
  ...["", "flatness", "constructor", "sharpness(radius=-1)", "trace(directions=0)"].map(
    (text): Case => [`parseMeasure(${text})`, () => parseMeasure(text), RangeError],
  ),
  ...["", "soon", "loss", "loss:-1", "epochs:1e9"].map((text): Case => [
    `parseStop(${text})`,
    () => parseStop(text),
    RangeError,
  ]),
  ["meanInterval([])", () => meanInterval([]), RangeError],
  ["meanInterval([NaN])", () => meanInterval([1, NaN]), RangeError],
  ...Object.entries(STUDIES).flatMap(([what, study]): Case[] => [
    [`run, ${what}`, () => run(study, { folders: NOWHERE }), RangeError],
    [`plan, ${what}`, () => plan(study, { folders: NOWHERE }), RangeError],
  ]),
  [
    "verify, a study without seeds",
    () => verify(STUDIES["no seeds"]!, { folders: NOWHERE, count: 1, seed: 0 }),
    RangeError,
  ],
  ...[{ learningRate: NaN }, { optimizer: "Adamant" }, { batchSize: 0.5 }, { seed: "0" }].map(
    (part): Case => [`getModelReady, ${JSON.stringify(part)}`, () => ready(part), RangeError],
  ),
  ...[{ threads: 0 }, { threads: NaN }, { engine: wrong("abacus") }, { data: "/no/such" }].map(
    (options): Case => [
      `run, ${JSON.stringify(options)}`,
      () => run(STUDY, { folders: NOWHERE, engine: "cpu", ...options }),
      RangeError,
    ],
  ),
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
        /^Cannot |must/.test(message);
      if (!isClear) faults.push(`${name}: ${error}`);
    }
  }
  assertEquals(faults, []);
  assertEquals(existsSync(NOWHERE.models), false);
});
