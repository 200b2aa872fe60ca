/** What other programs rely on: each command's help, exit status and JSON document. @module */
import { join } from "node:path";
import { helpOf } from "~/lib/cli/command.ts";
import { COMMANDS } from "~/lib/cli/commands.ts";
import { decodeModel, encodeModel, initialise, MLP_1 } from "~/lib/model.ts";
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { ask, document, JSON_ON_CPU, TRAIN } from "~/tests/fixtures/command.ts";
import { median } from "~/tests/bench/row.ts";
import { ended, startTask } from "~/tests/fixtures/script.ts";
import { withFolder } from "~/tests/fixtures/temporary_folder.ts";

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

    const model = ["--model", out, ...IMAGES];
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
      { loss: number; measures: Record<string, { estimate: number; unit: string }> }
    >("measure", ...model, "--measures", measures);
    assertEquals(Object.keys(taken).sort(), ["engine", "loss", "measures", "seconds"]);
    assertEquals(Object.keys(taken.measures), [
      ...["sharpness(directions=3)", "generalization-gap", "weight-norm"],
    ]);
    const [sharpness, , length] = Object.values(taken.measures);
    assertEquals([sharpness!.estimate, sharpness!.unit], [mean, "nats"]);
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
  }));

Deno.test("median() is the middle one, of an even count the mean of the two in the middle", () => {
  assertEquals([[3], [10, 1, 2], [100, 9], [4, 1, 10, 2]].map(median), [3, 2, 54.5, 3]);
});
