/** Safetensors files: the format's definition, byte by byte, and files that lie. @module */
import fc from "fast-check";
import { decodeTensors, encodeTensors, type Tensor } from "~/lib/model/safetensors.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";

/** A file as https://github.com/huggingface/safetensors defines it: length, header, data. */
function fileOf(header: unknown, dataBytes = 0, claimed?: bigint): Uint8Array {
  const json = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const f32 = (shape: unknown, from: unknown, to: unknown): unknown => ({
  dtype: "F32",
  shape,
  data_offsets: [from, to],
});

Deno.test("encodeTensors() writes the format's bytes", () => {
  const bytes = encodeTensors(
    new Map([
      ["a", { shape: [2, 1], values: Float32Array.of(1, -2) }],
      ["b", { shape: [], values: Float32Array.of(0.5) }],
    ]),
    { key: "value" },
  );
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const length = Number(view.getBigUint64(0, true));
  assertEquals(length % 8, 0);
  assertEquals(JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))), {
    __metadata__: { key: "value" },
    a: f32([2, 1], 0, 8),
    b: f32([], 8, 12),
  });
  assertEquals(bytes.length, 8 + length + 12);
  assertEquals([0, 4, 8].map((at) => view.getFloat32(8 + length + at, true)), [1, -2, 0.5]);
});

Deno.test("decodeTensors() reads tensors in the order of their data, whatever the header's", () => {
  const bytes = fileOf(
    { late: f32([1, 2], 4, 12), none: f32([0], 4, 4), early: f32([1], 0, 4) },
    12,
  );
  const view = new DataView(bytes.buffer);
  [7, 8, 9].forEach((value, i) => view.setFloat32(bytes.length - 12 + 4 * i, value, true));
  const { tensors, metadata } = decodeTensors(bytes, "file");
  assertEquals([...tensors], [
    ["early", { type: "F32", shape: [1], values: Float32Array.of(7) }],
    ["none", { type: "F32", shape: [0], values: new Float32Array(0) }],
    ["late", { type: "F32", shape: [1, 2], values: Float32Array.of(8, 9) }],
  ]);
  assertEquals(metadata, {});
});

Deno.test("decodeTensors() undoes encodeTensors(), any names, metadata and floats", () => {
  const tensor = fc.array(fc.nat(4), { maxLength: 3 }).chain((shape) => {
    const length = shape.reduce((product, size) => product * size, 1);
    return fc.float32Array({ minLength: length, maxLength: length })
      .map((values): Tensor => ({ type: "F32", shape, values }));
  });
  const name = fc.oneof(
    fc.string(),
    fc.constantFrom("__proto__", "constructor", "7", "\ud800", ""),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(name.filter((each) => each !== "__metadata__"), tensor), { maxLength: 6 }),
      fc.array(fc.tuple(name, fc.string()), { maxLength: 4 }),
      fc.nat(7),
      (entries, texts, offset) => {
        const tensors = new Map(entries);
        const metadata = Object.fromEntries(texts);
        const encoded = encodeTensors(tensors, metadata);
        // Wherever the bytes lie in their buffer.
        const bytes = new Uint8Array(encoded.length + offset).subarray(offset);
        bytes.set(encoded);
        const decoded = decodeTensors(bytes, "file");
        // Tensors without values may change places.
        const sorted = (map: Iterable<[string, Tensor]>): unknown =>
          [...map].sort(([a], [b]) => (a < b ? -1 : 1));
        assertEquals(sorted(decoded.tensors), sorted(tensors));
        assertEquals(Object.entries(decoded.metadata).sort(), Object.entries(metadata).sort());
      },
    ),
    { seed: 2, numRuns: 300 },
  );
});

/** Files that lie, by what must be said of them. */
const HOSTILE: Readonly<Record<string, readonly Uint8Array[]>> = {
  "it has 0 bytes, at least 8 are needed": [new Uint8Array(0)],
  "it has 7 bytes, at least 8 are needed": [new Uint8Array(7)],
  "its header is not JSON": [
    ...[new Uint8Array(8), fileOf({}, 0, 1n), fileOf("weights")],
    // No UTF-8.
    Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0xc3, 0x28),
  ],
  "its header claims 10000000000 bytes where at most 2 can be": [fileOf({}, 0, 10_000_000_000n)],
  "its header claims 18446744073709551615 bytes where at most 2 can be": [
    fileOf({}, 0, 2n ** 64n - 1n),
  ],
  "its header claims 3 bytes where at most 2": [fileOf({}, 0, 3n)],
  "its header does not describe tensors": [fileOf([]), fileOf("null"), fileOf("1")],
  "its metadata is not text": [{ a: 1 }, ["a"], f32([0], 0, 0)].map((__metadata__) =>
    fileOf({ __metadata__ })
  ),
  "a is not a tensor": [
    ...[
      { b: "c" },
      null,
      { shape: [0], data_offsets: [0, 0] },
      { dtype: "F32", shape: [0], data_offsets: [0] },
      { dtype: "F32", shape: [0], data_offsets: [0, 0, 0] },
      { dtype: "F32", shape: [0], data_offsets: [0, 0], more: 1 },
      f32([1], -4, 0),
      f32([1], 0.5, 4.5),
      f32([1], "0", "4"),
      f32([-1, -1], 0, 4),
      f32([2 ** 53], 0, 4),
    ].map((a) => fileOf({ a }, 8)),
    fileOf('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1e999]}}'),
  ],
  "a must be of type F64, F32, F16, BF16, I64, U64, I32, U32, I16, U16, I8, U8, BOOL: current type is F8_E4M3":
    [fileOf({ a: { dtype: "F8_E4M3", shape: [4], data_offsets: [0, 4] } }, 4)],
  "a must lie behind the tensor before it and inside the file": [
    // A product that overflows, and one of infinity and 0.
    fileOf({ a: f32(Array(30).fill(2 ** 52), 0, 4) }, 4),
    fileOf({ a: f32([...Array(30).fill(2 ** 52), 0], 0, 0) }),
    // A gap before it, data beyond the end, twice, a shape that is smaller, offsets the wrong way.
    fileOf({ a: f32([1], 4, 8) }, 8),
    fileOf({ a: f32([3], 0, 12) }, 8),
    fileOf({ a: f32([2_500_000_000], 0, 10_000_000_000) }, 8),
    fileOf({ a: f32([1], 0, 8) }, 8),
    fileOf({ a: f32([1], 4, 0) }, 4),
  ],
  "b must lie behind the tensor before it and inside the file": [
    // Overlap, the same data, a gap.
    fileOf({ a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12),
    fileOf({ a: f32([1], 0, 4), b: f32([1], 0, 4) }, 4),
    fileOf({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12),
  ],
  "bytes follow its last tensor": [fileOf({ a: f32([1], 0, 4) }, 8), fileOf({}, 4)],
  "__proto__ is not a tensor": [fileOf('{"__proto__":{"polluted":"yes"}}')],
};

Deno.test("decodeTensors() refuses files that lie, and says why", () => {
  for (const [reason, files] of Object.entries(HOSTILE)) {
    for (const [index, bytes] of files.entries()) {
      const { message } = assertThrows(() => decodeTensors(bytes, "f.bin"), TypeError);
      assertStringIncludes(message, `Cannot read f.bin as safetensors: ${reason}`, `${index}`);
      assertEquals(({} as Record<string, unknown>).polluted, undefined);
    }
  }
});

Deno.test("decodeTensors() refuses a tiny file truncated at any length, or with a byte behind", () => {
  const bytes = encodeTensors(
    new Map([["a", { shape: [2], values: Float32Array.of(1, 2) }]]),
    { key: "value" },
  );
  for (let length = 0; length < bytes.length; length++) {
    assertThrows(() => decodeTensors(bytes.slice(0, length), "file"), TypeError);
  }
  assertThrows(() => decodeTensors(Uint8Array.of(...bytes, 0), "file"), TypeError);
});

Deno.test("decodeTensors() throws nothing but TypeError on any bytes and any header", () => {
  const number = fc.oneof(fc.nat(40), fc.double(), fc.integer());
  const tensor = fc.record({
    dtype: fc.constantFrom("F32", "F16", 3),
    shape: fc.oneof(fc.array(number, { maxLength: 3 }), fc.jsonValue()),
    data_offsets: fc.oneof(fc.tuple(number, number), fc.jsonValue()),
  }, { requiredKeys: [] });
  const header = fc.dictionary(
    fc.oneof(fc.string(), fc.constantFrom("__proto__", "__metadata__")),
    fc.oneof(tensor, fc.jsonValue()),
    { maxKeys: 4 },
  );
  const file = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.tuple(header, fc.nat(40)).map(([json, bytes]) => fileOf(json, bytes)),
    fc.tuple(fc.json(), fc.nat(8)).map(([json, bytes]) => fileOf(json, bytes)),
  );
  fc.assert(
    fc.property(file, (bytes) => {
      try {
        decodeTensors(bytes, "file");
      } catch (error) {
        assert(/^TypeError: Cannot read file as safetensors: /.test(`${error}`), `${error}`);
      }
    }),
    { seed: 3, numRuns: 3000 },
  );
});

Deno.test("decodeTensors() gives values of their own, free of the file's bytes", () => {
  const bytes = encodeTensors(new Map([["a", { shape: [1], values: Float32Array.of(3) }]]));
  const { tensors } = decodeTensors(bytes, "file");
  bytes.fill(0);
  assertEquals(tensors.get("a")!.values, Float32Array.of(3));
});
