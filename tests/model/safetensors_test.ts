/**
 * Safetensors files: the format's definition, byte by byte, and files that lie.
 *
 * @module
 */
import fc from "fast-check";
import { decodeTensors, encodeTensors, type Tensor } from "~/lib/model/safetensors.ts";
import { assertEquals, assertIsError, assertThrows } from "@std/assert";

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

Deno.test("decodeTensors() rounds every float type to float32 and passes integers over", () => {
  const types: [string, number[], number[]][] = [
    // 1.5, -2 and a subnormal; the smallest normal number of float16 is 2^-14.
    ["F16", [0x00, 0x3e, 0x00, 0xc0, 0x01, 0x00], [1.5, -2, 2 ** -24]],
    ["BF16", [0xc0, 0x3f, 0x00, 0xc0, 0x80, 0x7f], [1.5, -2, Infinity]],
    ["F64", [...new Uint8Array(Float64Array.of(0.1, 1e300).buffer)], [Math.fround(0.1), Infinity]],
    ["I64", [...new Uint8Array(8)], []],
    ["BOOL", [1], []],
  ];
  for (const [dtype, data, expected] of types) {
    const shape = [data.length / { F16: 2, BF16: 2, F64: 8, I64: 8, BOOL: 1 }[dtype]!];
    const header = { __metadata__: null, a: { dtype, shape, data_offsets: [0, data.length] } };
    const bytes = fileOf(header, data.length);
    bytes.set(data, bytes.length - data.length);
    const { tensors, metadata } = decodeTensors(bytes, "file");
    assertEquals([[...tensors.get("a")!.values], metadata], [expected, {}], dtype);
  }
});

Deno.test("decodeTensors() gives values of their own, free of the file's bytes", () => {
  const bytes = encodeTensors(new Map([["a", { shape: [1], values: Float32Array.of(3) }]]));
  const { tensors } = decodeTensors(bytes, "file");
  bytes.fill(0);
  assertEquals(tensors.get("a")!.values, Float32Array.of(3));
});

const OUTSIDE = "must lie behind the tensor before it and inside the file";
const entry = (text: string): string => `{"a":${text}}`;
const HOSTILE: [string, Uint8Array, string][] = [
  ["no bytes", new Uint8Array(0), "it has 0 bytes, at least 8 are needed"],
  ["seven bytes", new Uint8Array(7), "it has 7 bytes, at least 8 are needed"],
  ["an empty header", new Uint8Array(8), "its header is not JSON"],
  [
    "10 GB claimed",
    fileOf({}, 0, 10_000_000_000n),
    "its header claims 10000000000 bytes where at most 2 can be",
  ],
  [
    "2^64 - 1 bytes claimed",
    fileOf({}, 0, 2n ** 64n - 1n),
    "its header claims 18446744073709551615 bytes where at most 2 can be",
  ],
  ["one byte too many claimed", fileOf({}, 0, 3n), "its header claims 3 bytes where at most 2"],
  ["one byte too few claimed", fileOf({}, 0, 1n), "its header is not JSON"],
  ["text", fileOf("weights"), "its header is not JSON"],
  ["invalid UTF-8", Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0xc3, 0x28), "its header is not JSON"],
  ["an array", fileOf([]), "its header does not describe tensors"],
  ["null", fileOf("null"), "its header does not describe tensors"],
  ["a number", fileOf("1"), "its header does not describe tensors"],
  ["metadata of numbers", fileOf({ __metadata__: { a: 1 } }), "its metadata is not text"],
  ["metadata as a list", fileOf({ __metadata__: ["a"] }), "its metadata is not text"],
  ["a tensor as metadata", fileOf({ __metadata__: f32([0], 0, 0) }), "its metadata is not text"],
  ["text as a tensor", fileOf({ a: { b: "c" } }), "a is not a tensor"],
  ["null as a tensor", fileOf({ a: null }), "a is not a tensor"],
  [
    "a tensor without a type",
    fileOf({ a: { shape: [0], data_offsets: [0, 0] } }),
    "a is not a tensor",
  ],
  [
    "one offset",
    fileOf({ a: { dtype: "F32", shape: [0], data_offsets: [0] } }),
    "a is not a tensor",
  ],
  [
    "three offsets",
    fileOf({ a: { dtype: "F32", shape: [0], data_offsets: [0, 0, 0] } }),
    "a is not a tensor",
  ],
  [
    "a field too many",
    fileOf({ a: { dtype: "F32", shape: [0], data_offsets: [0, 0], more: 1 } }),
    "a is not a tensor",
  ],
  [
    "another type",
    fileOf({ a: { dtype: "F8_E4M3", shape: [4], data_offsets: [0, 4] } }, 4),
    "a must be of type F64, F32, F16, BF16, I64, U64, I32, U32, I16, U16, I8, U8, BOOL: current " +
    "type is F8_E4M3",
  ],
  ["a negative offset", fileOf({ a: f32([1], -4, 0) }, 4), "a is not a tensor"],
  ["a fractional offset", fileOf({ a: f32([1], 0.5, 4.5) }, 8), "a is not a tensor"],
  ["offsets as text", fileOf({ a: f32([1], "0", "4") }, 4), "a is not a tensor"],
  [
    "an offset of 1e999",
    fileOf(entry('{"dtype":"F32","shape":[1],"data_offsets":[0,1e999]}')),
    "a is not a tensor",
  ],
  ["a negative shape", fileOf({ a: f32([-1, -1], 0, 4) }, 4), "a is not a tensor"],
  ["a shape of 2^53", fileOf({ a: f32([2 ** 53], 0, 4) }, 4), "a is not a tensor"],
  [
    "a shape whose product overflows",
    fileOf({ a: f32(Array(30).fill(2 ** 52), 0, 4) }, 4),
    `a ${OUTSIDE}`,
  ],
  [
    "a product of infinity and 0",
    fileOf({ a: f32([...Array(30).fill(2 ** 52), 0], 0, 0) }),
    `a ${OUTSIDE}`,
  ],
  ["overlapping tensors", fileOf({ a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12), `b ${OUTSIDE}`],
  ["the same data twice", fileOf({ a: f32([1], 0, 4), b: f32([1], 0, 4) }, 4), `b ${OUTSIDE}`],
  ["a gap", fileOf({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12), `b ${OUTSIDE}`],
  ["a gap before the first", fileOf({ a: f32([1], 4, 8) }, 8), `a ${OUTSIDE}`],
  ["data beyond the end", fileOf({ a: f32([3], 0, 12) }, 8), `a ${OUTSIDE}`],
  [
    "10 GB of data claimed",
    fileOf({ a: f32([2_500_000_000], 0, 10_000_000_000) }, 8),
    `a ${OUTSIDE}`,
  ],
  ["a shape smaller than its data", fileOf({ a: f32([1], 0, 8) }, 8), `a ${OUTSIDE}`],
  ["offsets the wrong way round", fileOf({ a: f32([1], 4, 0) }, 4), `a ${OUTSIDE}`],
  ["data that no tensor owns", fileOf({ a: f32([1], 0, 4) }, 8), "bytes follow its last tensor"],
  ["data without tensors", fileOf({}, 4), "bytes follow its last tensor"],
  [
    "__proto__ that is no tensor",
    fileOf('{"__proto__":{"polluted":"yes"}}'),
    "__proto__ is not a tensor",
  ],
];

for (const [what, bytes, reason] of HOSTILE) {
  Deno.test(`decodeTensors() refuses ${what}`, () => {
    const error = assertThrows(() => decodeTensors(bytes, "f.bin"), TypeError);
    const message = `Cannot read f.bin as safetensors: ${reason}`;
    assertEquals(error.message.slice(0, message.length), message);
    assertEquals(({} as Record<string, unknown>).polluted, undefined);
  });
}

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
        assertIsError(error, TypeError, "Cannot read file as safetensors: ");
      }
    }),
    { seed: 3, numRuns: 3000 },
  );
});
