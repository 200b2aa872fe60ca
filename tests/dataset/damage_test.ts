/**
 * The loader against damaged files, copies, failing sources and full disks, on a small data set.
 *
 * @module
 */
import { join } from "node:path";
import { readDataset } from "~/lib/dataset/split.ts";
import { storeFile } from "~/lib/dataset/store.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  ARCHIVE,
  assertSmall,
  catalogueOf,
  entry,
  FILE_BYTES,
  FILES,
  listNames,
  md5,
  NAMES,
  newFolder,
  openPlace,
  PACKAGE,
  sourceOf,
  tarball,
  writeFiles,
} from "~/tests/fixtures/dataset_fixture.ts";

const flip = (bytes: Uint8Array, bit: number): Uint8Array<ArrayBuffer> => {
  const flipped = new Uint8Array(bytes);
  flipped[bit >> 3]! ^= 1 << (bit & 7);
  return flipped;
};
const RIGHT = FILES.get(NAMES[1])!;
const DAMAGES: [string, Uint8Array<ArrayBuffer>][] = [
  ...[0, 1, 3072, 3073, FILE_BYTES - 1].map((length) =>
    [`truncated to ${length}`, RIGHT.slice(0, length)] as [string, Uint8Array<ArrayBuffer>]
  ),
  ["a byte longer", new Uint8Array([...RIGHT, 0])],
  ...[0, 7, 8 * 3073, 8 * FILE_BYTES - 1].map((bit) =>
    [`bit ${bit} flipped`, flip(RIGHT, bit)] as [string, Uint8Array<ArrayBuffer>]
  ),
  ["another batch's file", FILES.get(NAMES[0])!],
];

for (const [damage, bytes] of DAMAGES) {
  Deno.test(`readDataset() names, sets aside and replaces a file that is ${damage}`, async () => {
    const place = await openPlace(FILES, { sources: [sourceOf(FILES)] });
    const path = join(place.home, NAMES[1]);
    await Deno.writeFile(path, bytes);
    assertSmall(await readDataset(2, place));
    assertEquals(await Deno.readFile(`${path}.damaged-1`), bytes);
    assertEquals(await Deno.readFile(path), RIGHT);
    assertStringIncludes(
      place.messages.join("\n"),
      `${path} is not used: it is ${bytes.length} bytes with MD5 ${md5(bytes)}, ` +
        `expected ${FILE_BYTES} bytes with MD5 ${md5(RIGHT)}`,
    );
    assertEquals(listNames(place.home), [...NAMES, `${NAMES[1]}.damaged-1`].sort());
    place.messages.length = 0;
    assertSmall(await readDataset(2, place));
    assertEquals(place.messages, []);
  });
}

Deno.test("readDataset() names, sets aside and replaces what is no file", async () => {
  const kinds: [string, (path: string) => Promise<unknown>][] = [
    ["a directory", (path) => Deno.mkdir(join(path, "not empty"), { recursive: true })],
    ["unreadable", (path) => Deno.symlink("/nowhere", path)],
    ["unreadable", (path) => Deno.symlink(path, path)],
    ["not a regular file", (path) => new Deno.Command("mkfifo", { args: [path] }).output()],
    // 64 GiB of nothing: judged by its length.
    ["68719476736 bytes", async (path) => {
      await Deno.writeFile(path, new Uint8Array());
      await Deno.truncate(path, 2 ** 36);
    }],
  ];
  for (const [found, make] of kinds) {
    const place = await openPlace(FILES, { sources: [sourceOf(FILES)] });
    const path = join(place.home, NAMES[2]);
    await Deno.remove(path);
    await make(path);
    assertSmall(await readDataset(2, place));
    assertStringIncludes(place.messages[0]!, `${path} is not used: it is ${found}`);
    await Deno.lstat(`${path}.damaged-1`);
    assertEquals(await Deno.readFile(path), FILES.get(NAMES[2]));
  }
});

Deno.test("readDataset() leaves a file that cannot be read where it is, and says so", async () => {
  const place = await openPlace(FILES, { sources: [sourceOf(FILES)] });
  const path = join(place.home, NAMES[1]);
  const { readFile } = Deno;
  Deno.readFile = (file, options): ReturnType<typeof readFile> =>
    file === path ? Promise.reject(new Error("a failing disk")) : readFile(file, options);
  try {
    const error = await assertRejects(() => readDataset(2, place), Error);
    assertEquals(error.name, "StorageError");
    assertEquals(
      error.message,
      `Cannot replace ${path}, which stays as it is: it is unreadable (a failing disk)`,
    );
    // A copy's unreadable file is passed over like a damaged one.
    const other = await openPlace(FILES);
    assertSmall(await readDataset(2, { ...other, copy: place.home }));
    assertStringIncludes(other.messages[0]!, `${path} is not used: it is unreadable`);
  } finally {
    Deno.readFile = readFile;
  }
  assertEquals(listNames(place.home), [...NAMES]);
  assertSmall(await readDataset(2, place));
});

Deno.test("readDataset() never overwrites what was set aside before", async () => {
  const place = await openPlace(FILES, { sources: [sourceOf(FILES)] });
  const path = join(place.home, NAMES[0]);
  for (const content of ["one", "two", "three"]) {
    await Deno.writeTextFile(path, content);
    assertSmall(await readDataset(2, place));
  }
  const aside = [1, 2, 3].map((n) => Deno.readTextFileSync(`${path}.damaged-${n}`));
  assertEquals(aside, ["one", "two", "three"]);
});

Deno.test("readDataset() takes a copy's right files, leaves it as it is and replaces its wrong ones", async () => {
  for (const below of ["", "cifar-10-batches-bin"]) {
    const place = await openPlace(new Map(), { sources: [sourceOf(FILES)] });
    const copy = await newFolder();
    await writeFiles(join(copy, below), FILES);
    assertSmall(await readDataset(2, { ...place, copy }));
    assertEquals(place.messages, []);
    assertEquals([...Deno.readDirSync(place.home)], []);

    const path = join(copy, below, NAMES[0]);
    await Deno.writeTextFile(path, "damaged");
    await Deno.remove(join(copy, below, NAMES[2]));
    assertSmall(await readDataset(2, { ...place, copy }));
    assertStringIncludes(place.messages[0]!, `${path} is not used: it is 7 bytes`);
    assertEquals(listNames(join(copy, below)), [NAMES[0], NAMES[1]]);
    assertEquals(await Deno.readTextFile(path), "damaged");
    assertEquals(listNames(place.home), [...NAMES]);

    place.messages.length = 0;
    assertSmall(await readDataset(2, { ...place, copy }));
    assertEquals(
      place.messages[1],
      `${copy} has no intact ${NAMES[0]}, ${NAMES[2]}: taken from ${place.home}`,
    );
  }
});

Deno.test("readDataset() unpacks a copy's or the data directory's archive into the data directory", async () => {
  const folder = await newFolder();
  const file = join(folder, "cifar-10-binary.tar.gz");
  await Deno.writeFile(file, ARCHIVE);
  for (const copy of [file, folder]) {
    const place = await openPlace();
    assertSmall(await readDataset(2, { ...place, copy }));
    assertEquals(listNames(place.home), [...NAMES]);
    assertEquals(listNames(folder), ["cifar-10-binary.tar.gz"]);
  }
  const place = await openPlace(new Map([["cifar-10-binary.tar.gz", ARCHIVE]]));
  assertSmall(await readDataset(2, place));
  assertEquals(listNames(place.home), ["cifar-10-binary.tar.gz", ...NAMES]);
});

Deno.test("readDataset() names a damaged archive and sets it aside in the data directory only", async () => {
  const name = "cifar-10-binary.tar.gz";
  const damaged = ARCHIVE.slice(0, ARCHIVE.length >> 1);
  const fault = `it is ${damaged.length} bytes with MD5 ${md5(damaged)}, ` +
    `expected MD5 ${md5(ARCHIVE)}`;
  const place = await openPlace(new Map([[name, damaged]]), { sources: [sourceOf(FILES)] });
  const copy = await newFolder();
  await writeFiles(copy, new Map([[name, damaged]]));
  assertSmall(await readDataset(2, { ...place, copy }));
  assertEquals(listNames(place.home), [`${name}.damaged-1`, ...NAMES]);
  assertEquals(await Deno.readFile(join(place.home, `${name}.damaged-1`)), damaged);
  assertEquals(listNames(copy), [name]);
  const said = place.messages.filter((message) => message.includes("did not deliver"));
  assertEquals(said.length, 2);
  assertEquals(said[0]!.startsWith(join(copy, name)) && said[0]!.endsWith(fault), true, said[0]);
  assertStringIncludes(said[1]!, `${fault}; set aside as ${join(place.home, name)}.damaged-1`);

  const folder = await openPlace(new Map(), { sources: [sourceOf(FILES)] });
  await Deno.mkdir(join(folder.home, name));
  assertSmall(await readDataset(2, folder));
  assertEquals(listNames(folder.home), [`${name}.damaged-1`, ...NAMES]);
});

Deno.test("readDataset() leaves an archive with the right MD5 where it is, whatever it lacks", async () => {
  const name = "cifar-10-binary.tar.gz";
  const half = await tarball([entry(NAMES[1], RIGHT)]);
  const place = await openPlace(new Map([[name, half]]), {
    catalogue: catalogueOf(half, PACKAGE),
    sources: [sourceOf(FILES)],
  });
  assertSmall(await readDataset(2, place));
  assertEquals(listNames(place.home), [name, ...NAMES]);
  assertEquals(
    place.messages.filter((message) => message.includes("did not deliver")),
    [`${join(place.home, name)} did not deliver: it lacks ${NAMES[0]}, ${NAMES[2]}`],
  );
});

Deno.test("readDataset() keeps an intact archive where the disk is full", async () => {
  const name = "cifar-10-binary.tar.gz";
  const place = await openPlace(new Map([[name, ARCHIVE]]), {
    write: () => Promise.reject(Object.assign(new Error("full"), { code: "ENOSPC" })),
  });
  const error = await assertRejects(() => readDataset(2, place), Error, "the disk is full");
  assertEquals(error.name, "StorageError");
  assertEquals(listNames(place.home), [name]);
});

Deno.test("readDataset() goes from source to source and says why each did not deliver", async () => {
  const wrong = new Map([[NAMES[0], RIGHT], [NAMES[1], RIGHT]]);
  const place = await openPlace(new Map(), {
    sources: [sourceOf(wrong, "first"), {
      name: "second",
      fetch: () => Promise.reject(new Error("it is closed")),
    }],
  });
  const error = await assertRejects(() => readDataset(2, place), Error);
  assertEquals(
    error.message,
    [
      `Cannot load CIFAR-10 as ${NAMES[0]}, ${NAMES[2]} must be in ${place.home} or come from a ` +
      "source: no source delivered",
      `first: its ${NAMES[0]} is ${FILE_BYTES} bytes with MD5 ${md5(RIGHT)}, ` +
      `expected ${FILE_BYTES} bytes with MD5 ${md5(FILES.get(NAMES[0])!)}`,
      "second: it is closed",
      "Download https://example.org/cifar-10-binary.tar.gz with any tool and pass the file with " +
      "--data FILE",
    ].join("\n"),
  );
  // What came right stays.
  assertEquals(listNames(place.home), [NAMES[1]]);
});

Deno.test("readDataset() leaves no torn file on a full disk and goes on once there is room", async () => {
  const full = async (path: string, bytes: Uint8Array): Promise<void> => {
    await Deno.writeFile(path, bytes.subarray(0, 4096));
    if (!path.endsWith(NAMES[0])) {
      throw Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
    }
    await Deno.writeFile(path, bytes);
  };
  const place = await openPlace(new Map(), { sources: [sourceOf(FILES)] });
  const error = await assertRejects(() => readDataset(2, { ...place, write: full }), Error);
  assertEquals(error.name, "StorageError");
  assertStringIncludes(error.message, `Cannot write ${join(place.home, NAMES[1])}`);
  assertStringIncludes(error.message, "the disk is full");
  assertEquals(listNames(place.home), [NAMES[0]]);
  assertSmall(await readDataset(2, place));
});

Deno.test("readDataset() fails clearly where the data directory cannot be one", async () => {
  const file = join(await newFolder(), "file");
  await Deno.writeTextFile(file, "");
  for (const home of [file, join(file, "below")]) {
    const place = await openPlace(new Map(), { home, sources: [sourceOf(FILES)] });
    const error = await assertRejects(() => readDataset(1, place), Error);
    assertEquals(error.name, "StorageError");
    assertStringIncludes(error.message, `Cannot write ${home} as the data directory`);
    assertStringIncludes(error.message, "--data");
  }
  assertEquals((await Deno.stat(file)).size, 0);
});

Deno.test("storeFile() replaces a file in one step", async () => {
  const place = await openPlace(FILES);
  const folder = await Deno.makeTempDir({ dir: place.home });
  const old = await Deno.open(join(place.home, NAMES[0]));
  await storeFile(place.home, NAMES[0], RIGHT, { folder });
  // A reader that had the old file open still has all of it: it was not written over.
  const bytes = new Uint8Array(await new Response(old.readable).arrayBuffer());
  assertEquals(bytes, FILES.get(NAMES[0]));
  assertEquals(await Deno.readFile(join(place.home, NAMES[0])), RIGHT);
  assertEquals(listNames(folder), []);
});
