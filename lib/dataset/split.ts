/**
 * Images and labels in memory that threads share.
 *
 * @module
 */
import { type Catalogue, CLASSES, IMAGE_BYTES, RECORD_BYTES } from "~/lib/dataset/catalogue.ts";
import { type Place, readFiles } from "~/lib/dataset/obtain.ts";

/** Images with their labels. */
export interface Split {
  /** Shape [N, 3072], values 0..255: R plane, G plane, B plane, each row by row. */
  readonly pixels: Uint8Array<SharedArrayBuffer>;
  /** Shape [N], values 0..9. */
  readonly labels: Uint8Array<SharedArrayBuffer>;
  /** Images, N. */
  readonly size: number;
}

/** A data set in memory. */
export interface Dataset {
  /** "CIFAR-10". */
  readonly name: string;
  /** The classes' names in the order of their labels. */
  readonly classes: readonly string[];
  /** The first training files, in order. */
  readonly train: Split;
  /** The test file. */
  readonly test: Split;
  /** MD5 of every file that was loaded, by its name. */
  readonly md5: Readonly<Record<string, string>>;
}

/**
 * Loads the first training files and the test file, the last of the catalogue.
 *
 * @throws {RangeError} If `nBatches` is not an integer in 1..(number of training files).
 * @throws {Error} As `readFiles`.
 */
export async function readDataset(nBatches: number, place: Place): Promise<Dataset> {
  const trainFiles = place.catalogue.files.slice(0, -1);
  const testFiles = place.catalogue.files.slice(-1);
  if (!(Number.isInteger(nBatches) && nBatches >= 1 && nBatches <= trainFiles.length)) {
    throw new RangeError(
      `Cannot load CIFAR-10 as nBatches must be an integer in 1..${trainFiles.length}: ` +
        `current value is ${nBatches}`,
    );
  }
  const train = openSplit(trainFiles.slice(0, nBatches));
  const test = openSplit(testFiles);
  const md5: Record<string, string> = {};
  await readFiles([...train.files, ...test.files], place, (file, records) => {
    const target = train.files.includes(file) ? train : test;
    const first = target.files.slice(0, target.files.indexOf(file))
      .reduce((sum, { images }) => sum + images, 0);
    decodeRecords(records, target.split, first);
    md5[file.name] = file.md5;
  });
  return { name: "CIFAR-10", classes: CLASSES, train: train.split, test: test.split, md5 };
}

/**
 * Limits a split to its first images, without copying them.
 *
 * @param n Images, an integer in 1..N.
 * @throws {RangeError} If `n` is not such an integer.
 *
 * @example
 * ```ts
 * import { firstRows } from "~/lib/dataset.ts";
 *
 * const split = {
 *   pixels: new Uint8Array(new SharedArrayBuffer(2 * 3072)),
 *   labels: new Uint8Array(new SharedArrayBuffer(2)),
 *   size: 2,
 * };
 * const first = firstRows(split, 1);
 * if (first.pixels.length !== 3072) throw new Error("not one image");
 * if (first.pixels.buffer !== split.pixels.buffer) throw new Error("copied");
 * ```
 */
export function firstRows(split: Split, n: number): Split {
  if (!(Number.isInteger(n) && n >= 1 && n <= split.size)) {
    throw new RangeError(
      `Cannot limit the images as n must be an integer in 1..${split.size}: current value is ${n}`,
    );
  }
  return {
    pixels: split.pixels.subarray(0, n * IMAGE_BYTES),
    labels: split.labels.subarray(0, n),
    size: n,
  };
}

function openSplit(files: Catalogue["files"]): { files: Catalogue["files"]; split: Split } {
  const size = files.reduce((sum, { images }) => sum + images, 0);
  const pixels = new Uint8Array(new SharedArrayBuffer(size * IMAGE_BYTES));
  return { files, split: { pixels, labels: new Uint8Array(new SharedArrayBuffer(size)), size } };
}

/** Writes records, shape [n, 3073], into a split from image `first` on. */
function decodeRecords(records: Uint8Array, { pixels, labels }: Split, first: number): void {
  for (let n = 0; n < records.length / RECORD_BYTES; n++) {
    const from = n * RECORD_BYTES;
    labels[first + n] = records[from]!;
    pixels.set(records.subarray(from + 1, from + RECORD_BYTES), (first + n) * IMAGE_BYTES);
  }
}
