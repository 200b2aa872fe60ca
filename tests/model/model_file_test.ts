/**
 * Networks in files: PyTorch's names and layout, every damaged bit noticed, and files that PyTorch made.
 *
 * @module
 */
import { initialise, type LayerSizes } from "~/lib/model/layout.ts";
import { decodeModel, encodeModel } from "~/lib/model/model_file.ts";
import { decodeTensors, encodeTensors, type Tensor } from "~/lib/model/safetensors.ts";
import { assert, assertAlmostEquals, assertEquals, assertLess, assertThrows } from "@std/assert";
import files from "~/tests/fixtures/pytorch_files.json" with { type: "json" };
import { fixture, flatten } from "~/tests/fixtures/pytorch_fixture.ts";
import { referenceData, referenceForward } from "~/tests/fixtures/reference_network.ts";

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

Deno.test("decodeModel() undoes encodeModel(), with and without state, to the bit", () => {
  const parameters = initialise(SIZES, 4);
  parameters.set([NaN, -0, Infinity, 1e-45]);
  const twoSlots = Float32Array.from([...initialise(SIZES, 5), ...initialise(SIZES, 6)]);
  for (const state of [new Float32Array(0), initialise(SIZES, 5).slice(), twoSlots]) {
    const decoded = decodeModel(encodeModel(SIZES, parameters, { state, metadata: METADATA }), "f");
    assertEquals(decoded.sizes, SIZES);
    assert(decoded.parameters.buffer instanceof SharedArrayBuffer);
    assertEquals(bits(decoded.parameters), bits(parameters));
    assertEquals(bits(decoded.state), bits(state));
    assertEquals(decoded.metadata, METADATA);
  }
});

function bits(values: Float32Array): number[] {
  return [...new Uint32Array(values.slice().buffer)];
}

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
      assert(/^TypeError: Cannot read file as /.test(`${error}`), `bit ${bit}: ${error}`);
    }
  }
  // Seven bits of each of the 6 letters of "sha256" can turn it into another name: nothing is
  // compared then, and nothing else has changed.
  assertLess(0, harmless);
  assert(harmless <= 6 * 7, `${harmless} flips`);
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
const EACH = "each module must have a weight [outputs, inputs] and a bias [outputs]";
const NUMBERED = "state must be numbered from 0 and have the network's shapes";
const MISSHAPEN: [Record<string, Tensor>, string][] = [
  [{}, "it must hold linear layers, as 0.weight and 0.bias: it holds no tensors"],
  [
    { "0.weight": tensor(6), "0.bias": tensor(3) },
    "0 has a scale: a normalisation must have neither scale nor shift: it holds 0.bias [3], " +
    "0.weight [6]",
  ],
  ...[[3, 2, 1], [0, 2], [3, 0], [2 ** 20 + 1, 1]].map(
    ([outputs, inputs, ...more]): [Record<string, Tensor>, string] => [
      { "0.weight": tensor(outputs!, inputs!, ...more), "0.bias": tensor(outputs!) },
      `0 must have a weight [outputs, ${inputs}] and a bias [outputs] of floats: it holds ` +
      `0.bias [${outputs}], 0.weight [${[outputs, inputs, ...more]}]`,
    ],
  ),
  [
    { ...chain([2, 3]), "2.weight": tensor(1, 4), "2.bias": tensor(1) },
    "2 must have a weight [outputs, 3] and a bias [outputs] of floats: it holds 0.bias [3], " +
    "0.weight [3,2], 2.bias [1], 2.weight [1,4]",
  ],
  [
    { ...chain([2, 3]), "0.bias": tensor(2) },
    "0 must have a weight [outputs, 2] and a bias [outputs] of floats: it holds 0.bias [2], " +
    "0.weight [3,2]",
  ],
  [{ "\u001b0.weight": tensor(3, 2) }, `${EACH}: it holds \\u{1b}0.weight [3,2]`],
  [
    Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`t${n}`, tensor(1)])),
    `${EACH}: it holds ${Array.from({ length: 12 }, (_, n) => `t${n} [1]`).join(", ")} and 8 more`,
  ],
  [
    { ...chain([2, 3]), "state.0.0.weight": tensor(3, 2) },
    `${EACH}: it holds state.0.0.weight [3,2]`,
  ],
  [
    { ...chain([2, 3]), "state.0.0.weight": tensor(3, 3), "state.0.0.bias": tensor(3) },
    `${NUMBERED}: state 0 of 1 has sizes 3,3`,
  ],
  [
    { ...chain([2, 3]), "state.1.0.weight": tensor(3, 2), "state.1.0.bias": tensor(3) },
    `${NUMBERED}: state 1 of 1 has sizes 2,3`,
  ],
];

Deno.test("decodeModel() says what the tensors of a file are in place of a network", () => {
  for (const [tensors, reason] of MISSHAPEN) {
    const bytes = encodeTensors(new Map(Object.entries(tensors)));
    const { message } = assertThrows(() => decodeModel(bytes, "file"), TypeError);
    assertEquals(message, `Cannot read file as ${reason}`);
  }
});

const { pixels, labels, read, refused } = files;
const data = referenceData(pixels, labels, 6);
const ORDER = "are taken as the layers in this order, with ReLU between them and batch " +
  "normalisation of the logits";
const passedOver = (module: string): string =>
  `the running statistics of ${module} are passed over, as logits are always normalised over the ` +
  "images at hand";

/** A Sequential's modules 0, 2, 4 and the statistics of 5, within others. */
const inside = (outer: string): string[] => [
  passedOver(`${outer}.5`),
  `${[0, 2, 4].map((n) => `${outer}.${n}`).join(", ")} ${ORDER}`,
];

/** What must be said of each file. */
const NOTES: Record<keyof typeof read, string[]> = {
  "Sequential without statistics": [],
  "Sequential with running statistics": [passedOver("5")],
  "Sequential as an attribute seq": inside("seq"),
  "DataParallel": inside("module"),
  "torch.compile": inside("_orig_mod"),
  "DataParallel of net of model": inside("module.net.model"),
  "functional": [passedOver("bn"), `fc1, fc2, fc3 ${ORDER}`],
  "Sequential of Linear only": [`0, 1, 2 ${ORDER}`],
  "eleven layers in a ModuleList": [
    `${Array.from({ length: 11 }, (_, n) => `layers.${n}`).join(", ")} ${ORDER}`,
  ],
  "one layer": [],
  "float16": [passedOver("5"), "values of type F16 are rounded to float32"],
  "bfloat16": [passedOver("5"), "values of type BF16 are rounded to float32"],
  "float64": [passedOver("5"), "values of type F64 are rounded to float32"],
};

for (const [name, { file, sizes, loss }] of Object.entries(read)) {
  Deno.test(`decodeModel() reads PyTorch's file: ${name}`, () => {
    const model = decodeModel(Uint8Array.fromBase64(file), "m");
    assertEquals(model.sizes, sizes);
    assertEquals(model.notes, NOTES[name as keyof typeof read].map((note) => `m: ${note}`));
    // Both in float64 from the same float32 numbers: sums of some hundred terms apart.
    assertAlmostEquals(referenceForward(sizes, model.parameters, data).loss, loss, 1e-13);
  });
}

const REASONS: Record<keyof typeof refused, string> = {
  "scale and shift":
    "m as 5 has a scale: a normalisation must have neither scale nor shift: it holds " +
    "0.bias [5], 0.weight [5,6], 2.bias [4], 2.weight [4,5], 4.bias [3], 4.weight [3,4], 5.bias [3], " +
    "5.num_batches_tracked [], 5.running_mean [3], 5.running_var [3], 5.weight [3]",
  "hidden normalisation":
    "m as the only normalisation must be that of the logits, unlike 1: it holds",
  "two normalisations":
    "m as the only normalisation must be that of the logits, unlike 1, 4: it holds",
  "early normalisation":
    "m as the only normalisation must be that of the logits, unlike 1: it holds",
  "convolution":
    "m as 0 must have a weight [outputs, 3] and a bias [outputs] of floats: it holds " +
    "0.bias [4], 0.weight [4,3,3,3], 2.bias [3], 2.weight [3,16]",
  "no bias":
    "m as each module must have a weight [outputs, inputs] and a bias [outputs]: it holds " +
    "0.weight [3,6]",
  "integers": "m as 0 must have a weight [outputs, 2] and a bias [outputs] of floats: it holds",
  "torch.save":
    "m as safetensors: it is a zip archive, as torch.save writes: save it in Python with " +
    "safetensors.torch.save_file(model.state_dict(), FILE)",
};

for (const [name, file] of Object.entries(refused)) {
  Deno.test(`decodeModel() refuses PyTorch's file and says why: ${name}`, () => {
    const bytes = Uint8Array.fromBase64(file);
    assertThrows(
      () => decodeModel(bytes, "m"),
      TypeError,
      `Cannot read ${REASONS[name as keyof typeof refused]}`,
    );
  });
}
