/** Copies that people have, in every container, intact, damaged and hostile. @module */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { recordsIn } from "~/lib/dataset/sources.ts";
import { readDataset } from "~/lib/dataset/split.ts";
import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import {
  ARCHIVE,
  assertSmall,
  entry,
  FILES,
  listNames,
  md5,
  NAMES,
  newFolder,
  only,
  openPlaces,
  pickleOf,
  PICKLES,
  sourceOf,
  tarball,
} from "~/tests/fixtures/dataset_fixture.ts";

/** Fails if it is asked: a copy that was named is never passed over for the network. */
const NETWORK = {
  name: "the network",
  read: () => {
    throw new Error("was asked");
  },
};

/** Loads from a copy alone; returns the error's message, or nothing if all went well. */
async function loadFrom(copy: string): Promise<string | undefined> {
  const places = await openPlaces(new Map(), { copy, sources: [NETWORK] });
  try {
    assertSmall(await readDataset(2, places));
  } catch (error) {
    assertEquals((error as Error).name, "UsageError");
    const left = listNames(places.home).filter((name) => !NAMES.some((right) => right === name));
    assertEquals(left, [], "nothing else is written");
    return (error as Error).message;
  }
}

/** The same from an archive, the only file in its folder. */
async function loadArchive(bytes: Uint8Array): Promise<string | undefined> {
  const copy = await newFolder(new Map([["a.tar.gz", bytes]]));
  const message = await loadFrom(join(copy, "a.tar.gz"));
  assertEquals(listNames(copy), ["a.tar.gz"]);
  return message;
}

Deno.test("readDataset() reads binary files and pickles in place, up to two folders below", async () => {
  for (const files of [FILES, PICKLES]) {
    for (const below of ["", "cifar-10-batches-bin", "cifar10/cifar-10-batches-py"]) {
      const copy = await newFolder(files, below);
      const places = await openPlaces(new Map(), { copy, sources: [NETWORK] });
      assertSmall(await readDataset(2, places));
      assertEquals([places.messages, listNames(places.home)], [[], []]);
    }
  }
  const mixed = await newFolder(only(NAMES[0], NAMES[2]));
  await Deno.writeFile(join(mixed, "data_batch_2"), pickleOf(1, "numpy._core.multiarray"));
  assertEquals(await loadFrom(mixed), undefined);
  assert(await loadFrom(await newFolder(FILES, "a/b/c")) !== undefined);
});

Deno.test("readDataset() unpacks an archive of either version into the data directory", async () => {
  const python = await tarball([
    { header: { name: "cifar-10-batches-py/", type: "directory", size: 0 } },
    entry("cifar-10-batches-py/batches.meta", bytesOf("\x80\x02}.")),
    ...[...PICKLES].map(([name, bytes]) => entry(`cifar-10-batches-py/${name}`, bytes)),
  ]);
  for (const archive of [ARCHIVE, python]) {
    const folder = await newFolder(new Map([["cifar-10-x.tar.gz", archive]]), "below");
    for (const copy of [folder, join(folder, "below", "cifar-10-x.tar.gz")]) {
      const places = await openPlaces(new Map(), { copy });
      assertSmall(await readDataset(2, places));
      assertEquals(listNames(places.home), [...NAMES]);
      assertEquals(listNames(join(folder, "below")), ["cifar-10-x.tar.gz"]);
    }
  }
  const places = await openPlaces(new Map([["cifar-10-binary.tar.gz", ARCHIVE]]));
  assertSmall(await readDataset(2, places));
  assertEquals(listNames(places.home), ["cifar-10-binary.tar.gz", ...NAMES]);
});

Deno.test("readDataset() says what a copy without anything usable holds, and fetches nothing", async () => {
  const wanted = "must be a folder with intact data_batch_1.bin to data_batch_5.bin and " +
    "test_batch.bin, with cifar-10-batches-py or with cifar-10-binary.tar.gz, or such a tar.gz: ";
  const many = new Map(Array.from({ length: 10 }, (_, n) => [`${n}\n`, new Uint8Array()]));
  const damaged = new Map([[NAMES[0], new Uint8Array(5)]]);
  const cases: [string, string][] = [
    [await newFolder(), "it holds nothing"],
    [
      await newFolder(many),
      "it holds 0\\u{a}, 1\\u{a}, 2\\u{a}, 3\\u{a}, 4\\u{a}, 5\\u{a}, " +
      "6\\u{a}, 7\\u{a} and 2 more",
    ],
    [await newFolder(damaged), `it holds ${NAMES[0]}`],
    [
      join(await newFolder(new Map([["train.parquet", ARCHIVE]])), "train.parquet"),
      "it is another file",
    ],
  ];
  for (const home of [new Map(), FILES]) {
    for (const [copy, found] of cases) {
      const places = await openPlaces(home, { copy, sources: [NETWORK] });
      // With all files in the data directory, too: what was named is not what would be used.
      if (home === FILES && found.includes(NAMES[0])) {
        await Deno.remove(join(places.home, NAMES[0]));
      }
      const error = await assertRejects(() => readDataset(2, places), Error);
      assertEquals(error.name, "UsageError");
      assertEquals(
        error.message,
        `Cannot load CIFAR-10 from ${copy} as what --data or CIFAR10_DIR names ${wanted}${found}`,
      );
    }
  }
  assertStringIncludes(
    await loadFrom("/no where") ?? "",
    "Cannot load CIFAR-10 from what --data or CIFAR10_DIR names: No such file",
  );
});

Deno.test("readDataset() takes a copy's right files, leaves it as it is and fetches its wrong ones", async () => {
  const copy = await newFolder(only(NAMES[1]), "below");
  const path = join(copy, "below", NAMES[0]);
  await Deno.writeTextFile(path, "damaged");
  const places = await openPlaces(new Map(), { copy, sources: [sourceOf(FILES)] });
  assertSmall(await readDataset(2, places));
  assertStringIncludes(places.messages[0]!, `${path} is not used: it is 7 bytes with MD5 `);
  assertEquals(listNames(join(copy, "below")), [NAMES[0], NAMES[1]]);
  assertEquals(await Deno.readTextFile(path), "damaged");
  assertEquals(listNames(places.home), [...NAMES]);
});

Deno.test("readDataset() takes no file from an entry that is a link, and only by its records", async () => {
  const others = NAMES.slice(1).map((name) => entry(name, FILES.get(name)!));
  for (const type of ["symlink", "link", "fifo", "character-device"] as const) {
    const header = { name: NAMES[0], type, size: 0, linkname: "/etc/passwd" };
    const message = await loadArchive(await tarball([{ header }, ...others]));
    assertStringIncludes(message ?? "", `a.tar.gz: it has no intact ${NAMES[0]}`);
  }
  // Whatever its name: nothing is written under it.
  const hostile = entry(`../../${NAMES[1]}`, FILES.get(NAMES[0])!);
  assertEquals(await loadArchive(await tarball([hostile, ...others])), undefined);
});

Deno.test("readDataset() refuses bombs and lies, and stops unpacking at its limit", async () => {
  const claim = (size: number): Uint8Array => {
    const tar = new Uint8Array(1024);
    const write = (text: string, at: number): void => tar.set(new TextEncoder().encode(text), at);
    write(NAMES[0], 0);
    write(size.toString(8).padStart(11, "0"), 124);
    write("        0", 148);
    write(tar.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, "0") + "\0 ", 148);
    return gzipSync(tar);
  };
  const cases: [Uint8Array, string][] = [
    [gzipSync(new Uint8Array(2 ** 30), { level: 1 }), "it unpacks to more than 268435456 bytes"],
    [claim(2 ** 33 - 1), "truncated"],
    [new Uint8Array(), "gzip"],
    [new TextEncoder().encode("<html>Not found</html>"), "gzip"],
  ];
  const Original = globalThis.DecompressionStream;
  let unpacked = 0;
  // Counts what comes out: the memory of the process says too little, as garbage counts in it.
  globalThis.DecompressionStream = class extends Original {
    override readonly readable = super.readable.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(chunk, controller): void {
          unpacked += chunk.length;
          controller.enqueue(chunk);
        },
      }),
    );
  };
  try {
    for (const [archive, expected] of cases) {
      unpacked = 0;
      assertStringIncludes(await loadArchive(archive) ?? "", expected);
      // On top come the streams' queues: 64 KiB go in at once, and give 1,032 bytes for one at most
      // (https://zlib.net/zlib_tech.html).
      assertLess(unpacked, 2 ** 28 + 5 * 2 ** 16 * 1032);
    }
  } finally {
    globalThis.DecompressionStream = Original;
  }
});

Deno.test("readDataset() loads from 60 damaged archives either the right bytes or none", async () => {
  let refused = 0;
  for (let k = 0; k < 60; k++) {
    const archive = new Uint8Array(ARCHIVE);
    // 26,399 is prime: the bits spread over the whole archive, header and trailer included.
    const bit = (k * 26_399) % (8 * archive.length);
    archive[bit >> 3]! ^= 1 << (bit & 7);
    // It fails on wrong bytes itself.
    const damaged = k % 2 === 0 ? archive : archive.subarray(0, bit >> 3);
    if (await loadArchive(damaged) !== undefined) refused++;
  }
  // All truncations of what comes before the last file's end, and most flips.
  assertLess(40, refused);
});

Deno.test("recordsIn() gives the records of the Python version's pickles, and never throws", () => {
  for (const [f, name] of NAMES.entries()) {
    for (const module of ["numpy.core.multiarray", "numpy._core.multiarray"]) {
      assertEquals(recordsIn(pickleOf(f, module)), FILES.get(name));
    }
  }
  // What comes out of anything else has another MD5.
  const wanted = NAMES.map((name) => md5(FILES.get(name)!));
  const isRefused = (bytes: Uint8Array<ArrayBuffer>): boolean =>
    !wanted.includes(md5(recordsIn(bytes)));
  for (const text of ["\x80\x02}.", "\x80\x02N.", "\x80labels(K\x01eT\x00\x0c\0\0", "\x80\x02"]) {
    assert(isRefused(bytesOf(text)), text);
  }
  const whole = pickleOf(0);
  const end = Buffer.from(whole).indexOf("tbU\x09filenames");
  // Cut anywhere before the last pixel's end.
  for (let length = 1; length < end; length += length < 200 ? 1 : 97) {
    assert(isRefused(whole.slice(0, length)), `${length}`);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      assert(isRefused(Uint8Array.of(0x80, ...bytes)));
    }),
    { seed: 4, numRuns: 1000 },
  );
});

const bytesOf = (text: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.from(text, "latin1"));

Deno.test("readDataset() reads an archive made by the system's tar", async () => {
  const folder = await newFolder(FILES, "cifar-10-batches-bin");
  for (const tree of ["cifar-10-batches-bin", "./cifar-10-batches-bin"]) {
    const args = ["czf", "x.tgz", tree];
    assert((await new Deno.Command("tar", { args, cwd: folder }).output()).success);
    assertEquals(await loadFrom(join(folder, "x.tgz")), undefined);
  }
});
