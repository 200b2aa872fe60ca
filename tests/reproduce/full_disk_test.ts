/**
 * Studies on full disks and in folders that cannot be written: one line says so, what exists stays
 * valid, and once there is room the study ends with the usual bytes.
 *
 * @module
 */
import { join } from "node:path";
import { recordFile } from "~/lib/results.ts";
import { listTrajectories } from "~/lib/study.ts";
import { describeTrajectory, networkFile, trajectoryPath } from "~/lib/trainer.ts";
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { LIBRARY, withEngine } from "~/tests/fixtures/engine_cpu_fixture.ts";
import {
  diskTest,
  FULL,
  READ_ONLY,
  withDisk,
  withReadOnly,
  withRoom,
} from "~/tests/fixtures/mount.ts";
import { listFiles } from "~/tests/fixtures/temporary_folder.ts";
import {
  abortAt,
  alone,
  assertEnds,
  assertSame,
  change,
  contents,
  countFiles,
  DATASET,
  uninterrupted,
  withPlace,
} from "~/tests/fixtures/tiny_study.ts";

/** Two trajectories, whose networks are 99 KB each, and so are SGD's states. */
const TWO = change({ grid: { optimizers: ["SGD"] }, stops: ["epochs:2"] });

/** Works with an engine of one thread, so that one trajectory follows the other. */
async function inTurn<T>(work: (opened: object) => Promise<T>): Promise<T> {
  const asked = { dataset: DATASET, library: LIBRARY };
  return await withEngine(asked, (engine) => work({ opened: { engine, dataset: DATASET } }));
}

diskTest(
  "run() on a disk that is full at every stage, then with room",
  () =>
    inTurn((own) =>
      withDisk((models) =>
        withDisk((results) =>
          withPlace(async ({ folder, compute }) => {
            await Deno.symlink(models, join(folder, "models"));
            await Deno.symlink(results, join(folder, "results"));
            const cannot = (verb: string, what: string): RegExp =>
              new RegExp(`^Cannot ${verb} ${join(folder, what)}: ${FULL}$`);
            /** Where there is room for so many bytes only, what fails, and what is kept then. */
            const stages: [string, number, RegExp, [number, number]][] = [
              [models, 0, cannot("lock", "models/.+\\.lock"), [0, 0]],
              [models, 60_000, cannot("write", "models/.+\\.epoch=2\\.safetensors"), [0, 0]],
              [models, 150_000, cannot("write", "models/.+\\.latest\\.safetensors"), [1, 0]],
              [results, 0, cannot("write", "results/.+\\.json"), [2, 0]],
              // A page, which holds one record.
              [results, 1, cannot("write", "results/.+\\.json"), [4, 1]],
            ];
            for (const [disk, room, message, [networks, records]] of stages) {
              await withRoom(disk, room, async () => {
                assertMatch((await assertRejects(() => compute(TWO, own), Error)).message, message);
              });
              assertEquals(countFiles(models, results), { networks, records }, `${message}`);
            }
            assertEquals((await compute(TWO, own)).missingRuns, 0);
            // Links are not followed.
            const found = [["models", models], ["results", results]].map(async ([name, disk]) =>
              [...await contents(disk!)].map(([path, each]) => [join(name!, path), each] as const)
            );
            assertSame(new Map((await Promise.all(found)).flat()), await uninterrupted(TWO));
          })
        )
      )
    ),
);

diskTest(
  "run() in folders that cannot be written to, then where they can",
  () =>
    inTurn((own) =>
      withPlace(async ({ folder, compute, options: { folders: { models, results } } }) => {
        const refused = async (what: string, more: object = {}): Promise<void> => {
          const error = await assertRejects(() => compute(TWO, { ...own, ...more }), Error);
          assertMatch(error.message, new RegExp(`^Cannot ${what}: ${READ_ONLY}$`));
        };
        for (const each of [models, results]) await Deno.mkdir(each);
        await withReadOnly(models, () => refused(`lock ${models}/.+\\.lock`));
        assertEquals(listFiles(folder), ["models/", "results/"]);
        await withReadOnly(results, () => refused(`write ${results}/.+\\.json`));
        assertEquals(countFiles(folder), { networks: 2, records: 0 });
        await compute(TWO, own);
        await assertEnds(folder, TWO);
        // All is there: what is to be set aside or written anew cannot be, and what is there stays.
        const path = recordFile(results, listTrajectories(TWO)[0]!);
        const good = await Deno.readFile(path);
        await Deno.writeTextFile(path, "torn");
        await withReadOnly(results, () => refused(`read ${path}: .+; it cannot be set aside`));
        await Deno.writeFile(path, good);
        await withReadOnly(
          results,
          () => refused(`write ${results}/.+\\.json`, { fresh: true }),
        );
        await assertEnds(folder, TWO);
      })
    ),
);

diskTest(
  "run() whose checkpoint finds no room keeps the one before, and goes on from it",
  () =>
    withDisk((disk) =>
      withPlace(async ({ messages, options, compute }) => {
        const study = alone("AdaGrad", { stops: ["epochs:4"] });
        const [trajectory] = listTrajectories(study);
        const { models } = options.folders;
        await Deno.mkdir(models);
        const [place] = trajectoryPath(trajectory!).split("/");
        await Deno.symlink(disk, join(models, place!));
        const latest = networkFile(models, trajectory!, "latest");
        // Parameters and AdaGrad's sums are 197 KB: once, not twice.
        await withRoom(disk, 300_000, async () => {
          const error = await assertRejects(() => compute(study, { checkpointSeconds: 0 }), Error);
          assertEquals(error.message, `Cannot write ${latest}: ${FULL}`);
          // The same where the user stops the study: its message is not all that is said.
          const stopped = abortAt(1, "epoch");
          assertEquals(await assertRejects(() => compute(study, stopped.options)), stopped.reason);
        });
        const going = `${describeTrajectory(trajectory!)}: going on after epoch 1`;
        assertEquals(messages, [going, `Cannot write ${latest}: ${FULL}`]);
        await compute(study);
        assertEquals(messages.slice(2), [going]);
        assertEquals(countFiles(disk), { networks: 2, records: 0 });
        const [record] = listFiles(options.folders.results).filter((each) =>
          each.endsWith(".json")
        );
        const wanted = (await uninterrupted(study)).get(join("results", record!));
        assertEquals((await contents(options.folders.results)).get(record!), wanted);
      })
    ),
);
