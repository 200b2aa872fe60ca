/**
 * Data sets on full disks and in folders that cannot be written.
 *
 * @module
 */
import { join } from "node:path";
import { readDataset } from "~/lib/dataset/split.ts";
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  assertSmall,
  FILES,
  listNames,
  NAMES,
  openPlace,
  sourceOf,
} from "~/tests/fixtures/dataset_fixture.ts";
import {
  diskTest,
  FULL,
  READ_ONLY,
  withDisk,
  withReadOnly,
  withRoom,
} from "~/tests/fixtures/mount.ts";
import { withFolder } from "~/tests/fixtures/temporary_folder.ts";

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
