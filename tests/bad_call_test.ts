/**
 * Calls through the doors of lib/ that cannot be right: an error that names what must be.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { loadImagesLabels } from "~/lib/dataset.ts";
import { openEngine } from "~/lib/engine.ts";
import { getModelReady, plan, run, verify } from "~/lib/reproduce.ts";
import { listTrajectories } from "~/lib/study.ts";
import { assertEquals } from "@std/assert";
import { ROOT } from "~/tests/fixtures/script.ts";
import { randomDataset } from "~/tests/fixtures/tiny_dataset.ts";
import { change, STUDY } from "~/tests/fixtures/tiny_study.ts";

/** Nothing may be written here. */
const NOWHERE = { models: join(ROOT, "data", "never"), results: join(ROOT, "data", "never") };

type Case = [name: string, call: () => unknown];

/** A value of a type that TypeScript would refuse. */
const wrong = (value: unknown): never => value as never;

const dataset = randomDataset([6, 3], 20);
const ready = (part: object): Promise<unknown> =>
  getModelReady(STUDY, { ...listTrajectories(STUDY)[0]!, ...part }, { folders: NOWHERE });

/** A study that cannot be; checkStudy()'s own tests have each field. */
const WRONG = change({ grid: { seeds: [] } });

const CASES: readonly Case[] = [
  ...[0, -1, 6, 1.5, NaN, Infinity, "2"].map((count): Case => [
    `loadImagesLabels(${count})`,
    () => loadImagesLabels(wrong(count)),
  ]),
  ["no folder", () => loadImagesLabels(1, { directory: "/no/such folder/ünicode" })],
  ["openEngine(abacus)", () => openEngine(wrong("abacus"), { dataset })],
  ["run", () => run(WRONG, { folders: NOWHERE })],
  ["plan", () => plan(WRONG, { folders: NOWHERE })],
  ["verify", () => verify(WRONG, { folders: NOWHERE, count: 1, seed: 0 })],
  ...[{ learningRate: NaN }, { optimizer: "Adamant" }, { batchSize: 0.5 }, { seed: "0" }].map(
    (part): Case => [`getModelReady, ${JSON.stringify(part)}`, () => ready(part)],
  ),
  ...[{ threads: 0 }, { threads: NaN }, { engine: wrong("abacus") }, { data: "/no/such" }].map(
    (options): Case => [
      `run, ${JSON.stringify(options)}`,
      () => run(STUDY, { folders: NOWHERE, engine: "cpu", ...options }),
    ],
  ),
];

Deno.test(`${CASES.length} calls with bad input: an error that names what must be`, async () => {
  const faults: string[] = [];
  for (const [name, call] of CASES) {
    try {
      await call();
      faults.push(`${name}: no error`);
    } catch (error) {
      const { message } = error as Error;
      const isClear = error instanceof RangeError && !message.includes("\n") &&
        /^Cannot |must/.test(message);
      if (!isClear) faults.push(`${name}: ${error}`);
    }
  }
  assertEquals(faults, []);
  assertEquals(existsSync(NOWHERE.models), false);
});
