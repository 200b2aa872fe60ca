/**
 * Full disks and folders that cannot be written: one clear line, what exists stays valid, nothing
 * half written is left, and once there is room the same command ends with the same bytes.
 *
 * @module
 */
import { basename, join } from "node:path";
import { sha256 } from "~/lib/files/files.ts";
import { ensureCifar10 } from "~/lib/dataset.ts";
import { decodeModel } from "~/lib/model.ts";
import { parseRecord } from "~/lib/results.ts";
import { assertEquals, assertMatch } from "@std/assert";
import { JSON_ON_CPU, TRAIN } from "~/tests/fixtures/command.ts";
import {
  diskTest,
  FULL,
  READ_ONLY,
  withDisk,
  withReadOnly,
  withRoom,
} from "~/tests/fixtures/mount.ts";
import { type Ended, ended, startDeno } from "~/tests/fixtures/script.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { assertSame, contents } from "~/tests/fixtures/tiny_study.ts";

/** Two runs of the whole network on few images, each with a network and a state of 7 MB. */
const STUDY = [
  ...["--effects", "learning-rate", "--learning-rates", "1e-2,1e-3", "--optimizers", "SGD"],
  ...["--seeds", "0", "--images", "200", "--stops", "epochs:1", "--measures", "sharpness"],
  ...["--directions", "1", "--threads", "1"],
  ...JSON_ON_CPU,
];

/** A task as a user starts it. */
function task(name: string, ...args: string[]): Promise<Ended> {
  return ended(startDeno(["task", "--quiet", name, ...args]));
}

let data: Promise<unknown> | undefined;

/** The study in a folder: `deno task reproduce`. Where data are fetched more is said. */
async function reproduce(folder: string, ...args: string[]): Promise<Ended> {
  await (data ??= ensureCifar10());
  const folders = ["--models", join(folder, "models"), "--results", join(folder, "results")];
  return await task("reproduce", ...STUDY, ...folders, ...args);
}

/** Records, networks and figures of a study. */
async function everything(...folders: string[]): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>();
  for (const folder of folders) {
    for (const [path, content] of await contents(folder)) found.set(basename(path), content);
    for (const path of listFiles(folder).filter((each) => /\.(svg|png)$/.test(each))) {
      found.set(basename(path), sha256(await Deno.readFile(join(folder, path))));
    }
  }
  return found;
}

let computed: Promise<Map<string, unknown>> | undefined;
/** The study with all the room that it needs. */
function wanted(): Promise<Map<string, unknown>> {
  computed ??= withFolder(async (folder) => {
    const { code, stderr } = await reproduce(folder);
    assertEquals(code, 0, stderr);
    return await everything(folder);
  });
  return computed;
}

/** Fails unless a command failed with this one line, after lines of progress at most. */
function assertFailed({ code, stdout, stderr }: Ended, message: RegExp): void {
  assertEquals([code, stdout], [1, ""], stderr);
  const lines = stderr.trimEnd().split("\n")
    .filter((line) =>
      !/^ *\d+ % |^The study |^Matrix products by|: going on after epoch /.test(line)
    );
  assertMatch(lines[0]!, message);
  assertEquals(lines.length, 1, stderr);
}

/** Fails if a file is torn or left over; counts networks and records. */
async function count(...folders: string[]): Promise<{ models: number; records: number }> {
  let [models, records] = [0, 0];
  for (const folder of folders) {
    for (const path of listFiles(folder)) {
      const file = join(folder, path);
      if (path.endsWith(".safetensors")) {
        decodeModel(await Deno.readFile(file), path);
        models++;
      } else if (path.endsWith(".json")) {
        parseRecord(await Deno.readTextFile(file));
        records++;
      } else assertMatch(path, /(\/|\.lock|\.svg|\.png|\.pdf|\.csv|\.md)$/, "left over");
    }
  }
  return { models, records };
}

diskTest(
  "reproduce on a disk that is full at every stage, then the same command with room",
  () =>
    withDisk((models) =>
      withDisk((results) =>
        withFolder(async (folder) => {
          await Deno.symlink(models, join(folder, "models"));
          await Deno.symlink(results, join(folder, "results"));
          const cannot = (verb: string, what: string): RegExp =>
            new RegExp(`^Cannot ${verb} ${join(folder, what)}: ${FULL}$`);
          /** Where there is room for so many bytes only, what fails, and what is kept then. */
          const stages: [string, number, RegExp, [number, number]][] = [
            [models, 0, cannot("lock", "models/.+\\.lock"), [0, 0]],
            [models, 4e6, cannot("write", "models/.+\\.epoch=1\\.safetensors"), [0, 0]],
            [models, 8e6, cannot("write", "models/.+\\.latest\\.safetensors"), [1, 0]],
            [results, 0, cannot("write", "results/.+\\.json"), [2, 0]],
            // A page, which holds one record.
            [results, 1, cannot("write", "results/.+\\.json"), [4, 1]],
            [results, 60_000, cannot("write", "results/figures/.+"), [4, 2]],
          ];
          for (const [disk, room, message, [networks, records]] of stages) {
            await withRoom(disk, room, async () => assertFailed(await reproduce(folder), message));
            assertEquals(await count(models, results), { models: networks, records });
          }
          const { code, stdout, stderr } = await reproduce(folder);
          assertEquals(code, 0, stderr);
          const { cachedRuns, computedRuns } = JSON.parse(stdout);
          assertEquals([cachedRuns, computedRuns], [2, 0]);
          assertSame(await everything(models, results), await wanted());
        })
      )
    ),
);

diskTest(
  "reproduce in folders that cannot be written to, then the same command where they can",
  () =>
    withFolder(async (folder) => {
      const [models, results] = [join(folder, "models"), join(folder, "results")];
      await Deno.mkdir(models);
      await Deno.mkdir(results);
      const cannot = (what: string): RegExp => new RegExp(`^Cannot ${what}: ${READ_ONLY}$`);
      await withReadOnly(models, async () => {
        assertFailed(await reproduce(folder), cannot(`lock ${models}/.+\\.lock`));
      });
      assertEquals(listFiles(folder), ["models/", "results/"]);
      await withReadOnly(results, async () => {
        assertFailed(await reproduce(folder), cannot(`write ${results}/.+\\.json`));
      });
      assertEquals(await count(folder), { models: 2, records: 0 });
      const { code, stdout, stderr } = await reproduce(folder);
      assertEquals(code, 0, stderr);
      assertEquals(JSON.parse(stdout).computedRuns, 2);
      assertSame(await everything(folder), await wanted());

      // All is there: what is to be written anew cannot be, and what is there stays.
      const record = join(results, "cifar10,images=200/SGD/lr=0.01,batch=128,seed=0.json");
      await withReadOnly(results, async () => {
        assertFailed(await reproduce(folder), cannot(`write ${results}/.+`));
        // Who may only read gets the table and the document all the same.
        const { code, stdout, stderr } = await reproduce(folder, "--cached-only");
        assertEquals([code, JSON.parse(stdout).cachedRuns], [1, 2]);
        assertMatch(stderr, /\nSGD +0\.01 +128 +1 [^]*\nCannot write .+\n2 runs cached/);
      });
      const good = await Deno.readFile(record);
      await Deno.writeTextFile(record, "torn");
      await withReadOnly(results, async () => {
        assertFailed(
          await reproduce(folder),
          cannot(`read ${record}: .+; it cannot be set aside`),
        );
        const { code, stdout } = await reproduce(folder, "--dry-run");
        assertEquals(code, 0);
        const cached = JSON.parse(stdout).runs.map((run: { cached: boolean }) => run.cached);
        assertEquals(cached, [false, true]);
      });
      await Deno.writeFile(record, good);
      await withReadOnly(results, async () => {
        assertFailed(await reproduce(folder, "--fresh"), cannot(`write ${results}/.+\\.json`));
      });
      assertSame(await everything(folder), await wanted());
    }),
);

diskTest(
  "train --out on a full disk keeps the file that was there",
  () =>
    withFolder((folder) =>
      withDisk(async (disk) => {
        const out = join(disk, "model.safetensors");
        const files = ["--out", out, "--models", join(folder, "models")];
        const train = (seed: string): Promise<Ended> =>
          task(
            "train",
            ...[...TRAIN.slice(0, -1), seed, "--max-epochs", "0", "--images", "10"],
            ...[...files, ...JSON_ON_CPU],
          );
        assertEquals((await train("0")).code, 0);
        const first = await Deno.readFile(out);
        await withRoom(disk, 4e6, async () => {
          assertFailed(await train("1"), new RegExp(`^Cannot write ${out}: ${FULL}$`));
        });
        assertEquals(listFiles(disk), ["model.safetensors"]);
        assertEquals(sha256(await Deno.readFile(out)), sha256(first));
      })
    ),
);
