/**
 * Networks as PyTorch's users save them: files that PyTorch made, losses that it computed in float64.
 *
 * @module
 */
import { decodeModel } from "~/lib/model.ts";
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fixture from "~/tests/fixtures/pytorch_files.json" with { type: "json" };
import { referenceData, referenceForward } from "~/tests/fixtures/reference_network.ts";

const { pixels, labels, read, refused } = fixture;
const data = referenceData(pixels, labels, 6);
const ORDER = "are taken as the layers in this order, with ReLU between them and batch " +
  "normalisation of the logits";
const passedOver = (module: string): string =>
  `the running statistics of ${module} are passed over, as logits are always normalised over the ` +
  "images at hand";

/** What must be said of each file. */
const NOTES: Record<keyof typeof read, string[]> = {
  "Sequential without statistics": [],
  "Sequential with running statistics": [passedOver("5")],
  "Sequential as an attribute seq": [passedOver("seq.5"), `seq.0, seq.2, seq.4 ${ORDER}`],
  "DataParallel": [passedOver("module.5"), `module.0, module.2, module.4 ${ORDER}`],
  "torch.compile": [passedOver("_orig_mod.5"), `_orig_mod.0, _orig_mod.2, _orig_mod.4 ${ORDER}`],
  "DataParallel of net of model": [
    passedOver("module.net.model.5"),
    `module.net.model.0, module.net.model.2, module.net.model.4 ${ORDER}`,
  ],
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
