/**
 * `deno task train` that is interrupted, killed, or asked for more later: the same command goes on,
 * and ends with the bytes of one that nobody disturbed.
 *
 * @module
 */
import { join } from "node:path";
import { sha256 } from "~/lib/files/files.ts";
import { openStream } from "~/lib/random.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { document, JSON_ON_CPU, run, TRAIN } from "~/tests/fixtures/command.ts";
import { type Ended, ended, startCommand, startTask, tryKill } from "~/tests/fixtures/script.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { assertSame, contents } from "~/tests/fixtures/tiny_study.ts";

const KILLS = 10;

/** The command in a folder, with AdaGrad, whose state must be carried on. */
function training(folder: string, stops: string): string[] {
  const files = ["--models", join(folder, "models"), "--out", join(folder, "m.safetensors")];
  const options = ["--images", "500", "--stops", stops, ...JSON_ON_CPU, "--threads", "1"];
  return [...TRAIN.with(TRAIN.indexOf("SGD"), "AdaGrad"), ...options, ...files];
}

/** All that is kept, and what is told without its time and the folder. */
async function ends(folder: string, { stdout }: Ended): Promise<Map<string, unknown>> {
  const { seconds: _, ...told } = JSON.parse(stdout.replaceAll(folder, ""));
  return new Map([...await contents(folder), ["told", told]]);
}

Deno.test("train that is interrupted keeps a checkpoint; the same command goes on from it", async () => {
  await withFolder(async (folder) => {
    const undisturbed = join(folder, "undisturbed");
    const disturbed = join(folder, "disturbed");
    await Deno.mkdir(undisturbed);
    await Deno.mkdir(disturbed);
    const wanted = await run("train", ...training(undisturbed, "epochs:60"));
    assertEquals(wanted.code, 0, wanted.stderr);

    // As the task starts it: the signal reaches the launcher, which passes it on.
    const args = training(disturbed, "epochs:60");
    const process = startTask("train", args);
    const said: string[] = [];
    const lines = process.stderr.pipeThrough(new TextDecoderStream());
    for await (const part of lines) {
      said.push(part);
      // Of the first epoch; a line a message, few progress lines between.
      if (part.includes(": epoch ")) process.kill("SIGINT");
    }
    const { code } = await process.status;
    const stdout = await new Response(process.stdout).text();
    assertEquals([code, stdout], [130, ""], said.join(""));
    assertStringIncludes(said.join(""), "Stopping after the epoch in progress");
    assertStringIncludes(said.join(""), "the same command goes on from there");
    const [kept] = listFiles(disturbed).filter((path) => path.endsWith(".latest.safetensors"));
    assert(kept !== undefined, listFiles(disturbed).join("\n"));
    assertEquals(listFiles(disturbed).filter((path) => path.includes("m.safetensors")), []);

    const resumed = await run("train", ...args);
    assertEquals(resumed.code, 0, resumed.stderr);
    assertMatch(resumed.stderr, /: going on after epoch \d+\n/);
    assertSame(await ends(disturbed, resumed), await ends(undisturbed, wanted));
  });
});

Deno.test("train to a stricter stop goes on: the bytes of both stops asked for at once", async () => {
  await withFolder(async (folder) => {
    const both = join(folder, "both");
    const later = join(folder, "later");
    for (const place of [both, later]) await Deno.mkdir(place);
    const wanted = await run("train", ...training(both, "epochs:1,cumulative:9:2"));
    assertEquals(wanted.code, 0, wanted.stderr);
    await document("train", ...training(later, "epochs:1"));
    const { stderr, code } = await run("train", ...training(later, "cumulative:9:2"));
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, "going on after epoch 1");
    assertSame(await contents(later), await contents(both));
  });
});

Deno.test(`train --stops killed ${KILLS} times ends with the uninterrupted bytes`, async () => {
  await withFolder(async (folder) => {
    const stops = "epochs:2,epochs:5,loss:2.1,epochs:9";
    const undisturbed = join(folder, "undisturbed");
    await Deno.mkdir(undisturbed);
    const start = performance.now();
    const peace = await run("train", ...training(undisturbed, stops));
    const duration = performance.now() - start;
    assertEquals(peace.code, 0, peace.stderr);
    const wanted = await ends(undisturbed, peace);
    const random = openStream(20_251_124, 0);
    let kills = 0;
    let inTraining = 0;
    for (let round = 0; kills < KILLS; round++) {
      const place = join(folder, `killed-${round}`);
      await Deno.mkdir(place);
      const args = training(place, stops);
      for (;;) {
        const process = startCommand("train", args);
        const kill = (): void => kills < KILLS ? tryKill(process) : undefined;
        const timer = setTimeout(kill, duration * (random.next() >>> 0) / 2 ** 32);
        const end = await ended(process);
        clearTimeout(timer);
        assert(!end.stderr.includes("damaged"), end.stderr);
        if (end.code !== 0 && end.stderr.includes(": epoch ")) inTraining++;
        if (end.code === 0) {
          assertSame(await ends(place, end), wanted);
          break;
        }
        assertEquals(end.code, 137, end.stderr);
        kills++;
      }
      const out = await Deno.readFile(join(place, "m.safetensors"));
      assertEquals(sha256(out), sha256(await Deno.readFile(join(undisturbed, "m.safetensors"))));
    }
    assertGreater(inTraining, 0);
  });
});
