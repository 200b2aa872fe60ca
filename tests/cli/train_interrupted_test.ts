/**
 * `deno task train` that is interrupted, killed, or asked for more later: the same command goes on,
 * and ends with the bytes of one that nobody disturbed. A command that keeps nothing says so.
 *
 * @module
 */
import { join } from "node:path";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { encodeModel, initialise, MLP_1 } from "~/lib/model.ts";
import { JSON_ON_CPU, run, TRAIN } from "~/tests/fixtures/command.ts";
import { type Ended, startCommand, startTask } from "~/tests/fixtures/script.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { assertSame, contents } from "~/tests/fixtures/tiny_study.ts";

/** The command in a folder, with AdaGrad, whose state must be carried on. */
function training(folder: string, stops: string): string[] {
  const files = ["--models", join(folder, "models"), "--out", join(folder, "m.safetensors")];
  const options = ["--images", "500", "--stops", stops, ...JSON_ON_CPU, "--threads", "1"];
  return [...TRAIN.with(TRAIN.indexOf("SGD"), "AdaGrad"), ...options, ...files];
}

/** All that is kept, and what is told without its time and the folder. */
async function ends(
  folder: string,
  { code, stdout, stderr }: Ended,
): Promise<Map<string, unknown>> {
  assertEquals(code, 0, stderr);
  const { seconds: _, ...told } = JSON.parse(stdout.replaceAll(folder, ""));
  return new Map([...await contents(folder), ["told", told]]);
}

/** Sends a signal when a first progress is told, by default the end of the first epoch. @returns Status and what was printed. */
async function stopped(
  process: Deno.ChildProcess,
  signal: Deno.Signal,
  progress = ": epoch ",
): Promise<Ended> {
  let stderr = "";
  for await (const part of process.stderr.pipeThrough(new TextDecoderStream())) {
    stderr += part;
    if (part.includes(progress)) process.kill(signal);
  }
  const stdout = await new Response(process.stdout).text();
  return { code: (await process.status).code, stdout, stderr };
}

Deno.test("train interrupted, asked for more and killed: the same command goes on, to the same bytes", () =>
  withFolder(async (folder) => {
    const [undisturbed, disturbed] = ["undisturbed", "disturbed"].map((name) => join(folder, name));
    for (const place of [undisturbed!, disturbed!]) await Deno.mkdir(place);
    const [few, all] = ["epochs:6", "epochs:6,epochs:12"];
    const wanted = await ends(undisturbed!, await run("train", ...training(undisturbed!, all!)));

    // As the task starts it: the signal reaches the launcher, which passes it on.
    const interrupted = await stopped(startTask("train", training(disturbed!, few!)), "SIGINT");
    assertEquals([interrupted.code, interrupted.stdout], [130, ""], interrupted.stderr);
    assertStringIncludes(interrupted.stderr, "Stopping after the epoch in progress");
    assertStringIncludes(interrupted.stderr, "the same command goes on from there");
    const files = listFiles(disturbed!);
    assertEquals(files.filter((path) => path.endsWith(".latest.safetensors")).length, 1);
    assertEquals(files.filter((path) => path.includes("m.safetensors")), []);

    const resumed = await run("train", ...training(disturbed!, few!));
    assertEquals(resumed.code, 0, resumed.stderr);
    assertMatch(resumed.stderr, /: going on after epoch \d+\n/);

    const killed = await stopped(startCommand("train", training(disturbed!, all!)), "SIGKILL");
    assertEquals([killed.code, killed.stdout], [137, ""], killed.stderr);
    const last = await run("train", ...training(disturbed!, all!));
    assertStringIncludes(last.stderr, "going on after epoch ");
    assertStringIncludes(last.stderr, "taking over from process");
    assertSame(await ends(disturbed!, last), wanted);
  }));

Deno.test("sharpness interrupted says that nothing was kept", () =>
  withFolder(async (folder) => {
    const model = join(folder, "m.safetensors");
    await Deno.writeFile(model, encodeModel(MLP_1, initialise(MLP_1, 0)));
    const options = [
      "--model",
      model,
      "--images",
      "500",
      "--directions",
      "10000",
      "--threads",
      "1",
    ];
    const process = startTask("sharpness", [...options, ...JSON_ON_CPU]);
    const { code, stdout, stderr } = await stopped(process, "SIGINT", "measures of");
    assertEquals([code, stdout], [130, ""], stderr);
    assertMatch(stderr, /\nStopping; once more to stop at once\nInterrupted: nothing was kept\n$/);
  }));
