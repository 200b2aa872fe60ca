/**
 * The canonical archive as a source: a file that one already has, or the download.
 *
 * @module
 */
import { join } from "node:path";
import { readEntries } from "~/lib/dataset/archive.ts";
import { type Archive, fileBytes } from "~/lib/dataset/catalogue.ts";
import type { Delivery, Source } from "~/lib/dataset/source.ts";
import { wrap } from "~/lib/dataset/store.ts";
import { hashFile } from "~/lib/dataset/verify.ts";
import { setAside } from "~/lib/files/files.ts";

/** Fetches a URL; a parameter so that tests need no network. */
export type Fetch = (url: string, init: { signal: AbortSignal }) => Promise<Response>;

/** Seconds without a byte after which a download is given up. */
const STALLED_SECONDS = 60;

/**
 * The archive at `path`. Any tar.gz will do that holds the right files.
 *
 * @param options `own` if it lies in the data directory: if it does not deliver and its MD5 is
 * wrong, it is set aside. Any other is only read. Default: false.
 */
export function archiveSource(
  path: string,
  archive: Archive,
  { own = false }: { own?: boolean } = {},
): Source {
  return {
    name: path,
    fetch: (delivery) => unpack(path, archive, delivery),
    examine: async (): Promise<string | undefined> => {
      const fault = await findArchiveFault(path, archive);
      if (fault === undefined || !own) return fault;
      return `${fault}; set aside as ${await wrap(path, () => setAside(path))}`;
    },
  };
}

/** The archive from the data set's home page. */
export function downloadSource(
  archive: Archive,
  { fetch = globalThis.fetch, stalledSeconds = STALLED_SECONDS }: {
    fetch?: Fetch;
    stalledSeconds?: number;
  } = {},
): Source {
  return {
    name: archive.url,
    fetch: async (delivery): Promise<void> => {
      const path = join(delivery.folder, archive.name);
      await download(archive, path, { fetch, stalledSeconds, ...delivery });
      const md5 = await hashFile("md5", path, "hex");
      if (md5 !== archive.md5) {
        throw new RangeError(
          `Cannot use the download as its MD5 must be ${archive.md5}: ` +
            `${(await Deno.stat(path)).size} bytes with MD5 ${md5} came`,
        );
      }
      await unpack(path, archive, delivery);
    },
  };
}

/** Says how a file differs from the canonical archive, or nothing if it does not. */
async function findArchiveFault(path: string, archive: Archive): Promise<string | undefined> {
  const expected = `expected MD5 ${archive.md5}`;
  try {
    const { isFile, size } = await Deno.stat(path);
    if (!isFile) return `it is no regular file, ${expected}`;
    // No archive of the data set is longer: no huge file is read.
    if (size > archive.maxBytes) return `it is ${size} bytes, ${expected}`;
    const md5 = await hashFile("md5", path, "hex");
    return md5 === archive.md5 ? undefined : `it is ${size} bytes with MD5 ${md5}, ${expected}`;
  } catch (error) {
    return `it is unreadable (${(error as Error).message}), ${expected}`;
  }
}

async function unpack(path: string, archive: Archive, delivery: Delivery): Promise<void> {
  const { wanted, report, deliver } = delivery;
  const files = new Map(wanted.map((file) => [file.name, file]));
  const sizes = new Map(
    wanted.map((file) => [file.name, [fileBytes(file), fileBytes(file)] as const]),
  );
  const total = wanted.length;
  for await (
    const { name, bytes } of readEntries(path, { folder: archive.folder, wanted: sizes })
  ) {
    await deliver(files.get(name)!, bytes);
    files.delete(name);
    report({ message: `Unpacked ${name}`, done: total - files.size, total });
  }
  if (files.size > 0) throw new Error(`it lacks ${[...files.keys()].join(", ")}`);
}

async function download(
  archive: Archive,
  path: string,
  { fetch, stalledSeconds, report, signal }: Pick<Delivery, "report" | "signal"> & {
    fetch: Fetch;
    stalledSeconds: number;
  },
): Promise<void> {
  const stalled = new AbortController();
  const reason = new Error(`no byte came for ${stalledSeconds} seconds`);
  const watch = (): ReturnType<typeof setTimeout> =>
    setTimeout(() => stalled.abort(reason), stalledSeconds * 1000);
  let timer = watch();
  try {
    const response = await fetch(archive.url, {
      signal: signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal,
    });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new Error(`the server answered ${response.status} ${response.statusText}`.trim());
    }
    const total = Number(response.headers.get("content-length")) || archive.maxBytes;
    using file = await wrap(path, () => Deno.open(path, { write: true, createNew: true }));
    let done = 0;
    let shown = 0;
    for await (const chunk of response.body) {
      clearTimeout(timer);
      timer = watch();
      done += chunk.length;
      if (done > archive.maxBytes) {
        throw new RangeError(
          `Cannot use the download as it must have ${archive.maxBytes} bytes at most: it has more`,
        );
      }
      await wrap(path, () => writeAll(file, chunk));
      // A message every hundredth is enough for any display.
      if (done - shown > total / 100) {
        report({ message: `Downloading ${archive.name} (bytes)`, done, total });
        shown = done;
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}
