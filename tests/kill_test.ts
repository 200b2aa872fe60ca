/**
 * A study killed at random moments, over and over, and what it ends with.
 *
 * @module
 */
import { decodeModel } from "~/lib/model_file.ts";
import { openStream } from "~/lib/random.ts";
import { parseResult } from "~/lib/results.ts";
import { UNFINISHED } from "~/lib/files.ts";
import type { Study } from "~/lib/study.ts";
import { assert, assertEquals, assertGreater, assertGreaterOrEqual } from "~/tests/assert.ts";
import { ended, startScript } from "~/tests/script.ts";
import { listFiles, withFolder } from "~/tests/temporary_folder.ts";
import { assertSame, change, contents } from "~/tests/tiny_study.ts";

/** Long enough for many kills: 4 runs of 25 epochs of 2,000 images, 120 samples each. */
const STUDY: Study = {
  ...change({ training: { images: 2000, maxEpochs: 25, stoppingCriterion: 0 } }),
  sharpness: { radius: 5, directions: 120, directionSeed: 1 },
};

/** Kills in all, shared by two studies side by side. */
const KILLS = 44;

/** Starts the study in a process of one thread, with a checkpoint after every epoch. */
function startStudy(folder: string): Deno.ChildProcess {
  return startScript(
    `
    import { run } from "~/lib/reproduce.ts";
    const [folder, study] = Deno.args;
    await run(JSON.parse(study), {
      folders: { models: folder + "/models", results: folder + "/results" },
      engine: "cpu",
      threads: 1,
      checkpointSeconds: 0,
      onProgress: ({ message }) => console.log(message),
      onMessage: (message) => console.log("! " + message),
    });`,
    [folder, JSON.stringify(STUDY)],
  );
}

/** Every file that is there must be whole, whatever was interrupted. */
async function assertWhole(folder: string): Promise<void> {
  for (const path of listFiles(folder)) {
    if (path.includes(UNFINISHED)) continue;
    const whole = `${folder}/${path}`;
    if (path.endsWith(".safetensors")) decodeModel(await Deno.readFile(whole), path);
    if (path.endsWith(".json")) parseResult(await Deno.readTextFile(whole), path);
  }
}

interface Tally {
  /** Processes that were killed while they ran. */
  kills: number;
  /** Of these, before the first epoch; while training; while measuring. */
  starting: number;
  training: number;
  measuring: number;
  takeovers: number;
  resumed: number;
}

/** Starts and kills a study until it has ended; counts in `tally`. */
async function killUntilDone(
  folder: string,
  tally: Tally,
  moment: () => number,
): Promise<void> {
  await Deno.mkdir(folder);
  /** The last epoch of each run that was reported. */
  const reported = new Map<string, number>();
  for (;;) {
    const process = startStudy(folder);
    const timer = setTimeout(() => process.kill("SIGKILL"), moment());
    const { code, stdout, stderr } = await ended(process);
    clearTimeout(timer);
    for (const [, run, digits] of stdout.matchAll(/^(\S+): epoch (\d+),/gm)) {
      const [epoch, last] = [Number(digits), reported.get(run!) ?? 0];
      // The checkpoint of the epoch before was there when the last one was reported.
      assertGreaterOrEqual(epoch, last, `${run} began again before epoch ${last}`);
      reported.set(run!, epoch);
    }
    tally.takeovers += stdout.match(/^! .*: taking over from process \d+/gm)?.length ?? 0;
    tally.resumed += stdout.match(/^! .*: going on after epoch \d+/gm)?.length ?? 0;
    assert(!stdout.includes("damaged"), stdout);
    await assertWhole(folder);
    if (code === 0) return;
    assertEquals([code, stderr], [137, ""]);
    tally.kills++;
    if (stdout.includes("sharpness of")) tally.measuring++;
    else if (stdout.includes(": epoch ")) tally.training++;
    else tally.starting++;
  }
}

Deno.test(`a study killed ${KILLS} times or more ends with the uninterrupted bytes`, async () => {
  await withFolder(async (folder) => {
    const start = performance.now();
    assertEquals((await ended(startStudy(`${folder}/peace`))).code, 0);
    const duration = performance.now() - start;
    const wanted = await contents(`${folder}/peace`);
    assertEquals(wanted.size, 8);
    const tally: Tally = {
      kills: 0,
      starting: 0,
      training: 0,
      measuring: 0,
      takeovers: 0,
      resumed: 0,
    };
    await Promise.all([1, 2].map(async (lane) => {
      const random = openStream(20_251_123, lane);
      // From before the first line of the script to the end of an undisturbed study.
      const moment = (): number => duration * (random.next() >>> 0) / 2 ** 32;
      for (let study = 0; tally.kills < KILLS; study++) {
        const place = `${folder}/${lane}-${study}`;
        await killUntilDone(place, tally, moment);
        assertSame(await contents(place), wanted);
      }
    }));
    console.log(`      ${JSON.stringify(tally)}`);
    assertGreaterOrEqual(tally.kills, KILLS);
    for (const count of [tally.starting, tally.training, tally.takeovers, tally.resumed]) {
      assertGreater(count, 0);
    }
  });
});
