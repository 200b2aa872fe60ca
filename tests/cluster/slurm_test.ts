/** Studies on a Slurm of two nodes: what its tasks, ended in every way, end with. @module */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { studyFrom } from "~/lib/cli/asked.ts";
import { planTasks } from "~/lib/cli/slurm.ts";
import { readValues, readWords } from "~/lib/cli/words.ts";
import { COMMANDS } from "~/lib/cli/commands.ts";
import { ensureCifar10 } from "~/lib/dataset.ts";
import { decodeModel } from "~/lib/model.ts";
import { plan } from "~/lib/reproduce.ts";
import { parseRecord, type TrajectoryRecord } from "~/lib/results.ts";
import { listTrajectories, presets } from "~/lib/study.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { run } from "~/tests/fixtures/command.ts";
import { ended, startTask } from "~/tests/fixtures/script.ts";
import {
  foldersIn,
  HAS_SLURM,
  killStep,
  searchPath,
  type Slurm,
  type Step,
  stepOf,
  until,
  withSlurm,
} from "~/tests/fixtures/slurm.ts";
import { listFiles } from "~/tests/fixtures/temporary_folder.ts";
import { assertSame, contents } from "~/tests/fixtures/tiny_study.ts";

/** The engine is named, as the one that is faster here may be another next time. */
const COMMON = [
  ...["--preset", "quick", "--effects", "learning-rate", "--images", "200", "--seeds", "0"],
  ...["--engine", "cpu:onnxruntime"],
];
const EPOCHS = 20;
/** Six runs, and two of them that last longer. */
const SHORT = [
  ...[...COMMON, "--optimizers", "SGD,AdaGrad", "--learning-rates", "1e-3,1e-2,1e-1"],
  ...["--stops", `epochs:${EPOCHS}`, "--measures", "weight-norm"],
];
const LONG = [
  ...[...COMMON, "--optimizers", "SGD", "--learning-rates", "1e-2,1e-1", "--measures", "-"],
];

function recordOf(folder: string, path: string): TrajectoryRecord {
  return parseRecord(Deno.readTextFileSync(join(folder, path)));
}

/** Submits a study. @returns The folder of what its jobs print. */
async function submit(slurm: Slurm, args: readonly string[]): Promise<string> {
  const task = startTask("reproduce", [...args, "--json"], slurm.environment);
  const { code, stdout, stderr } = await ended(task);
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout).folder;
}

/** Waits for all jobs. @throws {Error} If some are left: what they wait for, in Slurm's words. */
async function untilDone(slurm: Slurm): Promise<void> {
  let left = "";
  await until("all ended", async () => {
    left = await slurm.call("squeue", "--noheader", "--format=%i %T %r %N");
    return left === "";
  }, 600).catch((error) => {
    throw new Error(`${error.message}: ${left}`);
  });
}

/** Six runs on an array of four are trained once each, to the usual bytes. @returns Their folder. */
async function shareRuns(slurm: Slurm): Promise<string> {
  const [alone, shared] = ["alone", "shared"].map((name) => join(slurm.folder, name));
  assertEquals((await run("reproduce", ...SHORT, ...foldersIn(alone!))).code, 0);
  const args = [...SHORT, ...foldersIn(shared!), "--slurm", "4"];
  // What happens before a time limit must have been asked for.
  const calls = join(slurm.folder, "calls");
  const sbatch = `echo "$@" >>'${calls}'; PATH=\${PATH#*:} exec sbatch "$@"`;
  const PATH = await searchPath(slurm.folder, { sbatch });
  const logs = await submit({ ...slurm, environment: { ...slurm.environment, PATH } }, args);
  assertStringIncludes(Deno.readTextFileSync(calls), "--requeue --signal=B:TERM@120");
  await untilDone(slurm);
  const wanted = await contents(alone!);
  // A record, a network and the newest state each.
  assertEquals(wanted.size, 18);
  assertSame(await contents(shared!), wanted);
  const records = listFiles(shared!).filter((path) => path.endsWith(".json"));
  const trained = records.flatMap((path) =>
    recordOf(shared!, path).provenance.filter(({ did }) => did === "trained")
      .map(({ from, to }) => [from, to])
  );
  assertEquals(trained, Array(6).fill([0, EPOCHS]));
  const jobs = await slurm.call("scontrol", "--oneliner", "show", "job");
  const nodes = [...jobs.matchAll(/ArrayTaskId=\d+ .* NodeList=(\w+)/g)].map(([, node]) => node);
  assertEquals(nodes.toSorted(), ["n0", "n0", "n1", "n1"]);
  assertMatch(Deno.readTextFileSync(join(logs, "rest.txt")), /6 runs cached, 0 computed/);
  assert(listFiles(shared!).some((path) => path.endsWith("sharpness.svg")));
  const { code, stdout } = await ended(startTask("reproduce", args, slurm.environment));
  assertEquals(code, 0);
  assertMatch(stdout, /^All runs are cached: .*, nothing was submitted\n$/);
  return alone!;
}

/** Seconds that a run lasts which is stopped several times. */
const LONG_SECONDS = 5;

/** Of the first run in a folder. */
function secondsPerEpoch(folder: string): number {
  const path = listFiles(folder).find((each) => each.endsWith(".json"))!;
  return recordOf(folder, path).provenance[0]!.seconds / EPOCHS;
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

/** Tasks that are stopped, cancelled and killed cost no epoch that was kept, and no byte. */
async function endTasks(slurm: Slurm, epochs: number): Promise<void> {
  const [alone, shared] = ["long alone", "long"].map((name) => join(slurm.folder, name)) as [
    string,
    string,
  ];
  const study = [...LONG, "--stops", `epochs:${epochs}`];
  assertEquals((await run("reproduce", ...study, ...foldersIn(alone))).code, 0);
  const logs = await submit(slurm, [...study, ...foldersIn(shared), "--slurm", "2"]);
  const asked = studyFrom(readValues({}, readWords(COMMANDS.reproduce, study)));
  const folders = { models: join(shared, "models"), results: join(shared, "results") };
  /** Who works on each run, by learning rate, in the words that --dry-run has for it. */
  const holders = async (): Promise<Record<string, string>> => {
    const { runs } = await plan(asked, { folders });
    return Object.fromEntries(
      runs.flatMap(({ heldBy, trajectory }) => heldBy ? [[trajectory.learningRate, heldBy]] : []),
    );
  };
  /** Whoever holds `count` runs and has signed for them, once nobody of `before` is among them. */
  const stepsOf = async (count: number, before: readonly Step[] = []): Promise<Step[]> => {
    let held: string[] = [];
    await until("runs are held", async () => {
      const all = await holders();
      held = ["0.01", "0.1"].flatMap((rate) => all[rate] ?? []);
      const isSigned = held.every((text) =>
        /^process \d+ on \S+, since [-\d]+T[\d:.]+Z$/.test(text)
      );
      const isNew = held.every((text) => !before.some(({ pid }) => text.includes(` ${pid} `)));
      return held.length === count && isSigned && isNew;
    }, 120);
    return held.map(stepOf);
  };
  const [slow, fast] = await stepsOf(2) as [Step, Step];

  // Cancelled: what it did is kept, and it is not run again.
  await slurm.call("scancel", fast.task);
  await until("its run is free", async () => !("0.1" in await holders()));
  const cancelled = keptEpoch(shared, "0.1");

  // What Slurm does before a time limit: a signal to the shell. It is run again.
  await slurm.call("scancel", "--batch", "--signal=TERM", slow.task);
  const [second] = await stepsOf(1, [slow, fast]) as [Step];
  const stopped = keptEpoch(shared, "0.01");
  assertEquals(second.task, slow.task);

  await slurm.restart("slurmctld");

  // The node dies, and is back.
  const before = await knownOf(slurm, second.task);
  killStep(second);
  await until("its run is free", async () => Object.keys(await holders()).length === 0);
  const kept = keptEpoch(shared, "0.01");
  await slurm.restart(second.node);
  await until("its task is to be run again", async () => {
    // Nodes tell what they run when they start; of a job that is younger than a message may be,
    // it is believed only when they are asked again.
    await slurm.call("scontrol", "reconfigure");
    await delay(500);
    return await knownOf(slurm, second.task) !== before;
  });

  await untilDone(slurm);
  assertSame(await contents(shared), await contents(alone));
  const log = listFiles(logs).map((path) => Deno.readTextFileSync(join(logs, path))).join("\n");
  const goingOn = [...log.matchAll(/lr=([\d.]+),.*: going on after epoch (\d+)/g)]
    .map(([, rate, epoch]) => `${rate} after ${epoch}`).sort();
  const expected = [`0.01 after ${stopped}`, `0.01 after ${kept}`, `0.1 after ${cancelled}`];
  assertEquals(goingOn, expected.sort());
  assertMatch(log, /was told to stop on \S+: it is to be run again/);
  const takeover = new RegExp(`lr=0.01,.*: taking over from process ${second.pid} on`);
  assertMatch(log, takeover);
  console.log(`      ${goingOn.join(", ")}`);
}

/** What sbatch refuses is shown, and nothing is left queued. */
async function showRefusals({ folder, environment, call }: Slurm): Promise<void> {
  const study = [...LONG, "--stops", "epochs:1", "--slurm", "2", ...foldersIn(join(folder, "no"))];
  // The array is taken, the job after it is not.
  const tooMany =
    `[[ $* != *--dependency* ]] || { echo "sbatch: error: too many jobs" >&2; exit 1; }
PATH=\${PATH#*:} exec sbatch "$@"`;
  const refusals: [env: Record<string, string>, options: string, said: RegExp][] = [
    [{}, "--partition=nowhere", /^sbatch: error: invalid partition specified: nowhere; .*\n$/],
    [{}, "--partitions main", /^\S*sbatch: unrecognized option '--partitions'; Try .*\n$/],
    [
      { PATH: await searchPath(folder, { sbatch: tooMany }) },
      "--partition=main",
      /^sbatch: error: too many jobs\n$/,
    ],
  ];
  for (const [env, options, said] of refusals) {
    const task = startTask("reproduce", [...study, "--sbatch", options], {
      ...environment,
      ...env,
    });
    const { code, stdout, stderr } = await ended(task);
    assertEquals([code, stdout], [1, ""]);
    assertMatch(stderr.replace("Cannot submit, as Slurm says: ", ""), said);
    // What had begun may take a moment to end.
    await until("nothing is queued", async () => await call("squeue", "--noheader") === "");
  }
}

Deno.test("a study on Slurm's nodes", { ignore: !HAS_SLURM }, async (test) => {
  // Where data are fetched more is said.
  await ensureCifar10();
  await withSlurm(async (slurm) => {
    let alone = "";
    await test.step("six runs on an array of four are trained once each", async () => {
      alone = await shareRuns(slurm);
    });
    await test.step("tasks that are stopped, cancelled and killed cost no epoch kept", () =>
      endTasks(slurm, Math.max(300, Math.ceil(LONG_SECONDS / secondsPerEpoch(alone)))));
    await test.step("what sbatch refuses is shown and leaves nothing queued", () =>
      showRefusals(slurm));
  });
});

Deno.test("planTasks() says that nothing is left only where every run is cached", () => {
  const study = presets.quick;
  const [trajectory] = listTrajectories(study);
  const linesOf = (cached: boolean): string[] =>
    planTasks(
      {
        // Only its evaluation is missing, which is not counted.
        runs: [{ trajectory: trajectory!, cached, epochs: 10, heldBy: null, seconds: 0 }],
        ...{ secondsOfMissing: 0, measured: true },
      },
      study,
      {},
    ).lines;
  assertEquals(linesOf(true), ["Nothing is left for tasks to do"]);
  assertMatch(linesOf(false)[0]!, /^On 1 task of 1 thread /);
});
