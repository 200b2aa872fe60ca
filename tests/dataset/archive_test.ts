/**
 * Hostile and broken archives and images: refused, with bounded memory and time.
 *
 * @module
 */
import { join } from "node:path";
import { deflateSync, gzipSync } from "node:zlib";
import { packTar, type TarEntry } from "modern-tar";
import { readEntries } from "~/lib/dataset/archive.ts";
import { decodeImages, encodeRecords, parseLabels } from "~/lib/dataset/records.ts";
import { readDataset } from "~/lib/dataset/split.ts";
import {
  assertEquals,
  assertLess,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  ARCHIVE,
  assertSmall,
  entry,
  FILE_BYTES,
  FILES,
  IMAGES,
  listNames,
  NAMES,
  newFolder,
  openPlace,
  pngOf,
  tarball,
} from "~/tests/fixtures/dataset_fixture.ts";

const FOLDER = "cifar-10-batches-bin";
const ENTRIES = NAMES.map((name) => entry(`${FOLDER}/${name}`, FILES.get(name)!));

/** Loads from an archive alone; returns the error's message, or nothing if all went well. */
async function load(archive: Uint8Array): Promise<string | undefined> {
  const outside = await newFolder();
  const copy = join(outside, "a.tar.gz");
  await Deno.writeFile(copy, archive);
  const place = await openPlace();
  try {
    assertSmall(await readDataset(2, { ...place, copy }));
  } catch (error) {
    const left = listNames(place.home).filter((name) => !NAMES.some((right) => right === name));
    assertEquals([left, listNames(outside)], [[], ["a.tar.gz"]], "nothing else is written");
    return (error as Error).message.replaceAll(copy, "ARCHIVE");
  }
}

Deno.test("readDataset() reads an archive made by the system's tar", async () => {
  const folder = await newFolder();
  await Deno.mkdir(join(folder, FOLDER));
  for (const [name, bytes] of FILES) await Deno.writeFile(join(folder, FOLDER, name), bytes);
  for (const tree of [FOLDER, `./${FOLDER}`]) {
    const { success } = await new Deno.Command("tar", { args: ["czf", "x.tgz", tree], cwd: folder })
      .output();
    assertEquals(success, true);
    assertEquals(await load(await Deno.readFile(join(folder, "x.tgz"))), undefined);
  }
});

Deno.test("readEntries() yields wanted entries only, past empty, short and long ones", async () => {
  const path = join(await newFolder(), "a.tgz");
  const bodies = ["", "x", "y".repeat(513), "z".repeat(200_000)];
  const entries = bodies.flatMap((body, i) => [
    entry(`skip${i}`, body),
    entry(`take${i}`, body + i),
    { header: { name: `d${i}/`, type: "directory" as const, size: 0 } },
  ]);
  await Deno.writeFile(path, await tarball(entries));
  const wanted = new Map(bodies.map((_, i) => [`take${i}`, [1, 300_000] as const]));
  const found: string[] = [];
  for await (const { name, bytes } of readEntries(path, { folder: "f", wanted })) {
    found.push(name + new TextDecoder().decode(bytes));
  }
  assertEquals(found, bodies.map((body, i) => `take${i}${body}${i}`));
});

Deno.test("readDataset() takes no file from an entry that leaves the archive or is a link", async () => {
  const names = [`../${NAMES[0]}`, `/${NAMES[0]}`, `${FOLDER}/../${NAMES[0]}`, `x/${NAMES[0]}`];
  for (const name of names) {
    const message = await load(
      await tarball([entry(name, FILES.get(NAMES[0])!), ...ENTRIES.slice(1)]),
    );
    assertEquals(message?.includes(`ARCHIVE: it lacks ${NAMES[0]}; it is `), true, message);
  }
  for (const type of ["symlink", "link", "fifo", "directory", "character-device"] as const) {
    const header = { name: `${FOLDER}/${NAMES[0]}`, type, size: 0, linkname: "/etc/passwd" };
    const message = await load(await tarball([{ header }, ...ENTRIES]));
    assertEquals(
      message?.split("\n")[1]?.split(";")[0],
      `ARCHIVE: Cannot unpack ARCHIVE as ${NAMES[0]} must be a file of ${FILE_BYTES} bytes: ` +
        `it is a ${type} of 0`,
    );
  }
});

Deno.test("readDataset() refuses bombs within 10 s", async () => {
  const zeros = gzipSync(new Uint8Array(300 * 2 ** 20));
  const many: TarEntry[] = Array.from({ length: 101 }, (_, i) => entry(`${i}`, ""));
  const claim = (size: number): Uint8Array => {
    const tar = new Uint8Array(1024);
    tar.set(new TextEncoder().encode(`${FOLDER}/${NAMES[0]}`));
    tar.set(new TextEncoder().encode(size.toString(8).padStart(11, "0")), 124);
    tar.set(new TextEncoder().encode("        0"), 148);
    const sum = tar.reduce((sum, byte) => sum + byte, 0);
    tar.set(new TextEncoder().encode(sum.toString(8).padStart(6, "0") + "\0 "), 148);
    return gzipSync(tar);
  };
  const cases: [string, Uint8Array, string][] = [
    ["300 MiB of zeros", zeros, "must unpack to 268435456 bytes at most: it has more"],
    [
      "300 MiB in an entry nobody wants",
      gzipSync(await packTar([entry("other", new Uint8Array(300 * 2 ** 20))])),
      "must unpack to 268435456 bytes at most: it has more",
    ],
    [
      "101 entries",
      await tarball([...many, ...ENTRIES]),
      "must have 100 entries at most: it has more",
    ],
    [
      "an entry of 8 GiB",
      claim(2 ** 33 - 1),
      "must be a file of 9219 bytes: it is a file of 8589934591",
    ],
    ["a truncated entry", claim(FILE_BYTES), "truncated"],
  ];
  const start = performance.now();
  for (const [name, archive, expected] of cases) {
    const message = await load(archive);
    assertEquals(message?.includes(expected), true, `${name}: ${message}`);
  }
  assertLess(performance.now() - start, 10_000);
});

Deno.test("readEntries() unpacks a bomb in pieces of 8.5 MB at most and stops at its limit", async () => {
  const path = join(await newFolder(), "bomb.tgz");
  await Deno.writeFile(path, gzipSync(new Uint8Array(2 ** 30)));
  const lengths: number[] = [];
  const Original = globalThis.DecompressionStream;
  // Watches what comes out: the memory of the process says too little, as garbage counts in it.
  globalThis.DecompressionStream = class extends Original {
    override readonly readable = super.readable.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(chunk, controller): void {
          lengths.push(chunk.length);
          controller.enqueue(chunk);
        },
      }),
    );
  };
  try {
    const error = await assertRejects(async () => {
      for await (const _ of readEntries(path, { folder: "f", wanted: new Map() }));
    }, RangeError);
    assertStringIncludes(error.message, "must unpack to 268435456 bytes at most: it has more");
  } finally {
    globalThis.DecompressionStream = Original;
  }
  // Deflate gives 1,032 bytes for one at most (https://zlib.net/zlib_tech.html); 8,192 go in at once.
  assertLess(Math.max(...lengths), 8192 * 1032 + 1);
  const unpacked = lengths.reduce((sum, length) => sum + length, 0);
  // What the streams' queues hold comes on top of the limit.
  assertLess(unpacked, 2 ** 28 + 5 * 8192 * 1032);
});

Deno.test("readDataset() loads from 200 damaged archives either the right bytes or none", async () => {
  let refused = 0;
  for (let k = 0; k < 200; k++) {
    const archive = new Uint8Array(ARCHIVE);
    // 7919 is prime: the bits spread over the whole archive, header and trailer included.
    const bit = (k * 7919) % (8 * archive.length);
    archive[bit >> 3]! ^= 1 << (bit & 7);
    // `load` itself fails on wrong bytes.
    if (await load(k % 2 === 0 ? archive : archive.subarray(0, bit >> 3)) !== undefined) refused++;
  }
  // All truncations, and all flips but those in the gzip header's time and system.
  assertLess(150, refused);
});

Deno.test("encodeRecords() puts channel c of pixel p of image n at 3073 n + 1 + 1024 c + p", () => {
  for (const [f, name] of NAMES.entries()) {
    const labels = [0, 1, 2].map((n) => FILES.get(name)![3073 * n]!);
    assertEquals(encodeRecords(decodeImages(pngOf(f), IMAGES), labels), FILES.get(name));
  }
});

/** A PNG with the given header and chunks, without checksums. */
function png(header: number[], chunks: [string, Uint8Array][]): Uint8Array<ArrayBuffer> {
  const parts: number[] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
  const uint32 = (n: number): number[] => [n >>> 24, n >>> 16 & 255, n >>> 8 & 255, n & 255];
  const [width, height, ...rest] = header;
  const ihdr = new Uint8Array([...uint32(width!), ...uint32(height!), ...rest]);
  for (const [type, data] of [["IHDR", ihdr] as const, ...chunks]) {
    parts.push(...uint32(data.length), ...new TextEncoder().encode(type));
    for (const byte of data) parts.push(byte);
    parts.push(0, 0, 0, 0);
  }
  return new Uint8Array(parts);
}

Deno.test("decodeImages() refuses other shapes, other chunks, truncation and bombs", () => {
  const good = [1024, IMAGES, 8, 2, 0, 0, 0];
  const data = deflateSync(new Uint8Array(IMAGES * 3073));
  const end: [string, Uint8Array] = ["IEND", new Uint8Array()];
  assertEquals(decodeImages(png(good, [["IDAT", data], end]), IMAGES).length, IMAGES * 3072);

  const shapes: [number[], string][] = [
    [[100_000, 100_000, 8, 2, 0, 0, 0], "100000 x 100000, 8 bits, colour type 2, interlace 0"],
    [[1024, 4, 8, 2, 0, 0, 0], "1024 x 4, 8 bits, colour type 2, interlace 0"],
    [[1024, 3, 16, 2, 0, 0, 0], "1024 x 3, 16 bits, colour type 2, interlace 0"],
    [[1024, 3, 8, 6, 0, 0, 0], "1024 x 3, 8 bits, colour type 6, interlace 0"],
    [[1024, 3, 8, 2, 0, 0, 1], "1024 x 3, 8 bits, colour type 2, interlace 1"],
  ];
  for (const [header, found] of shapes) {
    const error = assertThrows(
      () => decodeImages(png(header, [["IDAT", data], end]), IMAGES),
      RangeError,
    );
    assertEquals(
      error.message,
      "Cannot decode the PNG as it must be 1024 x 3, 8 bits, colour type 2, interlace 0: " +
        `it is ${found}`,
    );
  }
  const start = performance.now();
  const refused: [Uint8Array<ArrayBuffer>, string][] = [
    [new Uint8Array(), "its signature is missing"],
    [new TextEncoder().encode("<html>".repeat(10)), "its signature is missing"],
    [png(good, [["iCCP", data], ["IDAT", data], end]), "a chunk iCCP"],
    [png(good, [["zTXt", data], ["IDAT", data], end]), "a chunk zTXt"],
    [png(good, [["IDAT", data]]), "it is truncated"],
    [png(good, [["IDAT", data], end]).subarray(0, 60).slice(), "it is truncated"],
    [png(good, [["IDAT", data.subarray(0, 8)], end]), "must unpack to 9219 bytes: unexpected end"],
    [png(good, [["IDAT", deflateSync(new Uint8Array(9218))], end]), "bytes: it has 9218"],
    // 256 MiB behind a header that promises 9 kB; the message is that of an unpacking cut short.
    [
      png(good, [["IDAT", deflateSync(new Uint8Array(2 ** 28))], end]),
      "must unpack to 9219 bytes: Cannot create a Buffer larger than 9219 bytes",
    ],
  ];
  for (const [bytes, expected] of refused) {
    assertThrows(() => decodeImages(bytes, IMAGES), RangeError, expected);
  }
  // Making the bomb takes most of it.
  assertLess(performance.now() - start, 20_000);
});

Deno.test("parseLabels() takes exactly the right number of labels in 0..9", () => {
  const parse = (text: string): number[] => parseLabels(new TextEncoder().encode(text), 3);
  assertEquals(parse("[0, 9, 5]"), [0, 9, 5]);
  const wrong = [
    "[0, 1]",
    "[0, 1, 2, 3]",
    "[0, 1, 10]",
    "[0, 1, -1]",
    "[0, 1, 1.5]",
    '[0, 1, "1"]',
    "{}",
    "null",
    '{"length": 3}',
  ];
  for (const text of wrong) {
    assertThrows(() => parse(text), RangeError, "must be 3 integers in 0..9");
  }
  assertThrows(() => parse("[1, 2"), SyntaxError);
});

Deno.test("readDataset() refuses what is no archive", async () => {
  for (const bytes of [new Uint8Array(), new TextEncoder().encode("<html>Not found</html>")]) {
    const message = await load(bytes);
    assertEquals(message?.includes("ARCHIVE: "), true, message);
  }
  await assertRejects(async () => {
    for await (const _ of readEntries(await newFolder(), { folder: "f", wanted: new Map() }));
  }, Error);
});
