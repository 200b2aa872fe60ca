/**
 * Images and labels in memory that threads share.
 *
 * @module
 */
import { type DataFile, IMAGE_BYTES, RECORD_BYTES } from "~/lib/dataset/sources.ts";
import { type DataPlaces, ensureFiles } from "~/lib/dataset/ensure_files.ts";
import { integer, validate } from "~/lib/domain.ts";

/** N images with their labels. */
export interface Split {
  /** Shape [N, 3072], values 0..255: R plane, G plane, B plane, each row by row. */
  readonly pixels: Uint8Array<SharedArrayBuffer>;
  /** Shape [N], values 0..9. */
  readonly labels: Uint8Array<SharedArrayBuffer>;
  readonly size: number;
}

/** A data set in memory. */
export interface Dataset {
  readonly train: Split;
  readonly test: Split;
  /** MD5 of every file that was loaded, by its name. */
  readonly md5: Readonly<Record<string, string>>;
}

/**
 * Loads the first training files and the test file, the last of the files.
 *
 * @throws {UsageError} If `nBatches` is not an integer in 1..(number of training files).
 * @throws {Error} As `ensureFiles`.
 */
export async function readDataset(nBatches: number, places: DataPlaces): Promise<Dataset> {
  const training = places.files.slice(0, -1);
  validate(integer(1, training.length), nBatches, "Cannot load CIFAR-10 as nBatches");
  const [train, test] = [training.slice(0, nBatches), places.files.slice(-1)];
  const splits = { train: allocateSplit(train), test: allocateSplit(test) };
  await ensureFiles([...train, ...test], places, (file, records) => {
    const { pixels, labels } = test.includes(file) ? splits.test : splits.train;
    const first = Math.max(0, train.indexOf(file)) * file.images;
    for (let n = 0; n < file.images; n++) {
      const from = n * RECORD_BYTES;
      labels[first + n] = records[from]!;
      pixels.set(records.subarray(from + 1, from + RECORD_BYTES), (first + n) * IMAGE_BYTES);
    }
  });
  const md5 = Object.fromEntries([...train, ...test].map(({ name, md5 }) => [name, md5]));
  return { ...splits, md5 };
}

/** A split's first `n` images, without copying them; n in 1..N. */
export function firstRows({ pixels, labels }: Split, n: number): Split {
  return { pixels: pixels.subarray(0, n * IMAGE_BYTES), labels: labels.subarray(0, n), size: n };
}

function allocateSplit(files: readonly DataFile[]): Split {
  const size = files.reduce((sum, { images }) => sum + images, 0);
  const bytes = (count: number): Split["pixels"] => new Uint8Array(new SharedArrayBuffer(count));
  return { pixels: bytes(size * IMAGE_BYTES), labels: bytes(size), size };
}
