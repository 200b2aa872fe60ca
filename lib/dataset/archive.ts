/**
 * Reads chosen files out of a tar.gz with bounded memory and time; nothing is written.
 *
 * @module
 */
import { createTarDecoder } from "modern-tar";

/** A file taken out of an archive. */
export interface Entry {
  /** Its name without a folder. */
  readonly name: string;
  /** Its contents. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What to take out of an archive. */
export interface EntryOptions {
  /** The folder that the files lie in; files at the top of the archive are taken as well. */
  readonly folder: string;
  /** Names without folder, each with the least and the largest length in bytes. */
  readonly wanted: ReadonlyMap<string, readonly [least: number, largest: number]>;
}

// The archives read here hold 8 and 12 entries and 185 MB at most.
const MAX_ENTRIES = 100;
const MAX_UNPACKED_BYTES = 256 * 2 ** 20;
const CHUNK_BYTES = 8192;

/**
 * Yields the wanted files of an archive in its order, each once.
 *
 * An entry counts only under exactly `name`, `./name`, `folder/name` or `./folder/name`: absolute
 * paths, `..` and links match none of them and are passed over like any other entry.
 *
 * @throws {RangeError} If a wanted entry is no file or its length is out of bounds, or the archive
 * has more entries or unpacks to more bytes than any archive of the data set.
 * @throws {Error} If the file is unreadable or no intact tar.gz.
 */
export async function* readEntries(
  path: string,
  { folder, wanted }: EntryOptions,
): AsyncGenerator<Entry> {
  const left = new Map(wanted);
  using file = await Deno.open(path);
  const entries = file.readable
    .pipeThrough(splitChunks())
    .pipeThrough(new DecompressionStream("gzip"))
    .pipeThrough(limitBytes(path))
    .pipeThrough(createTarDecoder({ strict: true }));
  let count = 0;
  for await (const { header, body } of entries) {
    if (++count > MAX_ENTRIES) {
      throw new RangeError(
        `Cannot unpack ${path} as it must have ${MAX_ENTRIES} entries at most: it has more`,
      );
    }
    const name = dropPrefix(dropPrefix(header.name, "./"), `${folder}/`);
    const bounds = left.get(name);
    if (bounds === undefined) {
      // Not `body.cancel()`: in modern-tar 0.8.6 that loses the body of the entry after a short one.
      await body.pipeTo(new WritableStream());
      continue;
    }
    const [least, largest] = bounds;
    if (header.type !== "file" || !(header.size >= least && header.size <= largest)) {
      throw new RangeError(
        `Cannot unpack ${path} as ${name} must be a file of ` +
          (least === largest ? `${least} bytes` : `${least} to ${largest} bytes`) +
          `: it is a ${header.type} of ${header.size}`,
      );
    }
    left.delete(name);
    yield { name, bytes: await readAll(body, header.size) };
  }
}

function dropPrefix(name: string, prefix: string): string {
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

/**
 * Cuts chunks into small ones: DecompressionStream unpacks each at once, and gzip by 1,032 to 1 at
 * most, so that no more than 8 MB come of one.
 */
function splitChunks(): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  return new TransformStream({
    transform(chunk, controller): void {
      for (let at = 0; at < chunk.length; at += CHUNK_BYTES) {
        controller.enqueue(chunk.subarray(at, at + CHUNK_BYTES));
      }
    },
  });
}

/** Stops a gzip bomb: passes bytes on until there are too many. */
function limitBytes(
  path: string,
): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  let passed = 0;
  return new TransformStream({
    transform(chunk, controller): void {
      passed += chunk.length;
      if (passed > MAX_UNPACKED_BYTES) {
        throw new RangeError(
          `Cannot unpack ${path} as it must unpack to ${MAX_UNPACKED_BYTES} bytes at most: it has more`,
        );
      }
      controller.enqueue(chunk);
    },
  });
}

async function readAll(
  body: ReadableStream<Uint8Array>,
  size: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(size);
  let filled = 0;
  for await (const chunk of body) {
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  if (filled !== size) throw new Error(`Tar archive is truncated: ${filled} of ${size} bytes`);
  return bytes;
}
