/** What other programs rely on: each command's help, exit status and JSON document. @module */
import { join } from "node:path";
import { helpOf } from "~/lib/cli/words.ts";
import { COMMANDS } from "~/lib/cli/commands.ts";
import { DIRECTION_SEED } from "~/lib/measure.ts";
import { decodeModel, encodeModel, initialise, MLP_1 } from "~/lib/model.ts";
import type { Measurement } from "~/lib/results.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  ask,
  document,
  JSON_ON_CPU,
  notRefused,
  SMALL,
  TINY,
  TRAIN,
} from "~/tests/fixtures/command.ts";
import { ended, startTask } from "~/tests/fixtures/script.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { assertSame, contents } from "~/tests/fixtures/tiny_study.ts";

Deno.test("--help tells every option and the exit statuses, without the data", async () => {
  for (const [name, command] of Object.entries(COMMANDS)) {
    const text = helpOf(name, command);
    for (const option of command.options) assertStringIncludes(text, `--${option}`);
    assertStringIncludes(text, `deno task ${name} [options]`);
    assertStringIncludes(text, "0 done, 1 failed, 2 wrong usage, 130 interrupted");
  }
  const wanted = { code: 0, stdout: `${helpOf("train", COMMANDS.train)}\n`, stderr: "" };
  assertEquals(await ended(startTask("train", ["--help"])), wanted);
});

interface Trained {
  readonly config: Readonly<Record<string, unknown>>;
  readonly epochs: number;
  readonly epochLosses: readonly number[];
  readonly stopped: string;
  readonly stops: Readonly<Record<string, number>>;
  readonly trainLoss: number;
  readonly weightNorm: number;
  readonly engine: { readonly name: string; readonly library: string };
}

interface Sampled {
  readonly loss: number;
  readonly samples: readonly number[];
  readonly mean: number;
  readonly standardError: number;
}

const IMAGES = ["--images", "300", "--threads", "1", ...JSON_ON_CPU];

/** Options of `train` in a folder. */
function training(folder: string, ...more: string[]): string[] {
  const files = ["--models", join(folder, "models"), "--out", join(folder, "m.safetensors")];
  return [...TRAIN, ...files, ...IMAGES, ...more];
}

async function parametersOf(path: string): Promise<Float32Array> {
  return decodeModel(await Deno.readFile(path), path).parameters;
}

Deno.test("a measure that a network cannot have is refused before anything is computed", () =>
  withFolder(async (folder) => {
    const model = join(folder, "m.safetensors");
    // No state was kept with it.
    await Deno.writeFile(model, encodeModel([3072, 10], initialise([3072, 10], 0)));
    const [start, end] = ["Cannot measure preconditioned-lambda-max", "optimizer is not known\n"];
    const cases = [
      await ask("bench", "--measures=preconditioned-lambda-max"),
      await ask("measure", "--model", model, "--measures=weight-norm,preconditioned-lambda-max"),
    ];
    for (const refused of cases) {
      assertEquals(refused.code, 2);
      assert(refused.stderr.startsWith(start) && refused.stderr.endsWith(end), refused.stderr);
    }
  }));

Deno.test("train --json, sharpness --json and measure --json tell of one network", () =>
  withFolder(async (folder) => {
    const out = join(folder, "m.safetensors");
    const args = training(folder, "--stops", "epochs:1,epochs:2");
    const trained = await document<Trained>("train", ...args);
    assertEquals(Object.keys(trained).sort(), [
      ...["config", "distance", "engine", "epochLosses", "epochs", "gradientNorm", "layerNorms"],
      ...["seconds", "stopped", "stops", "testAccuracy", "testLoss", "trainAccuracy", "trainLoss"],
      "weightNorm",
    ]);
    const { config, epochs, epochLosses, stopped, stops, trainLoss, weightNorm, engine } = trained;
    assertEquals([epochs, epochLosses.length, stopped], [2, 2, "reached"]);
    assertEquals(stops, { "epochs:1": 1, "epochs:2": 2 });
    assertEquals([config.learningRate, config.batchSize, config.seed], [0.01, 128, 0]);
    const norm = Math.sqrt((await parametersOf(out)).reduce((sum, w) => sum + w ** 2, 0));
    assertAlmostEquals(weightNorm, norm, 1e-9 * norm);

    // Its file says that it was trained on 300 images.
    const model = ["--model", out, "--threads", "1", ...JSON_ON_CPU];
    const sampled = await document<Sampled>("sharpness", ...model, "--directions", "3");
    assertEquals(Object.keys(sampled).sort(), [
      ...["directions", "engine", "loss", "mean", "radius", "samples", "seconds", "standardError"],
    ]);
    // Sums over 300 images of float32 losses near 2, in two orders: 300 roundings of 2^-24 at most.
    assertAlmostEquals(sampled.loss, trainLoss, 300 * 2 ** -24 * trainLoss);
    const { samples, mean, standardError } = sampled;
    const average = samples.reduce((sum, each) => sum + each / 3, 0);
    const variance = samples.reduce((sum, each) => sum + (each - average) ** 2 / 2, 0);
    assertAlmostEquals(mean, average, 1e-12);
    assertAlmostEquals(standardError, Math.sqrt(variance / 3), 1e-12);

    const measures = "sharpness(directions=3),generalization-gap,weight-norm";
    const taken = await document<
      {
        loss: number;
        measures: Record<string, Pick<Measurement, "estimate" | "unit" | "protocol">>;
      }
    >("measure", ...model, "--measures", measures);
    assertEquals(Object.keys(taken).sort(), ["engine", "loss", "measures", "seconds"]);
    assertEquals(Object.keys(taken.measures), [
      ...["sharpness(directions=3)", "generalization-gap", "weight-norm"],
    ]);
    const [sharpness, , length] = Object.values(taken.measures);
    assertEquals([sharpness!.estimate, sharpness!.unit], [mean, "nats"]);
    // As records have it: the directions' seed where there are directions.
    const protocol = { directions: 3, radius: 5, directionSeed: DIRECTION_SEED };
    assertEquals([sharpness!.protocol, length!.protocol], [protocol, {}]);
    assertAlmostEquals(length!.estimate, norm, 1e-6 * norm);
    // The same losses summed in float64 in two orders.
    assertAlmostEquals(taken.loss, trainLoss, 300 * Number.EPSILON * trainLoss);
    assert(engine.name === "cpu");
  }));

Deno.test("train --max-epochs 0 writes the initial weights, --init starts from given ones", () =>
  withFolder(async (folder) => {
    const trainHere = async (...words: string[]): Promise<Trained> =>
      (await ask<Trained>("train", ...words)).document;
    const out = join(folder, "m.safetensors");
    const none = await trainHere(...training(folder, "--max-epochs", "0"));
    assertEquals([none.epochs, none.epochLosses, none.stopped], [0, [], "epoch limit"]);
    assertEquals(await parametersOf(out), initialise(MLP_1, 0));
    const start = join(folder, "start.safetensors");
    await Deno.rename(out, start);
    const one = ["--stops", "epochs:1"];
    const own = await trainHere(...training(folder, ...one));
    const wanted = await parametersOf(out);
    const given = await trainHere(...training(folder, ...one, "--init", start));
    assertEquals(await parametersOf(out), wanted);
    assertEquals([given.epochLosses, given.trainLoss], [own.epochLosses, own.trainLoss]);
    assert("init" in given.config && !("init" in own.config));
    await Deno.writeFile(start, encodeModel([3072, 10], initialise([3072, 10], 0).fill(NaN)));
    const lost = await ask("train", ...training(folder, "--max-epochs=0", "--init", start));
    assertEquals(lost.code, 1);
    assertStringIncludes(lost.stderr, "Training diverged in epoch 1: nothing was written");
  }));

/** Networks by file name: of 4 or 3 hidden units, from a seed. */
async function writeNetworks(
  folder: string,
  names: Record<string, [number, number]>,
): Promise<void> {
  for (const [name, [hidden, seed]] of Object.entries(names)) {
    const sizes = [3072, hidden, 10];
    await Deno.writeFile(join(folder, name), encodeModel(sizes, initialise(sizes, seed)));
  }
}

Deno.test("landscape --json prints what it writes, and goes on from there", () =>
  withFolder(async (folder) => {
    await writeNetworks(folder, { a: [4, 0], b: [4, 1] });
    const [a, b, out] = ["a", "b", "line"].map((name) => join(folder, name));
    const args = ["--model", a!, "--to", b!, "--points", "5", "--out", out!, ...IMAGES];
    type Printed = { points: { x: number; trainLoss: number }[]; seconds: number; axes: unknown };
    const { seconds, ...printed } = await document<Printed>("landscape", ...args);
    assert(seconds > 0);
    assertEquals(printed.points.map(({ x }) => x), [-0.5, 0, 0.5, 1, 1.5]);
    assertEquals(listFiles(folder), ["a", "b", "line.csv", "line.json", "line.png", "line.svg"]);
    const kept = JSON.parse(await Deno.readTextFile(`${out}.json`));
    assertEquals({ ...printed, engine: null }, { ...kept, engine: null });
    // Of a question that is the same all points are there: none is computed again.
    kept.points[0].trainLoss = 7;
    kept.points[1].trainLoss = null;
    await Deno.writeTextFile(`${out}.json`, JSON.stringify(kept));
    const again = await ask<Printed>("landscape", ...args);
    assertEquals(again.document.points[0]!.trainLoss, 7);
    assertStringIncludes(again.stderr, "4 of 5 points have a finite loss; training loss ");
  }));

Deno.test("landscape refuses other sizes, damaged files, steps of no length: nothing is written", () =>
  withFolder(async (folder) => {
    await writeNetworks(folder, { a: [4, 0], b: [3, 0] });
    await Deno.writeFile(join(folder, "cut"), (await Deno.readFile(join(folder, "a"))).subarray(9));
    const before = listFiles(folder);
    const at = (name: string): string => join(folder, name);
    const cases: [string[], RegExp][] = [
      [["--to", at("b")], /same layers: sizes are 3072, 4, 10 and 3072, 3, 10/],
      [["--to", at("cut")], /Cannot read .*cut/],
      [["--plane", "3x3", "--radius", "0"], /--radius must be a number > 0: current value is 0/],
    ];
    for (const [more, message] of cases) {
      const words = ["--model", at("a"), ...more, "--out", at("x"), ...IMAGES];
      const refused = await ask("landscape", ...words);
      assertEquals(notRefused(refused), []);
      assertMatch(refused.stderr, message);
      assertEquals(listFiles(folder), before);
    }
  }));

interface Reproduced {
  readonly cells: readonly Readonly<Record<string, unknown>>[];
  readonly figures: readonly string[];
  readonly cachedRuns: number;
  readonly computedRuns: number;
  readonly missingRuns: number;
}

Deno.test("reproduce --json computes, draws, finds again, plans and verifies; so do two at once", () =>
  withFolder(async (folder) => {
    const at = (name: string): string[] => [
      ...[...SMALL, "--models", join(folder, name, "m"), "--results", join(folder, name, "r")],
    ];
    const args = at("one");
    const { document: nothing } = await ask<Reproduced>("reproduce", ...args, "--cached-only");
    assertEquals([nothing.missingRuns, nothing.computedRuns], [2, 0]);
    assertEquals(listFiles(folder).filter((path) => path.includes("one/m")), []);
    type Planned = { runs: { cached: boolean }[] };
    const { document: planned } = await ask<Planned>("reproduce", ...args, "--dry-run");
    assertEquals(planned.runs.map(({ cached }) => cached), [false, false]);

    const computed = await document<Reproduced>("reproduce", ...args);
    assertEquals(Object.keys(computed).sort(), [
      ...["cachedRuns", "cells", "computedRuns", "figures", "missingRuns", "preset", "seconds"],
    ]);
    assertEquals([computed.cachedRuns, computed.computedRuns, computed.missingRuns], [0, 2, 0]);
    assertEquals(computed.cells.length, 2);
    // What reportCells() alone has; its own test has the other keys.
    assertEquals(computed.cells.map(({ converged }) => converged), [false, false]);
    for (const path of computed.figures) assert((await Deno.stat(path)).size > 0, path);

    // No data are needed to draw from what is there.
    const empty = join(folder, "empty");
    await Deno.mkdir(empty);
    const files = listFiles(folder);
    const { document: again } = await ask<Reproduced>("reproduce", ...args, "--data", empty);
    assertEquals([again.cachedRuns, again.computedRuns], [2, 0]);
    assertEquals([again.cells, again.figures], [computed.cells, computed.figures]);
    const verified = await ask<{ agreements: { identical: boolean }[] }>(
      ...["reproduce", ...args, "--verify", "3", "--verify-seed", "1"] as const,
    );
    assertEquals(verified.document.agreements.map(({ identical }) => identical), [true, true]);
    assertStringIncludes(verified.stderr, "Verifying up to 3 cached runs, chosen by");
    assertEquals(listFiles(folder).filter((path) => !path.endsWith(".verify.lock")), files);

    const told = await Promise.all(
      ["1", "2"].map((threads) =>
        document<Reproduced>("reproduce", ...at("shared"), "--threads", threads)
      ),
    );
    for (const { cells } of told) assertEquals(cells, computed.cells);
    assertSame(await contents(join(folder, "shared")), await contents(join(folder, "one")));
  }));

Deno.test("reproduce --cached-only draws, whether or not it waits for others", () =>
  withFolder(async (folder) => {
    const folders = ["--models", join(folder, "m"), "--results", join(folder, "r")];
    const words = [...TINY, ...folders, "--cached-only", "--no-wait"];
    const { document: { figures } } = await ask<Reproduced>("reproduce", ...words);
    assertStringIncludes(figures[0] ?? "", "sharpness.svg");
  }));

Deno.test("reproduce that cannot be completed ends with status 1 and says what is missing", () =>
  withFolder(async (folder) => {
    const { code, document, stderr } = await ask<Reproduced>(
      "reproduce",
      ...TINY.with(TINY.indexOf("-"), "sharpness(directions=1,radius=1e30)"),
      ...["--models", join(folder, "m"), "--results", join(folder, "r")],
    );
    assertEquals([code, document.missingRuns], [1, 1], stderr);
    assertStringIncludes(stderr, "1 run cannot be completed: see the messages above");
  }));
