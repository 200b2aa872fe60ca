/**
 * Networks in files: PyTorch's names and layout, and every damaged bit noticed.
 *
 * @module
 */
import { initialise, type LayerSizes, MLP_1 } from "~/lib/model/layout.ts";
import { decodeModel, encodeModel } from "~/lib/model/model_file.ts";
import { decodeTensors, encodeTensors, type Tensor } from "~/lib/model/safetensors.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertIsError,
  assertThrows,
} from "@std/assert";
import { fixture, flatten } from "~/tests/fixtures/pytorch_fixture.ts";

const SIZES = [2, 3, 1];
const METADATA = { run: JSON.stringify({ seed: 0 }) };

Deno.test("encodeModel() gives tensors PyTorch's names, shapes and values", () => {
  const { sizes, init } = fixture;
  const { tensors } = decodeTensors(encodeModel(sizes, Float32Array.from(flatten(init))), "file");
  // The names and nested rows are those of PyTorch's own state dictionary.
  assertEquals([...tensors.keys()], Object.keys(init));
  for (const [name, expected] of Object.entries(init)) {
    const { shape, values } = tensors.get(name)!;
    const [first] = expected;
    const isMatrix = Array.isArray(first);
    assertEquals(shape, isMatrix ? [expected.length, first.length] : [expected.length]);
    assertEquals(values, Float32Array.from(expected.flat()));
  }
});

Deno.test("encodeModel() gives MLP_1 the tensors of the study's Sequential", () => {
  const { tensors } = decodeTensors(encodeModel(MLP_1, new Float32Array(1_738_890)), "file");
  assertEquals(Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape])), {
    "0.weight": [512, 3072],
    "0.bias": [512],
    "2.weight": [256, 512],
    "2.bias": [256],
    "4.weight": [128, 256],
    "4.bias": [128],
    "6.weight": [10, 128],
    "6.bias": [10],
  });
});

Deno.test("decodeModel() undoes encodeModel(), with and without state, to the bit", () => {
  const parameters = initialise(SIZES, 4);
  parameters.set([NaN, -0, Infinity, 1e-45]);
  const twoSlots = Float32Array.from([...initialise(SIZES, 5), ...initialise(SIZES, 6)]);
  for (const state of [new Float32Array(0), initialise(SIZES, 5).slice(), twoSlots]) {
    const decoded = decodeModel(encodeModel(SIZES, parameters, { state, metadata: METADATA }), "f");
    assertEquals(decoded.sizes, SIZES);
    assertInstanceOf(decoded.parameters.buffer, SharedArrayBuffer);
    assertEquals(bits(decoded.parameters), bits(parameters));
    assertEquals(bits(decoded.state), bits(state));
    assertEquals(decoded.metadata, METADATA);
  }
});

function bits(values: Float32Array): number[] {
  return [...new Uint32Array(values.slice().buffer)];
}

Deno.test("encodeModel() gives the same bytes for the same network", () => {
  const encode = (): Uint8Array => encodeModel(SIZES, initialise(SIZES, 4), { metadata: METADATA });
  assertEquals(encode(), encode());
});

Deno.test("decodeModel() reads a file of another program, without a checksum", () => {
  const { sizes, init } = fixture;
  const tensors = new Map(
    Object.entries(init).reverse().map(([name, rows]): [string, Tensor] => [name, {
      shape: Array.isArray(rows[0]) ? [rows.length, rows[0].length] : [rows.length],
      values: Float32Array.from(rows.flat()),
    }]),
  );
  const decoded = decodeModel(encodeTensors(tensors, { format: "pt" }), "file");
  assertEquals(decoded.sizes, sizes);
  assertEquals([...decoded.parameters], [...Float32Array.from(flatten(init))]);
  assertEquals(decoded.state.length, 0);
});

Deno.test("decodeModel() notices every flipped bit of a small file, or the flip changes nothing", () => {
  const parameters = initialise(SIZES, 4);
  const state = initialise(SIZES, 5);
  const bytes = encodeModel(SIZES, parameters, { state, metadata: METADATA });
  let harmless = 0;
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    try {
      const decoded = decodeModel(flipped, "file");
      assertEquals(decoded.sizes, SIZES, `bit ${bit}`);
      assertEquals(decoded.parameters, parameters, `bit ${bit}`);
      assertEquals(decoded.state, state.slice(), `bit ${bit}`);
      assertEquals(decoded.metadata.run, METADATA.run, `bit ${bit}`);
      harmless++;
    } catch (error) {
      assertIsError(error, TypeError, "Cannot read file as ", `bit ${bit}: ${error}`);
    }
  }
  // Seven bits of each of the 6 letters of "sha256" can turn it into another name: nothing is
  // compared then, and nothing else has changed.
  assertGreater(harmless, 0);
  assert(harmless <= 6 * 7, `${harmless} flips`);
});

Deno.test("decodeModel() says which checksum it expected and found", () => {
  const bytes = encodeModel(SIZES, initialise(SIZES, 4));
  bytes[bytes.length - 1]! ^= 1;
  const { message } = assertThrows(() => decodeModel(bytes, "file"), TypeError);
  assert(
    /^Cannot read file as its checksum must be [0-9a-f]{64}: current value is [0-9a-f]{64}$/.test(
      message,
    ),
    message,
  );
});

Deno.test("decodeModel() notices another shape or division of the same bytes", () => {
  const metadata = { run: "ab", seconds: "12" };
  const { tensors, metadata: { sha256, ...texts } } = decodeTensors(
    encodeModel(SIZES, initialise(SIZES, 4), { metadata }),
    "file",
  );
  assertEquals(texts, metadata);
  const refused = (altered: ReadonlyMap<string, Tensor>, texts: Record<string, string>): void => {
    const bytes = encodeTensors(altered, { ...texts, sha256: sha256! });
    assertThrows(() => decodeModel(bytes, "file"), TypeError, `its checksum must be ${sha256}`);
  };
  const weight = tensors.get("0.weight")!;
  refused(new Map([...tensors, ["0.weight", { ...weight, shape: [2, 3] }]]), texts);
  refused(new Map([...tensors, ["0.weight", { ...weight, shape: [6] }]]), texts);
  for (const other of [{ runa: "b", seconds: "12" }, { run: "a", bseconds: "12" }]) {
    refused(tensors, other);
  }
  refused(tensors, { run: "abseconds12" });
});

Deno.test("decodeModel() refuses a small file truncated at any length", () => {
  const bytes = encodeModel(SIZES, initialise(SIZES, 4), { metadata: METADATA });
  for (let length = 0; length < bytes.length; length++) {
    assertThrows(() => decodeModel(bytes.slice(0, length), "file"), TypeError);
  }
});

const tensor = (...shape: number[]): Tensor => ({
  shape,
  values: new Float32Array(shape.reduce((product, size) => product * size, 1)),
});
const chain = (sizes: LayerSizes): Record<string, Tensor> =>
  Object.fromEntries(
    sizes.slice(1).flatMap((outputs, i) => [
      [`${2 * i}.weight`, tensor(outputs, sizes[i]!)],
      [`${2 * i}.bias`, tensor(outputs)],
    ]),
  );
const MISSHAPEN: [string, Record<string, Tensor>, string][] = [
  ["no tensors", {}, "it must hold a tensor 0.weight: there is none"],
  [
    "another program's names",
    { weight: tensor(2, 2) },
    "it must hold a tensor 0.weight: there is none",
  ],
  [
    "a vector for a matrix",
    { "0.weight": tensor(6), "0.bias": tensor(3) },
    "0.weight must have shape [outputs, inputs]: current shape is [6]",
  ],
  [
    "three dimensions",
    { "0.weight": tensor(3, 2, 1), "0.bias": tensor(3) },
    "0.weight must have shape [outputs, inputs]: current shape is [3,2,1]",
  ],
  [
    "a layer without units",
    { "0.weight": tensor(0, 2), "0.bias": tensor(0) },
    "0.weight must have shape [outputs, inputs]: current shape is [0,2]",
  ],
  [
    "a layer without inputs",
    { "0.weight": tensor(3, 0), "0.bias": tensor(3) },
    "0.weight must have shape [outputs, inputs]: current shape is [3,0]",
  ],
  [
    "more units than 2^20",
    { "0.weight": tensor(2 ** 20 + 1, 1), "0.bias": tensor(2 ** 20 + 1) },
    "0.weight must have shape [outputs, inputs]: current shape is [1048577,1]",
  ],
  [
    "layers that do not fit together",
    { ...chain([2, 3]), "2.weight": tensor(1, 4), "2.bias": tensor(1) },
    "2.weight must have shape [outputs, 3]: current shape is [1,4]",
  ],
  [
    "a bias of another length",
    { ...chain([2, 3]), "0.bias": tensor(2) },
    "0.bias must have shape [3]: current shape is [2]",
  ],
  [
    "a layer without a bias",
    { "0.weight": tensor(3, 2) },
    "0.bias must have shape [3]: current shape is absent",
  ],
  [
    "a tensor too many",
    { ...chain([2, 3]), "running_mean": tensor(1) },
    "it must hold 2 tensors: current number is 3",
  ],
  [
    "a hole between layers",
    { ...chain([2, 3]), "4.weight": tensor(1, 3), "4.bias": tensor(1) },
    "it must hold 2 tensors: current number is 4",
  ],
  [
    "half a state",
    { ...chain([2, 3]), "state.0.0.weight": tensor(3, 2) },
    "state.0.0.bias must have shape [3]: current shape is absent",
  ],
  [
    "a state of another shape",
    { ...chain([2, 3]), "state.0.0.weight": tensor(2, 3), "state.0.0.bias": tensor(3) },
    "state.0.0.weight must have shape [3,2]: current shape is [2,3]",
  ],
];
for (const [what, tensors, reason] of MISSHAPEN) {
  Deno.test(`decodeModel() refuses ${what}`, () => {
    const bytes = encodeTensors(new Map(Object.entries(tensors)));
    const error = assertThrows(() => decodeModel(bytes, "file"), TypeError);
    assertEquals(error.message, `Cannot read file as ${reason}`);
  });
}
