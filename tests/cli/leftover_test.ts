/**
 * What a study meets besides damaged files: leftovers of killed processes, files that cannot be read
 * now, and what is no file in the place of one.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { tryLock } from "~/lib/files/lock.ts";
import { recordFile } from "~/lib/results.ts";
import { listTrajectories } from "~/lib/study.ts";
import { describeTrajectory, lockFile, networkFile } from "~/lib/trainer.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { listFiles } from "~/tests/fixtures/temporary_folder.ts";
import {
  assertSame,
  contents,
  type Place,
  STUDY,
  uninterrupted,
  withPlace,
} from "~/tests/fixtures/tiny_study.ts";

const [FIRST, SECOND] = listTrajectories(STUDY);

/** Where the first two trajectories' files lie. */
function filesOf({ options: { folders } }: Place): {
  record: string;
  latest: string;
  network: string;
  locks: [string, string];
  otherNetwork: string;
} {
  return {
    record: recordFile(folders.results, FIRST!),
    latest: networkFile(folders.models, FIRST!, "latest"),
    network: networkFile(folders.models, FIRST!, 3),
    locks: [lockFile(folders.models, FIRST!), lockFile(folders.models, SECOND!)],
    otherNetwork: networkFile(folders.models, SECOND!, 3),
  };
}

Deno.test("run() sets aside what is no file in the place of a lock", async () => {
  await withPlace(async (place) => {
    const { locks } = filesOf(place);
    for (const path of locks) await Deno.mkdir(join(path, "not empty"), { recursive: true });
    await place.compute();
    assertEquals(
      place.messages.toSorted(),
      locks.map((path) =>
        `Cannot read ${path} as it must be a file: it is a directory; set aside as ` +
        `${path}.damaged-1, it will be replaced`
      ).toSorted(),
    );
    for (const path of locks) assert((await Deno.stat(`${path}.damaged-1/not empty`)).isDirectory);
    assertSame(await contents(place.folder), await uninterrupted());
  });
});

Deno.test("run() that takes over from a killed process removes what it left half written", async () => {
  await withPlace(async (place) => {
    const { record, latest, network, locks: [lock], otherNetwork } = filesOf(place);
    const torn = [record, latest, network].map((path, n) => `${path}.unfinished-${17 + n}`);
    // Of a trajectory that somebody may be at work on, and of nobody's.
    const others = [`${otherNetwork}.unfinished-21`, `${network}.old`, `${network}.damaged-1`];
    for (const path of [...torn, ...others]) {
      await Deno.mkdir(dirname(path), { recursive: true });
      await Deno.writeTextFile(path, "torn");
    }
    await Deno.writeTextFile(lock, "process 1, started\u{9b}31m long ago\n");
    await place.compute();
    assertEquals(place.messages, [
      `${describeTrajectory(FIRST!)}: taking over from process 1, started\\u{9b}31m long ago, ` +
      "which ended without finishing",
    ]);
    const left = listFiles(place.folder).map((path) => join(place.folder, path));
    assertEquals([...torn, ...others].filter((path) => left.includes(path)), others);
    assertSame(await contents(place.folder), await uninterrupted());
  });
});

/** Makes reading one file fail, as a disk or a permission does. */
async function withUnreadable<T>(
  { path, code }: { readonly path: string; readonly code: string },
  work: () => Promise<T>,
): Promise<T> {
  const { open } = Deno;
  Deno.open = (file, options): ReturnType<typeof open> =>
    file === path
      ? Promise.reject(Object.assign(new Error(`failed with ${code}`), { code }))
      : open(file, options);
  try {
    return await work();
  } finally {
    Deno.open = open;
  }
}

for (const [kind, code] of [["record", "EIO"], ["latest", "EACCES"]] as const) {
  Deno.test(`run() stops at a ${kind} that cannot be read, leaves it, releases its locks`, async () => {
    await withPlace(async (place) => {
      await place.compute({ ...STUDY, stops: ["epochs:1"] });
      const { locks, [kind]: path } = filesOf(place);
      const before = await Deno.readFile(path);
      place.messages.length = 0;
      const error = await assertRejects(
        () => withUnreadable({ path, code }, () => place.compute()),
        Error,
      );
      const what = `Cannot read ${path}, which stays as it is: failed with ${code}`;
      assertEquals(error.message, what);
      assertEquals(await Deno.readFile(path), before);
      for (const file of locks) {
        const lock = await tryLock(file);
        assert(lock !== undefined && lock.abandonedBy === undefined, file);
        lock.release();
      }
      // Once it can be read it is good.
      await place.compute();
      assertEquals(place.messages.filter((message) => message.includes("damaged")), []);
      const found = await contents(place.folder);
      for (const [path, content] of await uninterrupted()) {
        if (path.endsWith(".safetensors")) assertEquals(found.get(path), content, path);
      }
    });
  });
}
