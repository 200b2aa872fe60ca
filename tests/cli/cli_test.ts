/**
 * What other programs rely on: each command's help, exit status and JSON document.
 *
 * @module
 */
import { join } from "node:path";
import { helpOf } from "~/lib/cli/command.ts";
import { COMMANDS } from "~/lib/cli/commands.ts";
import { decodeModel, initialise, MLP_1 } from "~/lib/model.ts";
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { document, JSON_ON_CPU, run, TRAIN } from "~/tests/fixtures/command.ts";
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

const IMAGES = ["--images", "600", ...JSON_ON_CPU];

/** Options of `train` in a folder. */
function training(folder: string, ...more: string[]): string[] {
  const files = ["--models", join(folder, "models"), "--out", join(folder, "m.safetensors")];
  return [...TRAIN, ...files, ...IMAGES, ...more];
}

async function parametersOf(path: string): Promise<Float32Array> {
  return decodeModel(await Deno.readFile(path), path).parameters;
}

Deno.test("bench refuses a measure that its networks cannot have, before it measures anything", async () => {
  const { code, stdout, stderr } = await run("bench", "--measures=preconditioned-lambda-max");
  assertEquals([code, stdout], [2, ""]);
  assertStringIncludes(stderr, "Cannot measure preconditioned-lambda-max");
});

Deno.test("train --json, sharpness --json and measure --json tell of one network", async () => {
  await withFolder(async (folder) => {
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
    const norm = Math.hypot(...chunkNorms(await parametersOf(out)));
    assertAlmostEquals(weightNorm, norm, 1e-9 * norm);

    const model = ["--model", out, ...IMAGES];
    const zero = await document<Sampled>(
      "sharpness",
      ...model,
      "--directions",
      "3",
      "--radius",
      "0",
    );
    assertEquals(zero.samples, [0, 0, 0]);
    const sampled = await document<Sampled>("sharpness", ...model, "--directions", "3");
    assertEquals(Object.keys(sampled).sort(), [
      ...["directions", "engine", "loss", "mean", "radius", "samples", "seconds", "standardError"],
    ]);
    // Sums over 600 images of float32 losses near 2, in two orders: 600 roundings of 2^-24 at most.
    assertAlmostEquals(sampled.loss, trainLoss, 600 * 2 ** -24 * trainLoss);
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
    assertAlmostEquals(taken.loss, trainLoss, 600 * Number.EPSILON * trainLoss);
    assert(engine.name === "cpu");

    // SGD has no state, so that what needs one is refused before anything is computed.
    const needy = ["--measures", "weight-norm,preconditioned-lambda-max"];
    const { code, stdout, stderr } = await run("measure", ...model, ...needy);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, "Cannot measure preconditioned-lambda-max of ");
  });
});

/** Norms of pieces, as a call takes only so many arguments. */
function chunkNorms(values: Float32Array): number[] {
  const norms: number[] = [];
  for (let at = 0; at < values.length; at += 10_000) {
    norms.push(Math.hypot(...values.subarray(at, at + 10_000)));
  }
  return norms;
}

Deno.test("train --max-epochs 0 writes the initial weights, --init starts from given ones", async () => {
  await withFolder(async (folder) => {
    const out = join(folder, "m.safetensors");
    const none = await document<Trained>("train", ...training(folder, "--max-epochs", "0"));
    assertEquals([none.epochs, none.epochLosses, none.stopped], [0, [], "epoch limit"]);
    assertEquals(await parametersOf(out), initialise(MLP_1, 0));
    const start = join(folder, "start.safetensors");
    await Deno.rename(out, start);
    const one = ["--stops", "epochs:1"];
    const own = await document<Trained>("train", ...training(folder, ...one));
    const wanted = await parametersOf(out);
    const given = await document<Trained>("train", ...training(folder, ...one, "--init", start));
    assertEquals(await parametersOf(out), wanted);
    assertEquals([given.epochLosses, given.trainLoss], [own.epochLosses, own.trainLoss]);
    assert("init" in given.config && !("init" in own.config));
  });
});
