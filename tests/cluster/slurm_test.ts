/**
 * Studies on a Slurm of two nodes: what its tasks, ended in every way, end with.
 *
 * @module
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseRecord, type TrajectoryRecord } from "~/lib/results/record.ts";
import { decodeModel } from "~/lib/model/model_file.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { HAS_SLURM, reproduceWith, type Slurm, until, withSlurm } from "~/tests/fixtures/slurm.ts";
import { killStep, type Step, stepOf } from "~/tests/fixtures/step.ts";
import { listFiles } from "~/tests/fixtures/temporary_folder.ts";

const options = { ignore: !HAS_SLURM };

/** The engine is named, as the one that is faster here may be another next time. */
const COMMON = [
  ...["--preset", "quick", "--effects", "learning-rate", "--images", "200"],
  ...["--engine", "cpu:onnxruntime"],
];

const foldersIn = (folder: string): string[] => [
  ...["--models", join(folder, "models"), "--results", join(folder, "results")],
];

function recordOf(folder: string, path: string): TrajectoryRecord {
  return parseRecord(Deno.readTextFileSync(join(folder, path)));
}

/** What must be the same however a study is run: records' contents, networks' bytes. */
function contentsOf(folder: string): Map<string, unknown> {
  return new Map(
    listFiles(folder).flatMap((path): [string, unknown][] => {
      if (path.endsWith(".json")) return [[path, recordOf(folder, path).content]];
      const isNetwork = /epoch=\d+\.safetensors$/.test(path);
      return isNetwork ? [[path, Deno.readFileSync(join(folder, path))]] : [];
    }),
  );
}

/** Epochs that were trained, by record: "0 to 2". */
function trainedIn(folder: string): string[] {
  return listFiles(folder).filter((path) => path.endsWith(".json")).map((path) =>
    recordOf(folder, path).provenance.filter(({ did }) => did === "trained")
      .map(({ from, to }) => `${from} to ${to}`).join(", ")
  );
}

/** Submits a study. @returns The folder of what its jobs print. */
async function submit(slurm: Slurm, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await reproduceWith(slurm.environment, [...args, "--json"]);
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout).folder;
}

/** Waits for all jobs. @throws {Error} If some are left: what they wait for, in Slurm's words. */
async function untilDone(slurm: Slurm, seconds: number): Promise<void> {
  let left = "";
  await until("all ended", async () => {
    left = await slurm.call("squeue", "--noheader", "--format=%i %T %r %N");
    return left === "";
  }, seconds).catch((error) => {
    throw new Error(`${error.message}: ${left}`);
  });
}

Deno.test(
  "twelve runs on an array of four are trained once each, to the usual bytes",
  options,
  async () => {
    await withSlurm(async (slurm) => {
      const alone = join(slurm.folder, "alone");
      const shared = join(slurm.folder, "shared");
      const study = [
        ...[...COMMON, "--optimizers", "SGD,AdaGrad", "--learning-rates", "1e-3,1e-2,1e-1"],
        ...["--seeds", "0,1", "--stops", "epochs:2", "--measures", "weight-norm"],
      ];
      assertEquals((await reproduceWith({}, [...study, ...foldersIn(alone)])).code, 0);
      const args = [...study, ...foldersIn(shared), "--slurm", "4"];
      const logs = await submit(slurm, args);
      await untilDone(slurm, 600);
      const wanted = contentsOf(alone);
      assertEquals(wanted.size, 24);
      assertEquals(contentsOf(shared), wanted);
      assertEquals(trainedIn(shared), Array(12).fill("0 to 2"));
      const jobs = await slurm.call("scontrol", "--oneliner", "show", "job");
      const nodes = [...jobs.matchAll(/ArrayTaskId=\d+ .* NodeList=(\w+)/g)].map(([, node]) =>
        node
      );
      assertEquals(nodes.toSorted(), ["n0", "n0", "n1", "n1"]);
      assertMatch(Deno.readTextFileSync(join(logs, "rest.txt")), /12 runs cached, 0 computed/);
      assert(listFiles(shared).some((path) => path.endsWith("sharpness.svg")));
      const { code, stdout } = await reproduceWith(slurm.environment, args);
      assertEquals(code, 0);
      assertMatch(stdout, /^All runs are cached: .*, nothing was submitted\n$/);
    });
  },
);

/** Seconds that a run lasts which is stopped several times: nine calls of commands and more. */
const LONG_SECONDS = 6;

/** Two runs that take a while on this machine, of which nothing is measured. */
async function longRuns(folder: string): Promise<string[]> {
  const runs = (epochs: number): string[] => [
    ...[...COMMON, "--optimizers", "SGD", "--learning-rates", "1e-2,1e-1", "--seeds", "0"],
    ...["--stops", `epochs:${epochs}`, "--measures", "-"],
  ];
  assertEquals((await reproduceWith({}, [...runs(50), ...foldersIn(folder)])).code, 0);
  return runs(Math.max(300, Math.ceil(LONG_SECONDS / secondsPerEpoch(folder, 50))));
}

/** Of the first run in a folder, which was trained so many epochs at once. */
function secondsPerEpoch(folder: string, epochs: number): number {
  const [path] = listFiles(folder).filter((each) => each.endsWith(".json"));
  return recordOf(folder, path!).provenance[0]!.seconds / epochs;
}

/** Who works on each run, by learning rate, in the words that --dry-run has for it. */
async function holders(slurm: Slurm, args: readonly string[]): Promise<Record<string, string>> {
  const { code, stdout } = await reproduceWith(slurm.environment, [...args, "--dry-run", "--json"]);
  assertEquals(code, 0);
  const { runs } = JSON.parse(stdout);
  type Run = { heldBy: string | null; trajectory: { learningRate: number } };
  return Object.fromEntries(
    (runs as Run[]).flatMap(({ heldBy, trajectory }) =>
      heldBy === null ? [] : [[trajectory.learningRate, heldBy]]
    ),
  );
}

/** What the controller knows of a task: "RUNNING since 2026-01-31T12:00:00". */
async function knownOf(slurm: Slurm, task: string): Promise<string> {
  const text = await slurm.call("scontrol", "show", "job", task);
  return `${/JobState=(\w+)/.exec(text)![1]} since ${/StartTime=(\S+)/.exec(text)![1]}`;
}

/** The last epoch that is kept of a run; 0 where none is. */
function keptEpoch(folder: string, learningRate: string): number {
  const name = `/lr=${learningRate},batch=128,seed=0.latest.safetensors`;
  const path = listFiles(folder).find((each) => each.endsWith(name));
  if (path === undefined) return 0;
  const { metadata } = decodeModel(Deno.readFileSync(join(folder, path)), path);
  return JSON.parse(metadata.epochLosses!).length;
}

Deno.test(
  "tasks that are stopped, cancelled and killed cost no epoch that was kept, and no byte",
  options,
  async () => {
    await withSlurm(async (slurm) => {
      const alone = join(slurm.folder, "alone");
      const shared = join(slurm.folder, "shared");
      const runs = await longRuns(join(slurm.folder, "trial"));
      assertEquals((await reproduceWith({}, [...runs, ...foldersIn(alone)])).code, 0);
      const args = [...runs, ...foldersIn(shared)];
      const logs = await submit(slurm, [...args, "--slurm", "2"]);
      /** Whoever holds `count` runs, once nobody of `before` is among them. */
      const stepsOf = async (
        count: number,
        before: Record<string, string> = {},
      ): Promise<Record<string, Step>> => {
        let held: Record<string, string> = {};
        await until("runs are held", async () => {
          held = await holders(slurm, args);
          const isNew = Object.entries(held).every(([rate, text]) => text !== before[rate]);
          return Object.keys(held).length === count && isNew;
        }, 120);
        for (const holder of Object.values(held)) {
          assertMatch(holder, /^process \d+ on \S+, since [-\d]+T[\d:.]+Z$/);
        }
        return Object.fromEntries(Object.entries(held).map(([rate, text]) => [rate, stepOf(text)]));
      };
      const first = await stepsOf(2);
      const atFirst = await holders(slurm, args);

      // Cancelled: what it did is kept, and it is not run again.
      await slurm.call("scancel", first["0.1"]!.task);
      await until("its run is free", async () => !("0.1" in await holders(slurm, args)));
      const cancelled = keptEpoch(shared, "0.1");

      // What Slurm does before a time limit: a signal to the shell. It is run again.
      await slurm.call("scancel", "--batch", "--signal=TERM", first["0.01"]!.task);
      const second = await stepsOf(1, atFirst);
      const stopped = keptEpoch(shared, "0.01");
      assertEquals(second["0.01"]!.task, first["0.01"]!.task);

      await slurm.restart("slurmctld");

      // The node dies, and is back.
      const before = await knownOf(slurm, second["0.01"]!.task);
      killStep(second["0.01"]!);
      const kept = keptEpoch(shared, "0.01");
      assertEquals(await holders(slurm, args), {});
      await slurm.restart(second["0.01"]!.node);
      await until("its task is to be run again", async () => {
        // Nodes tell what they run when they start; of a job that is younger than a message may be,
        // it is believed only when they are asked again.
        await slurm.call("scontrol", "reconfigure");
        await delay(2000);
        return await knownOf(slurm, second["0.01"]!.task) !== before;
      });

      await untilDone(slurm, 600);
      assertEquals(contentsOf(shared), contentsOf(alone));
      const log = listFiles(logs).map((path) => Deno.readTextFileSync(join(logs, path))).join("\n");
      const goingOn = [...log.matchAll(/lr=([\d.]+),.*: going on after epoch (\d+)/g)]
        .map(([, rate, epoch]) => `${rate} after ${epoch}`).sort();
      assertEquals(
        goingOn,
        [`0.01 after ${stopped}`, `0.01 after ${kept}`, `0.1 after ${cancelled}`].sort(),
      );
      assertMatch(log, /was told to stop on \S+: it is to be run again/);
      assertMatch(
        log,
        new RegExp(`lr=0.01,.*: taking over from process ${second["0.01"]!.pid} on`),
      );
      console.log(`      ${goingOn.join(", ")}`);
    });
  },
);

/** Takes about ten minutes: Slurm's shortest time limit is a minute. */
const longer = { ignore: !HAS_SLURM || Deno.env.get("SLURM_LONG") !== "1" };

Deno.test("a study of three minutes ends within time limits of one", longer, async () => {
  await withSlurm(async (slurm) => {
    const study = (epochs: number, folder: string): string[] => [
      ...[...COMMON, "--optimizers", "SGD", "--learning-rates", "1e-2", "--seeds", "0"],
      ...["--stops", `epochs:${epochs}`, "--measures", "-", ...foldersIn(folder)],
    ];
    const [trial, alone, shared] = ["trial", "alone", "shared"].map((name) =>
      join(slurm.folder, name)
    ) as [string, string, string];
    assertEquals((await reproduceWith({}, study(100, trial))).code, 0);
    const epochs = Math.ceil(180 / secondsPerEpoch(trial, 100));
    const limits = "--time=1 --signal=B:TERM@5";
    const args = [...study(epochs, shared), "--slurm", "1", "--sbatch", limits];
    const logs = await submit(slurm, args);
    await untilDone(slurm, 1500);
    assertEquals((await reproduceWith({}, study(epochs, alone))).code, 0);
    assertEquals(contentsOf(shared), contentsOf(alone));
    const log = Deno.readTextFileSync(join(logs, "task-1.txt"));
    const starts = [...log.matchAll(/going on after epoch (\d+)/g)].map(([, epoch]) =>
      Number(epoch)
    );
    assertEquals(starts, starts.toSorted((a, b) => a - b));
    assert(starts.length >= 4, log);
    assertMatch(Deno.readTextFileSync(join(logs, "rest.txt")), /1 runs cached, 0 computed/);
    assertEquals(log.match(/was told to stop/g)!.length, starts.length);
    console.log(`      ${epochs} epochs, going on after ${starts.join(", ")}`);
  });
});
