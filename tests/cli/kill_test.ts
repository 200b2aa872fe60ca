/**
 * Studies killed at random moments, and stopped at every step of writing, and what they end with: the
 * bytes of those that nobody disturbed.
 *
 * @module
 */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { UNFINISHED } from "~/lib/files/files.ts";
import { decodeModel } from "~/lib/model.ts";
import { parseOptimizer } from "~/lib/optimizer.ts";
import { openStream } from "~/lib/random.ts";
import { run } from "~/lib/reproduce.ts";
import { parseRecord } from "~/lib/results.ts";
import type { Study } from "~/lib/study.ts";
import { describeTrajectory, type Trajectory } from "~/lib/trainer.ts";
import { assert, assertEquals } from "@std/assert";
import { ENGINE } from "~/tests/fixtures/engine_cpu_fixture.ts";
import { startScript } from "~/tests/fixtures/script.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";
import {
  alone,
  assertSame,
  change,
  contents,
  uninterrupted,
  withPlace,
} from "~/tests/fixtures/tiny_study.ts";

/** Long enough for several kills: 4 trajectories of 12 epochs of 500 images, 150 samples each. */
const STUDY: Study = change({
  images: 500,
  stops: ["epochs:12", "epochs:7"],
  measures: { first: ["sharpness(directions=150)"], others: ["generalization-gap"] },
});

/** Kills in all, shared by two studies side by side. */
const KILLS = 4;

const foldersIn = (folder: string): { models: string; results: string } => (
  { models: join(folder, "models"), results: join(folder, "results") }
);

/** The study in a process of one thread, a checkpoint after every epoch; messages stand after "! ". */
const startStudy = (folder: string): Deno.ChildProcess =>
  startScript(
    `import { run } from "~/lib/reproduce.ts";
    const [folders, study, engine] = Deno.args;
    await run(JSON.parse(study), {
      folders: JSON.parse(folders),
      engine,
      threads: 1,
      checkpointSeconds: 0,
      onProgress: ({ message }) => console.log(message),
      onMessage: (message) => console.log("! " + message),
    });`,
    [JSON.stringify(foldersIn(folder)), JSON.stringify(STUDY), ENGINE],
  );

/**
 * Checks that every file that is there is whole, whatever was interrupted.
 *
 * @returns The epochs behind the newest file that training can go on from, by trajectory: the newest
 * state, or the network at a stop where a process was killed between the two and the optimizer has
 * no state.
 */
async function epochsKept(folder: string): Promise<Map<string, number>> {
  const epochs = new Map<string, number>();
  for (const path of listFiles(folder)) {
    if (path.includes(UNFINISHED)) continue;
    const whole = `${folder}/${path}`;
    if (path.endsWith(".json")) parseRecord(await Deno.readTextFile(whole));
    if (!path.endsWith(".safetensors")) continue;
    const { state, metadata, verified } = decodeModel(await Deno.readFile(whole), path);
    assert(verified, path);
    const trajectory: Trajectory = JSON.parse(metadata.trajectory!);
    if (state.length === 0 && parseOptimizer(trajectory.optimizer).slots.length > 0) continue;
    const run = describeTrajectory(trajectory);
    epochs.set(run, Math.max(epochs.get(run) ?? 0, JSON.parse(metadata.epochLosses!).length));
  }
  return epochs;
}

/** What happened to the processes. */
const tally = { kills: 0, measuring: 0, writing: 0, takeovers: 0, resumed: 0 };

/** Starts and kills a study until it has ended; kills no more often than needed. */
async function killUntilDone(folder: string, lines: () => number): Promise<void> {
  await Deno.mkdir(folder);
  let kept = new Map<string, number>();
  for (;;) {
    const process = startStudy(folder);
    // Killed while it goes on after so many lines, most of them epochs: each is followed by a write.
    const enough = lines();
    let [said, isKilled] = ["", false];
    for await (const part of process.stdout.pipeThrough(new TextDecoderStream())) {
      said += part;
      if (isKilled || tally.kills >= KILLS || said.split("\n").length <= enough) continue;
      isKilled = true;
      tally.kills++;
      process.kill("SIGKILL");
    }
    assertEquals(await new Response(process.stderr).text(), "");
    // Whatever is trained goes on from where its newest state was, and from its start only without.
    const next = new Map([...kept].map(([run, last]) => [run, last + 1]));
    for (const [, run, epoch] of said.matchAll(/^(\S+ lr\S+): epoch (\d+),/gm)) {
      assertEquals(Number(epoch), next.get(run!) ?? 1, run);
      next.set(run!, Number(epoch) + 1);
    }
    tally.takeovers += said.match(/^! .*: taking over from process \d+/gm)?.length ?? 0;
    tally.resumed += said.match(/^! .*: going on after epoch \d+/gm)?.length ?? 0;
    assert(!/damaged|trained again/.test(said), said);
    kept = await epochsKept(folder);
    const { code } = await process.status;
    if (code === 0) return;
    assertEquals(code, 137);
    if (listFiles(folder).some((path) => path.includes(UNFINISHED))) tally.writing++;
    if (said.includes("measures of")) tally.measuring++;
  }
}

Deno.test(`a study killed ${KILLS} times ends with the uninterrupted bytes`, () =>
  withFolder(async (folder) => {
    await run(STUDY, { folders: foldersIn(`${folder}/peace`), engine: ENGINE, threads: 2 });
    const wanted = await contents(`${folder}/peace`);
    // A record, networks at two stops and the newest state each.
    assertEquals(wanted.size, 16);
    await Promise.all([1, 2].map(async (lane) => {
      const random = openStream(20_251_123, lane);
      for (let study = 0; tally.kills < KILLS; study++) {
        const place = `${folder}/${lane}-${study}`;
        await killUntilDone(place, () => 1 + (random.next() >>> 0) % 30);
        assertSame(await contents(place), wanted);
      }
    }));
    console.log(`      ${JSON.stringify(tally)}`);
    for (const count of [tally.kills, tally.takeovers, tally.resumed]) assert(count > 0);
  }));

/** A checkpoint, a network, the newest state and a record; SGD's first network is also a state. */
const ONE: readonly Study[] = [
  alone("AdaGrad", { stops: ["epochs:2"] }),
  alone("SGD", { stops: ["epochs:2", "epochs:1"] }),
];

/**
 * Works and copies the folder at every step that changes a file, a write half done: what a process
 * leaves behind that is killed there, its lock without a holder.
 *
 * @returns The number of copies, "<copies>/0", "<copies>/1", ...
 */
async function copyAtSteps(
  folder: string,
  copies: string,
  work: () => Promise<unknown>,
): Promise<number> {
  let step = 0;
  const copy = (): void => cpSync(folder, `${copies}/${step++}`, { recursive: true });
  const undo: (() => void)[] = [];
  const cases = [
    [Deno, ["rename", "remove"]],
    [Deno.FsFile.prototype, ["write", "sync", "truncate", "truncateSync"]],
  ] as unknown as [Record<string, (...args: unknown[]) => unknown>, string[]][];
  for (const [owner, names] of cases) {
    for (const name of names) {
      const usual = owner[name]!;
      owner[name] = async function (this: Deno.FsFile, ...args): Promise<unknown> {
        if (name !== "write") {
          copy();
          return usual.apply(this, args);
        }
        const [bytes] = args as [Uint8Array];
        const half = this.writeSync(bytes.subarray(0, bytes.length >> 1));
        copy();
        return half + Number(await usual.call(this, bytes.subarray(half)));
      };
      undo.push(() => void (owner[name] = usual));
    }
  }
  try {
    await work();
  } finally {
    for (const each of undo) each();
  }
  return step;
}

for (const study of ONE) {
  const [optimizer] = study.grid.optimizers;
  Deno.test(`${optimizer} ended at any step of writing ends with the uninterrupted bytes`, async () => {
    const wanted = await uninterrupted(study);
    await withFolder(async (copies) => {
      const steps = await withPlace(({ folder, compute }) =>
        copyAtSteps(folder, copies, () => compute(study, { checkpointSeconds: 0 }))
      );
      // Written, synchronised and renamed: a checkpoint, a network, the newest state, and the record
      // when it is evaluated and when it is measured. A lock taken and released.
      assert(steps >= 5 * 3 + 3, `${steps}`);
      let takeovers = 0;
      for (let step = 0; step < steps; step++) {
        await withPlace(async ({ folder, compute, epochs, messages }) => {
          cpSync(`${copies}/${step}`, folder, { recursive: true });
          const [kept = 0] = (await epochsKept(folder)).values();
          await compute(study);
          assertSame(await contents(folder), wanted);
          const files = listFiles(folder);
          assertEquals(files.filter((path) => path.includes(UNFINISHED)), [], `step ${step}`);
          // Where a state was kept training went on from it, and nothing was trained twice.
          const trained = epochs.map((epoch) => Number(epoch.split(" ").at(-1)));
          assertEquals(trained, [1, 2].slice(kept), `step ${step}: ${messages}`);
          takeovers += messages.filter((text) => text.includes(": taking over from ")).length;
          assert(!messages.some((text) => text.includes("damaged")), `${messages}`);
        });
      }
      assert(takeovers > steps - 4, `${takeovers}`);
    });
  });
}
