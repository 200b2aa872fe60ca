/**
 * Commands on full disks and in folders that cannot be written: one clear line, what exists stays
 * valid, nothing half written is left, and with room the same command ends.
 *
 * @module
 */
import { join } from "node:path";
import { assertEquals, assertMatch } from "@std/assert";
import { document, JSON_ON_CPU, run, TINY, TRAIN } from "~/tests/fixtures/command.ts";
import { diskTest, FULL, withDisk, withReadOnly, withRoom } from "~/tests/fixtures/mount.ts";
import type { Ended } from "~/tests/fixtures/script.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { countFiles } from "~/tests/fixtures/tiny_study.ts";

/** Fails unless a command failed with this one line, after lines of progress at most. */
function assertFailed({ code, stdout, stderr }: Ended, message: RegExp): void {
  assertEquals([code, stdout], [1, ""], stderr);
  const lines = stderr.trimEnd().split("\n")
    .filter((line) => !/^ *\d+ % |^The study |^Matrix products by/.test(line));
  assertMatch(lines[0]!, message);
  assertEquals(lines.length, 1, stderr);
}

diskTest(
  "reproduce without room for its figures, with it, and where it may only read",
  () =>
    withDisk((disk) =>
      withFolder(async (models) => {
        const results = join(disk, "results");
        const args = [...TINY, "--models", models, "--results", results];
        await withRoom(disk, 60_000, async () => {
          const message = new RegExp(`^Cannot write ${results}/figures/.+: ${FULL}$`);
          assertFailed(await run("reproduce", ...args), message);
          assertEquals(countFiles(models, results), { networks: 2, records: 1 });
        });
        const { cachedRuns, computedRuns } = await document<Record<string, number>>(
          ...["reproduce", ...args] as const,
        );
        assertEquals([cachedRuns, computedRuns], [1, 0]);
        assertEquals(countFiles(models, results), { networks: 2, records: 1 });
        await withReadOnly(disk, async () => {
          // Who may only read gets the table and the document all the same.
          const { code, stdout, stderr } = await run("reproduce", ...args, "--cached-only");
          assertEquals([code, JSON.parse(stdout).cachedRuns], [1, 1]);
          assertMatch(stderr, /\nSGD +0\.01 .* 1\n[^]*Cannot write .+\n1 run cached/);
        });
      })
    ),
);

diskTest(
  "train --out on a full disk keeps the file that was there",
  () =>
    withFolder((folder) =>
      withDisk(async (disk) => {
        const out = join(disk, "model.safetensors");
        await Deno.writeTextFile(out, "old");
        const files = ["--out", out, "--models", join(folder, "models")];
        const few = ["--max-epochs", "0", "--images", "200", ...JSON_ON_CPU];
        await withRoom(disk, 4e6, async () => {
          const ended = await run("train", ...TRAIN, ...few, ...files);
          assertFailed(ended, new RegExp(`^Cannot write ${out}: ${FULL}$`));
        });
        assertEquals(listFiles(disk), ["model.safetensors"]);
        assertEquals(await Deno.readTextFile(out), "old");
      })
    ),
);
