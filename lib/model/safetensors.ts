/**
 * Safetensors files (https://github.com/huggingface/safetensors): tensors and text metadata.
 *
 * @module
 */
import { printable } from "~/lib/files/text.ts";

/** A tensor. */
export interface Tensor {
  readonly shape: readonly number[];
  /** Row major; those of a file rounded to float32, none of integers. */
  readonly values: Float32Array;
  /** As a file has it: "F32". */
  readonly type?: string;
}

/** Largest header that is read: a million epoch losses, the longest training, take 20 MB. */
const MAX_HEADER_BYTES = 32_000_000;

/** Bytes of a value of each type that is read. */
const TYPE_BYTES: Readonly<Record<string, number>> = {
  ...{ F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, U64: 8, I32: 4, U32: 4 },
  ...{ I16: 2, U16: 2, I8: 1, U8: 1, BOOL: 1 },
};

/** Encodes float32 tensors, one behind the other without gaps. */
export function encodeTensors(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries: [string, unknown][] = [["__metadata__", metadata]];
  let offset = 0;
  for (const [name, { shape, values }] of tensors) {
    const end = offset + values.byteLength;
    entries.push([name, { dtype: "F32", shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const headerBytes = Math.ceil(json.length / 8) * 8; // keeps the tensors aligned
  const bytes = new Uint8Array(8 + headerBytes + offset).fill(0x20, 8, 8 + headerBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(json, 8);
  let position = 8 + headerBytes;
  for (const { values } of tensors.values()) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), position);
    position += values.byteLength;
  }
  return bytes;
}

/**
 * Decodes a file; tensors come in the order of the file.
 *
 * @param name Names the file in messages.
 * @throws {TypeError} If the bytes are not such a file: a header that is no JSON or larger than the
 * file, tensors of a type unknown here, offsets that overlap, leave gaps or point outside.
 */
export function decodeTensors(bytes: Uint8Array, name: string): {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: Readonly<Record<string, string>>;
} {
  const fail = (reason: string): never => {
    throw new TypeError(`Cannot read ${name} as safetensors: ${printable(reason)}`);
  };
  if (bytes.length < 8) return fail(`it has ${bytes.length} bytes, at least 8 are needed`);
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) {
    return fail(
      "it is a zip archive, as torch.save writes: save it in Python with " +
        "safetensors.torch.save_file(model.state_dict(), FILE)",
    );
  }
  const claimed = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  const room = Math.min(bytes.length - 8, MAX_HEADER_BYTES);
  if (claimed > BigInt(room)) {
    return fail(`its header claims ${claimed} bytes where at most ${room} can be`);
  }
  const headerBytes = Number(claimed);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(
      bytes.subarray(8, 8 + headerBytes),
    ));
  } catch {
    return fail("its header is not JSON");
  }
  if (!isRecord(json)) return fail("its header does not describe tensors");
  const { __metadata__, ...entries } = json;
  const metadata = __metadata__ ?? {};
  if (!isText(metadata)) return fail("its metadata is not text");

  const data = bytes.subarray(8 + headerBytes);
  const tensors = new Map<string, Tensor>();
  let expected = 0;
  const inOrder = Object.entries(entries).map(([key, entry]) =>
    isTensorEntry(entry) ? { key, ...entry } : fail(`${key} is not a tensor`)
  ).sort(({ data_offsets: a }, { data_offsets: b }) => a[0] - b[0] || a[1] - b[1]);
  for (const { key, dtype: type, shape, data_offsets: [from, to] } of inOrder) {
    const width = Object.hasOwn(TYPE_BYTES, type) ? TYPE_BYTES[type]! : fail(
      `${key} must be of type ${Object.keys(TYPE_BYTES).join(", ")}: current type is ${type}`,
    );
    const length = shape.reduce((product, size) => product * size, 1);
    if (from !== expected || to !== from + width * length || to > data.length) {
      return fail(`${key} must lie behind the tensor before it and inside the file`);
    }
    // A copy of its own: aligned, and free of the file's bytes.
    tensors.set(key, { type, shape, values: floatsOf(type, data.slice(from, to).buffer) });
    expected = to;
  }
  if (expected !== data.length) return fail("bytes follow its last tensor");
  return { tensors, metadata };
}

function floatsOf(type: string, buffer: ArrayBuffer): Float32Array {
  switch (type) {
    case "F32":
      return new Float32Array(buffer);
    case "F64":
      return new Float32Array(new Float64Array(buffer));
    case "F16":
      return new Float32Array(new Float16Array(buffer));
    case "BF16":
      // The upper half of a float32.
      return new Float32Array(
        Uint32Array.from(new Uint16Array(buffer), (half) => half << 16).buffer,
      );
    default:
      return new Float32Array(0);
  }
}

interface TensorEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

// By hand and up to the first fault: a schema's list of all faults in a hostile header fills gigabytes.
function isTensorEntry(value: unknown): value is TensorEntry {
  if (!isRecord(value)) return false;
  const { dtype, shape, data_offsets: offsets, ...others } = value;
  return typeof dtype === "string" && isCounts(shape) && isCounts(offsets) &&
    offsets.length === 2 && Object.keys(others).length === 0;
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0);
}

function isText(value: unknown): value is Record<string, string> {
  return isRecord(value) && Object.values(value).every((text) => typeof text === "string");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
