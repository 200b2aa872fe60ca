/**
 * A study killed at random moments, and at every step of writing, and what it ends with.
 *
 * @module
 */
import { decodeModel } from "~/lib/model/model_file.ts";
import { openStream } from "~/lib/random.ts";
import { parseResult } from "~/lib/results/schema.ts";
import { UNFINISHED } from "~/lib/files/files.ts";
import type { Study } from "~/lib/study/study.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertMatch,
} from "@std/assert";
import { ended, startScript } from "~/tests/fixtures/script.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { assertSame, change, contents, withPlace } from "~/tests/fixtures/tiny_study.ts";

/** Long enough for many kills: 4 runs of 20 epochs of 1,000 images, 150 samples each. */
const STUDY: Study = {
  ...change({ training: { images: 1000, maxEpochs: 20, stoppingCriterion: 0 } }),
  sharpness: { radius: 5, directions: 150, directionSeed: 1 },
};

/** Kills in all, shared by two studies side by side. */
const KILLS = 40;
/** Of these while models are measured, which comes last and so is met least. */
const MEASURING = 3;

/**
 * Starts a study in a process of one thread, with a checkpoint after every epoch.
 *
 * @param before Code that runs first.
 */
function startStudy(folder: string, study = STUDY, before = ""): Deno.ChildProcess {
  return startScript(
    `
    import { run } from "~/lib/reproduce/run.ts";
    const [folder, study] = Deno.args;
    ${before}
    await run(JSON.parse(study), {
      folders: { models: folder + "/models", results: folder + "/results" },
      engine: "cpu",
      threads: 1,
      checkpointSeconds: 0,
      onProgress: ({ message }) => console.log(message),
      onMessage: (message) => console.log("! " + message),
    });`,
    [folder, JSON.stringify(study)],
  );
}

/**
 * Checks that every file that is there is whole, whatever was interrupted.
 *
 * @returns The last epoch in the checkpoint of each run that has one.
 */
async function checkpointsOfWhole(folder: string): Promise<Map<string, number>> {
  const epochs = new Map<string, number>();
  for (const path of listFiles(folder)) {
    if (path.includes(UNFINISHED)) continue;
    const whole = `${folder}/${path}`;
    if (path.endsWith(".json")) parseResult(await Deno.readTextFile(whole), path);
    if (path.endsWith(".seconds")) assertMatch(await Deno.readTextFile(whole), /^[\d.e-]+\n$/);
    if (!path.endsWith(".safetensors")) continue;
    const { metadata, verified } = decodeModel(await Deno.readFile(whole), path);
    assert(verified, path);
    const [, run] = path.match(/([^/]+\/[^/]+)\.checkpoint\.safetensors$/) ?? [];
    if (run !== undefined) epochs.set(run, JSON.parse(metadata.run!).epochLosses.length);
  }
  return epochs;
}

interface Tally {
  /** Processes that were killed while they ran. */
  kills: number;
  /** Of these, before the first epoch; while training; while measuring. */
  starting: number;
  training: number;
  measuring: number;
  /** While a file was written. */
  writing: number;
  takeovers: number;
  resumed: number;
}

/** Whether there were kills enough, of every kind. */
function isEnough({ kills, measuring }: Tally): boolean {
  return kills >= KILLS && measuring >= MEASURING;
}

/** Starts and kills a study until it has ended; counts in `tally`, and kills no more than needed. */
async function killUntilDone(
  folder: string,
  tally: Tally,
  moment: () => number,
): Promise<void> {
  await Deno.mkdir(folder);
  let checkpoints = new Map<string, number>();
  for (;;) {
    const process = startStudy(folder);
    const kill = (): void => isEnough(tally) ? undefined : process.kill("SIGKILL");
    const timer = setTimeout(kill, moment());
    const { code, stdout, stderr } = await ended(process);
    clearTimeout(timer);
    // Whatever is trained goes on where its checkpoint was, and from its start only without one.
    const next = new Map([...checkpoints].map(([run, last]) => [run, last + 1]));
    for (const [, run, epoch] of stdout.matchAll(/^(\S+): epoch (\d+),/gm)) {
      assertEquals(Number(epoch), next.get(run!) ?? 1, run);
      next.set(run!, Number(epoch) + 1);
    }
    tally.takeovers += stdout.match(/^! .*: taking over from process \d+/gm)?.length ?? 0;
    tally.resumed += stdout.match(/^! .*: going on after epoch \d+/gm)?.length ?? 0;
    assert(!stdout.includes("damaged"), stdout);
    checkpoints = await checkpointsOfWhole(folder);
    if (code === 0) return;
    assertEquals([code, stderr], [137, ""]);
    tally.kills++;
    if (listFiles(folder).some((path) => path.includes(UNFINISHED))) tally.writing++;
    if (stdout.includes("sharpness of")) tally.measuring++;
    else if (stdout.includes(": epoch ")) tally.training++;
    else tally.starting++;
  }
}

Deno.test(`a study killed ${KILLS} times or more ends with the uninterrupted bytes`, async () => {
  await withFolder(async (folder) => {
    const lanes = [1, 2];
    const start = performance.now();
    // As many at once as later, when two share the machine, so that the time is theirs.
    for (const process of lanes.map((lane) => startStudy(`${folder}/peace-${lane}`))) {
      assertEquals((await ended(process)).code, 0);
    }
    const duration = performance.now() - start;
    const wanted = await contents(`${folder}/peace-1`);
    assertSame(await contents(`${folder}/peace-2`), wanted);
    assertEquals(wanted.size, 8);
    const tally: Tally = {
      kills: 0,
      starting: 0,
      training: 0,
      measuring: 0,
      writing: 0,
      takeovers: 0,
      resumed: 0,
    };
    await Promise.all(lanes.map(async (lane) => {
      const random = openStream(20_251_123, lane);
      // From before the first line of the script to the end of an undisturbed study.
      const moment = (): number => duration * (random.next() >>> 0) / 2 ** 32;
      for (let study = 0; !isEnough(tally); study++) {
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

/** One run of two epochs: a checkpoint, a model and a result. */
const ONE_RUN = change({
  grid: { effects: ["learning-rate"], optimizers: ["AdaGrad"] },
  training: { maxEpochs: 2 },
});

/**
 * Ends its process as SIGKILL does in place of the n-th step that changes a file; a write is then
 * half done.
 */
const killAtStep = (n: number): string => `
  let step = 0;
  const die = () => { Deno.kill(Deno.pid, "SIGKILL"); for (;;); };
  for (const [owner, names] of [
    [Deno, ["rename", "remove"]],
    [Deno.FsFile.prototype, ["write", "sync", "truncate", "truncateSync"]],
  ]) {
    for (const name of names) {
      const usual = owner[name];
      owner[name] = function (...args) {
        if (++step === ${n}) {
          if (name === "write") this.writeSync(args[0].subarray(0, args[0].length >> 1));
          die();
        }
        return usual.apply(this, args);
      };
    }
  }
  addEventListener("unload", () => console.log("steps " + step));`;

Deno.test("a run killed at any step of writing ends with the uninterrupted bytes", async () => {
  await withFolder(async (folder) => {
    const { code, stdout } = await ended(startStudy(`${folder}/peace`, ONE_RUN, killAtStep(0)));
    assertEquals(code, 0);
    const wanted = await contents(`${folder}/peace`);
    const steps = Number(stdout.match(/steps (\d+)/)![1]);
    // Four files in three steps each, a checkpoint removed, two locks taken and released.
    assertGreaterOrEqual(steps, 4 * 3 + 1 + 2 * 3);
    const waiting = Array.from({ length: steps }, (_, index) => index + 1);
    await Promise.all([0, 1].map(async () => {
      for (let n = waiting.shift(); n !== undefined; n = waiting.shift()) {
        await withPlace(async ({ folder: place, messages, compute }) => {
          const killed = await ended(startStudy(place, ONE_RUN, killAtStep(n)));
          assertEquals([killed.code, killed.stderr], [137, ""], `step ${n}`);
          const [checkpoint] = [...(await checkpointsOfWhole(place)).values()];
          const kept = listFiles(place).filter((path) => /seed=0\.(safetensors|json)$/.test(path));
          await compute(ONE_RUN);
          assertSame(await contents(place), wanted);
          assertEquals(listFiles(place).filter((path) => path.includes(UNFINISHED)), [], `${n}`);
          // Where a checkpoint is there and no model, training goes on from it.
          const goesOn = checkpoint !== undefined && kept.length === 0;
          assertEquals(messages.some((line) => line.endsWith("going on after epoch 1")), goesOn);
        });
      }
    }));
  });
});
