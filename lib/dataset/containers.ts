/**
 * What records come in: binary files, pickles, images, archives. Nothing here is believed, as
 * whoever reads it compares the records' MD5.
 *
 * @module
 */
import { createTarDecoder } from "modern-tar";
import { IMAGE_BYTES, RECORD_BYTES } from "~/lib/dataset/catalogue.ts";
import { readPickle } from "~/lib/dataset/pickle.ts";
import { DamagedFileError } from "~/lib/files/checked.ts";

/** Bytes of their own. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Names of files of records: `.bin` in the binary version, bare in the Python version. */
export const BATCH_NAME = /^(data_batch_\d|test_batch)(\.bin)?$/;

/** The records in a file of either version. */
export function recordsIn(bytes: Bytes): Bytes {
  // A pickle's first byte; a record's is a label.
  if (bytes[0] !== 0x80) return bytes;
  const batch = readPickle(bytes);
  const [labels, data] = ["labels", "data"].map((key) => batch instanceof Map && batch.get(key));
  // The state of a NumPy array: version, shape, type, order, bytes.
  const pixels = Array.isArray(data) && Array.isArray(data[0]) && data[0][4];
  if (!Array.isArray(labels) || !(pixels instanceof Uint8Array)) {
    throw new DamagedFileError("its pickle must hold labels and data");
  }
  return joinRecords(labels as number[], (n) => pixels.subarray(n * IMAGE_BYTES));
}

/** Records of labels and of interleaved RGB, shape [N, 1024, 3]. */
export function interleavedRecords(labels: readonly number[], rgb: ArrayLike<number>): Bytes {
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
export async function* readTarball(
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
