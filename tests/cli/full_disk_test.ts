/**
 * Full disks and folders that cannot be written: one clear line, what exists stays valid, nothing
 * half written is left, and once there is room the same command ends with the same bytes.
 *
 * @module
 */
import { basename, join } from "node:path";
import { readDataset } from "~/lib/dataset/split.ts";
import { sha256 } from "~/lib/files/files.ts";
import { decodeModel } from "~/lib/model/model_file.ts";
import { parseResult } from "~/lib/results/schema.ts";
import { runFiles } from "~/lib/results/run_files.ts";
import { listRuns, runPath } from "~/lib/study/study.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  assertSmall,
  FILES,
  listNames,
  NAMES,
  openPlace,
  sourceOf,
} from "~/tests/fixtures/dataset_fixture.ts";
import { MAY_MOUNT, withDisk, withReadOnly, withRoom } from "~/tests/fixtures/mount.ts";
import { type Ended, ended, startDeno } from "~/tests/fixtures/script.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { assertSame, change, contents, withPlace } from "~/tests/fixtures/tiny_study.ts";

const FULL = "the disk is full; make room and start again, what is finished is kept";
const READ_ONLY = "the folder cannot be written to; choose another or change its permissions";

/** Two runs of the whole network, 7 MB each, on few images. */
const STUDY = [
  ...["--effects", "learning-rate", "--learning-rates", "1e-2", "--seeds", "0"],
  ...["--images", "200", "--max-epochs", "1", "--directions", "1", "--engine", "cpu", "--json"],
];

/** A test that mounts. */
function diskTest(name: string, work: () => Promise<void>): void {
  Deno.test({ name, ignore: !MAY_MOUNT, fn: work });
}

/** A task as a user starts it. */
function task(name: string, ...args: string[]): Promise<Ended> {
  return ended(startDeno(["task", "--quiet", name, ...args]));
}

/** The study in a folder: `deno task reproduce`. */
function reproduce(folder: string, ...args: string[]): Promise<Ended> {
  const folders = ["--models", join(folder, "models"), "--results", join(folder, "results")];
  return task("reproduce", ...STUDY, ...folders, ...args);
}

/** All that a study leaves: records, models, figures. */
async function everything(folder: string): Promise<Map<string, unknown>> {
  const found = await contents(folder);
  for (const path of listFiles(folder).filter((each) => /\.(svg|png)$/.test(each))) {
    found.set(path, sha256(await Deno.readFile(join(folder, path))));
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
  const lines = stderr.trimEnd().split("\n").filter((line) => !/^ *\d+ % /.test(line));
  assertEquals(lines.length, 1, stderr);
  assertMatch(lines[0]!, message);
}

/** Fails if a file is torn or left over; gives the good ones' names. */
async function intact(folder: string): Promise<string[]> {
  const good: string[] = [];
  for (const path of listFiles(folder)) {
    const file = join(folder, path);
    if (path.endsWith(".safetensors")) decodeModel(await Deno.readFile(file), path);
    else if (path.endsWith(".json")) parseResult(await Deno.readTextFile(file), path);
    else if (path.endsWith(".png")) assertEquals((await Deno.readFile(file)).at(-1), 0x82, path);
    else if (path.endsWith(".svg")) assert((await Deno.readTextFile(file)).endsWith("</svg>\n"));
    else {
      assertMatch(path, /(\/|\.lock|\.seconds)$/, "left over");
      continue;
    }
    good.push(basename(path));
  }
  return good;
}

diskTest(
  "reproduce on a disk that is full at every stage, then the same command with room",
  () =>
    withDisk((models) =>
      withDisk((results) =>
        withFolder(async (folder) => {
          await Deno.symlink(models, join(folder, "models"));
          await Deno.symlink(results, join(folder, "results"));
          const [MODEL, RESULT] = [/\.safetensors$/, /\.json$/];
          const count = async (of: RegExp): Promise<number> =>
            (await intact(models)).concat(await intact(results)).filter((name) => of.test(name))
              .length;
          const command = (threads = "1"): Promise<Ended> =>
            reproduce(folder, "--threads", threads);
          const cannot = (verb: string, what: string): RegExp =>
            new RegExp(`^Cannot ${verb} ${join(folder, what)}: ${FULL}$`);

          await withRoom(models, 0, async () => {
            // Two threads find it full, one line says so.
            assertFailed(await command("2"), cannot("lock", "models/.+\\.lock"));
          });
          assertEquals(await count(/./), 0);
          await withRoom(models, 4e6, async () => {
            assertFailed(await command(), cannot("write", "models/.+\\.safetensors"));
          });
          assertEquals(await count(/./), 0);
          await withRoom(models, 8e6, async () => {
            assertFailed(await command(), cannot("write", "models/.+\\.safetensors"));
          });
          assertEquals([await count(MODEL), await count(/./)], [1, 1]);
          await withRoom(results, 0, async () => {
            assertFailed(await command(), cannot("write", "results/.+\\.json"));
          });
          assertEquals([await count(MODEL), await count(RESULT)], [2, 0]);
          await withRoom(results, 1, async () => {
            assertFailed(await command(), cannot("write", "results/.+\\.json"));
          });
          assertEquals([await count(MODEL), await count(RESULT)], [2, 1]);
          await withRoom(results, 150_000, async () => {
            assertFailed(await command(), cannot("write", "results/.+/figures/.+\\.png"));
          });
          assertEquals([await count(RESULT), await count(/\.svg$/), await count(/\.png$/)], [
            2,
            2,
            1,
          ]);

          const { code, stdout, stderr } = await command();
          assertEquals(code, 0, stderr);
          const { cachedRuns, computedRuns } = JSON.parse(stdout);
          assertEquals([cachedRuns, computedRuns], [2, 0]);
          const found = new Map([
            ...[...await everything(models)].map(([path, each]) =>
              [`models/${path}`, each] as const
            ),
            ...[...await everything(results)].map(([path, each]) =>
              [`results/${path}`, each] as const
            ),
          ]);
          assertSame(found, await wanted());
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
      assertEquals((await intact(folder)).length, 2);
      const { code, stdout, stderr } = await reproduce(folder);
      assertEquals(code, 0, stderr);
      assertEquals(JSON.parse(stdout).computedRuns, 2);
      assertSame(await everything(folder), await wanted());

      // All is there: what is to be written anew cannot be, and what is there stays.
      const result = join(
        results,
        "quick,images=200,max-epochs=1,directions=1/SGD/lr=0.01,batch=128,seed=0.json",
      );
      await withReadOnly(results, async () => {
        assertFailed(await reproduce(folder), cannot(`write ${results}/.+/figures/.+`));
      });
      const good = await Deno.readFile(result);
      await Deno.writeTextFile(result, "torn");
      await withReadOnly(results, async () => {
        assertFailed(
          await reproduce(folder),
          cannot(`read ${result}: it is not JSON; it cannot be set aside`),
        );
        const { code, stdout, stderr } = await reproduce(folder, "--dry-run");
        assertEquals([code, stderr], [0, ""]);
        assertEquals(JSON.parse(stdout).runs.map(({ cached }: { cached: boolean }) => cached), [
          false,
          true,
        ]);
      });
      await Deno.writeFile(result, good);
      await withReadOnly(results, async () => {
        const { code, stdout, stderr } = await reproduce(folder, "--fresh");
        assertEquals([code, stdout], [1, ""]);
        assertMatch(stderr, new RegExp(`\nCannot remove ${results}/.+\\.json: ${READ_ONLY}\n$`));
      });
      assertSame(await everything(folder), await wanted());
    }),
);

diskTest(
  "train --out on a full disk keeps the file that was there",
  () =>
    withDisk(async (disk) => {
      const out = join(disk, "model.safetensors");
      const options = ["--learning-rate", "0.01", "--batch-size", "128", "--optimizer", "SGD"];
      const train = (seed: string): Promise<Ended> =>
        task(
          "train",
          ...[...options, "--seed", seed, "--out", out, "--max-epochs", "0", "--images", "10"],
          ...["--engine", "cpu", "--json"],
        );
      assertEquals((await train("0")).code, 0);
      const first = await Deno.readFile(out);
      await withRoom(disk, 4e6, async () => {
        assertFailed(await train("1"), new RegExp(`^Cannot write ${out}: ${FULL}$`));
      });
      assertEquals(listFiles(disk), ["model.safetensors"]);
      assertEquals(sha256(await Deno.readFile(out)), sha256(first));
    }),
);

diskTest(
  "run() whose checkpoint finds no room keeps the one before, and goes on from it",
  () =>
    withPlace(async ({ folder, messages, options, compute }) => {
      const grid = { effects: ["learning-rate"], optimizers: ["AdaGrad"] } as const;
      const study = change({ grid, training: { maxEpochs: 4 } });
      const wanted = await withPlace(async (other) => {
        await other.compute(study);
        return await contents(other.folder);
      });
      const [config] = listRuns(study.grid);
      await withDisk(async (disk) => {
        await Deno.mkdir(join(folder, "models"));
        await Deno.symlink(
          disk,
          join(folder, "models", "quick,layers=3072-8-10,images=200,max-epochs=4"),
        );
        const { checkpoint } = runFiles(study, config!, options.folders!);
        // Parameters and AdaGrad's sums are 197 KB: once, not twice.
        await withRoom(disk, 300_000, async () => {
          const error = await assertRejects(() => compute(study, { checkpointSeconds: 0 }), Error);
          assertEquals(error.message, `Cannot write ${checkpoint}: ${FULL}`);
          // The same where the user stops the study: its message is not all that is said.
          const controller = new AbortController();
          const reason = new Error("enough");
          const stopped = compute(study, {
            signal: controller.signal,
            onProgress: ({ message }) => message.includes("epoch") && controller.abort(reason),
          });
          assertEquals(await assertRejects(() => stopped), reason);
        });
        const going = `${runPath(config!)}: going on after epoch 1`;
        assertEquals(messages, [going, `Cannot write ${checkpoint}: ${FULL}`]);
        assertEquals((await intact(disk)).length, 1);
        await compute(study);
        assertEquals(messages.slice(2), [going]);
        const found = [...await contents(folder), ...await contents(disk)].map(([path, content]) =>
          [[...wanted.keys()].find((each) => each.endsWith(path))!, content] as const
        );
        assertSame(new Map(found), wanted);
      });
    }),
);

diskTest(
  "readDataset() on a full disk keeps the whole files, and goes on once there is room",
  () =>
    withDisk(async (home) => {
      const place = await openPlace(new Map(), { home, sources: [sourceOf(FILES)] });
      // A file takes three pages of 4 KiB.
      await withRoom(home, 25_000, async () => {
        const error = await assertRejects(() => readDataset(2, place), Error);
        assertEquals(error.name, "StorageError");
        assertMatch(error.message, new RegExp(`^Cannot write ${join(home, NAMES[2])} .*${FULL}$`));
        assertEquals(listNames(home), ["filler", NAMES[0], NAMES[1]].sort());
        for (const name of NAMES.slice(0, 2)) {
          assertEquals(await Deno.readFile(join(home, name)), FILES.get(name));
        }
      });
      assertSmall(await readDataset(2, place));
      assertEquals(listNames(home), [...NAMES]);
    }),
);

diskTest(
  "readDataset() in a folder that cannot be written to takes what is there, or says so",
  () =>
    withFolder(async (folder) => {
      const place = await openPlace(FILES, { sources: [sourceOf(FILES)] });
      await withReadOnly(place.home, async () => assertSmall(await readDataset(2, place)));
      const empty = { ...place, home: folder };
      await withReadOnly(folder, async () => {
        const error = await assertRejects(() => readDataset(2, empty), Error);
        assertEquals(error.name, "StorageError");
        assertMatch(error.message, new RegExp(`^Cannot write ${folder} .*${READ_ONLY}$`));
      });
      assertSmall(await readDataset(2, empty));
    }),
);
