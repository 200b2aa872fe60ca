/**
 * Studies and trainings killed at random moments, and at every step of writing, and what they end
 * with: the bytes of those that nobody disturbed.
 *
 * @module
 */
import { UNFINISHED } from "~/lib/files/files.ts";
import { openStream } from "~/lib/random.ts";
import type { Study } from "~/lib/study.ts";
import { assert, assertEquals, assertGreater, assertGreaterOrEqual } from "@std/assert";
import { twoAtOnce } from "~/tests/fixtures/command.ts";
import { epochsKept, startStudy } from "~/tests/fixtures/killed_study.ts";
import { ended, tryKill } from "~/tests/fixtures/script.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { alone, assertSame, change, contents } from "~/tests/fixtures/tiny_study.ts";

/** Long enough for many kills: 4 trajectories of 20 epochs of 1,000 images, 150 samples each. */
const STUDY: Study = change({
  images: 1000,
  stops: ["epochs:20", "epochs:7"],
  measures: { first: ["sharpness(directions=150)"], others: ["generalization-gap"] },
});

/** Kills in all, shared by two studies side by side. */
const KILLS = 24;

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

/** Starts and kills a study until it has ended; counts in `tally`, and kills no more than needed. */
async function killUntilDone(folder: string, tally: Tally, moment: () => number): Promise<void> {
  await Deno.mkdir(folder);
  let kept = new Map<string, number>();
  for (;;) {
    const process = startStudy(folder, STUDY);
    const timer = setTimeout(() => tally.kills < KILLS && tryKill(process), moment());
    const { code, stdout, stderr } = await ended(process);
    clearTimeout(timer);
    // Whatever is trained goes on from where its newest state was, and from its start only without.
    const next = new Map([...kept].map(([run, last]) => [run, last + 1]));
    for (const [, run, epoch] of stdout.matchAll(/^(\S+ lr\S+): epoch (\d+),/gm)) {
      assertEquals(Number(epoch), next.get(run!) ?? 1, run);
      next.set(run!, Number(epoch) + 1);
    }
    tally.takeovers += stdout.match(/^! .*: taking over from process \d+/gm)?.length ?? 0;
    tally.resumed += stdout.match(/^! .*: going on after epoch \d+/gm)?.length ?? 0;
    assert(!/damaged|trained again/.test(stdout), stdout);
    kept = await epochsKept(folder);
    if (code === 0) return;
    assertEquals([code, stderr], [137, ""]);
    tally.kills++;
    if (listFiles(folder).some((path) => path.includes(UNFINISHED))) tally.writing++;
    if (stdout.includes("measures of")) tally.measuring++;
    else if (stdout.includes(": epoch ")) tally.training++;
    else tally.starting++;
  }
}

Deno.test(`a study killed ${KILLS} times ends with the uninterrupted bytes`, async () => {
  await withFolder(async (folder) => {
    const lanes = [1, 2];
    const start = performance.now();
    // As many at once as later, when two share the machine, so that the time is theirs.
    for (const process of lanes.map((lane) => startStudy(`${folder}/peace-${lane}`, STUDY))) {
      assertEquals((await ended(process)).code, 0);
    }
    const duration = performance.now() - start;
    const wanted = await contents(`${folder}/peace-1`);
    assertSame(await contents(`${folder}/peace-2`), wanted);
    // A record, networks at two stops and the newest state each.
    assertEquals(wanted.size, 16);
    const tally: Tally = {
      ...{ kills: 0, starting: 0, training: 0, measuring: 0, writing: 0 },
      ...{ takeovers: 0, resumed: 0 },
    };
    await Promise.all(lanes.map(async (lane) => {
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
    for (const count of [tally.training, tally.takeovers, tally.resumed]) assertGreater(count, 0);
  });
});

/** A checkpoint, a network, the newest state and a record; SGD's first network is also a state. */
const ONE: readonly Study[] = [
  alone("AdaGrad", { stops: ["epochs:2"] }),
  alone("SGD", { stops: ["epochs:2", "epochs:1"] }),
];

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

for (const study of ONE) {
  const name = `${
    study.grid.optimizers[0]
  } killed at any step of writing ends with the uninterrupted bytes`;
  Deno.test(name, async () => {
    await withFolder(async (folder) => {
      const { code, stdout } = await ended(startStudy(`${folder}/peace`, study, killAtStep(0)));
      assertEquals(code, 0);
      const wanted = await contents(`${folder}/peace`);
      const steps = Number(stdout.match(/steps (\d+)/)![1]);
      // Written, synchronised and renamed: a checkpoint, a network, the newest state, and the record
      // when it is evaluated and when it is measured. A lock taken and released.
      assertGreaterOrEqual(steps, 5 * 3 + 3);
      await twoAtOnce(Array.from({ length: steps }, (_, index) => index + 1), async (n) => {
        const place = `${folder}/${n}`;
        const killed = await ended(startStudy(place, study, killAtStep(n)));
        assertEquals([killed.code, killed.stderr], [137, ""], `step ${n}`);
        const [kept = 0] = (await epochsKept(place)).values();
        const { code, stdout, stderr } = await ended(startStudy(place, study));
        assertEquals([code, stderr], [0, ""], `step ${n}`);
        assertSame(await contents(place), wanted);
        assertEquals(
          listFiles(place).filter((path) => path.includes(UNFINISHED)),
          [],
          `step ${n}`,
        );
        // Where a state was kept training went on from it, and nothing was trained twice.
        const trained = [...stdout.matchAll(/: epoch (\d+),/g)].map(([, epoch]) => Number(epoch));
        assertEquals(trained, [1, 2].slice(kept), `step ${n}: ${stdout}`);
        await Deno.remove(place, { recursive: true });
      });
    });
  });
}
