/**
 * Networks as safetensors files with PyTorch's names and layout: "0.weight" [512, 3072], "0.bias",
 * "2.weight" and so on, as `torch.nn.Sequential` of Linear and ReLU names them.
 *
 * @module
 */
import { sha256 } from "~/lib/files/files.ts";
import { printable } from "~/lib/files/text.ts";
import {
  countParameters,
  type LayerSizes,
  layoutLayers,
  MAX_UNITS,
  share,
  type SharedFloats,
} from "~/lib/model/layout.ts";
import { decodeTensors, encodeTensors, type Tensor } from "~/lib/model/safetensors.ts";

/** A network that was read: its sizes follow from its tensors' shapes. */
export interface ModelFile {
  readonly sizes: LayerSizes;
  /** Flat parameters, shape [P]. */
  readonly parameters: SharedFloats;
  /** The optimizer's state, shape [S * P], slot after slot; empty where the file holds none. */
  readonly state: Float32Array;
  readonly metadata: Readonly<Record<string, string>>;
  /** What a person must know of how a file of another program was understood, one line each. */
  readonly notes: readonly string[];
  /** Whether the file has a checksum; then it held. */
  readonly verified: boolean;
}

/**
 * Encodes a network; the metadata gains the SHA-256 of the tensors and of the rest of itself.
 *
 * @param more state: the optimizer's, shape [S * P]; slot 0 is kept as "state.0.0.weight" and so on.
 */
export function encodeModel(
  sizes: LayerSizes,
  parameters: Float32Array,
  { state = new Float32Array(0), metadata = {} }: {
    readonly state?: Float32Array;
    readonly metadata?: Readonly<Record<string, string>>;
  } = {},
): Uint8Array {
  const count = countParameters(sizes);
  const tensors = new Map(namedTensors(sizes, parameters, ""));
  for (let from = 0; from < state.length; from += count) {
    const slot = namedTensors(sizes, state.subarray(from, from + count), `state.${from / count}.`);
    for (const [key, tensor] of slot) tensors.set(key, tensor);
  }
  return encodeTensors(tensors, { ...metadata, sha256: checksum(tensors, metadata) });
}

/**
 * Decodes a network: one of ours, or of another program (see `findLayers`).
 *
 * @param name Names the file in messages.
 * @throws {TypeError} If the file is not a safetensors file, its tensors do not make up a chain of
 * linear layers, or it is one of ours and its checksum does not hold.
 */
export function decodeModel(bytes: Uint8Array, name: string): ModelFile {
  const { tensors, metadata: { sha256: expected, ...metadata } } = decodeTensors(bytes, name);
  if (expected !== undefined && checksum(tensors, metadata) !== expected) {
    throw new TypeError(
      `Cannot read ${name} as its checksum must be ${printable(expected)}: current value is ` +
        checksum(tensors, metadata),
    );
  }
  const slotOf = ([key]: [string, Tensor]): string => /^state\.(\d+)\./.exec(key)?.[1] ?? "";
  const bySlot = Map.groupBy(tensors, slotOf);
  const { layers, notes } = findLayers(new Map(bySlot.get("")), name);
  const sizes = sizesOf(layers);
  const parameters = share(countParameters(sizes));
  const state = new Float32Array((bySlot.size - 1) * parameters.length);
  for (const [slot, entries] of bySlot) {
    const own = slot === "" ? layers : findLayers(new Map(entries), name).layers;
    if (String(sizesOf(own)) !== String(sizes) || Number(slot) >= Math.max(1, bySlot.size - 1)) {
      throw new TypeError(
        `Cannot read ${name} as state must be numbered from 0 and have the network's shapes: state ` +
          `${slot} of ${bySlot.size - 1} has sizes ${sizesOf(own)}`,
      );
    }
    const vector = slot === "" ? parameters : state.subarray(Number(slot) * parameters.length);
    let offset = 0;
    for (const { values } of own.flatMap(({ weight, bias }) => [weight, bias])) {
      vector.set(values, offset);
      offset += values.length;
    }
  }
  return { sizes, parameters, state, metadata, notes, verified: expected !== undefined };
}

function sizesOf(layers: readonly NamedLayer[]): LayerSizes {
  return [layers[0]!.weight.shape[1]!, ...layers.map(({ bias }) => bias.shape[0]!)];
}

/** The views of a flat vector that are its layers' tensors, under PyTorch's names. */
function namedTensors(
  sizes: LayerSizes,
  vector: Float32Array,
  prefix: string,
): [string, Tensor][] {
  return layoutLayers(sizes).flatMap(({ inputs, outputs, weight, bias }, index) => {
    // Every other place of the Sequential is a ReLU.
    const layer = `${prefix}${2 * index}`;
    return [
      [`${layer}.weight`, { shape: [outputs, inputs], values: vector.subarray(weight, bias) }],
      [`${layer}.bias`, { shape: [outputs], values: vector.subarray(bias, bias + outputs) }],
    ];
  });
}

/**
 * SHA-256 of JSON, in which every name, shape and text has its end, and of the tensors behind it,
 * whose lengths it tells.
 */
function checksum(
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>>,
): string {
  const names = [...tensors.keys()].sort();
  const shapes = names.map((name) => [name, tensors.get(name)!.shape]);
  const texts = Object.keys(metadata).sort().map((key) => [key, metadata[key]!]);
  return sha256(
    JSON.stringify([shapes, texts]),
    ...names.map((name) => tensors.get(name)!.values),
  );
}

/** A linear layer of a file. */
interface NamedLayer {
  /** Its module, as "0" or "seq.0". */
  readonly module: string;
  /** Shape [outputs, inputs]. */
  readonly weight: Tensor;
  /** Shape [outputs]. */
  readonly bias: Tensor;
}

const STATISTICS = ["running_mean", "running_var", "num_batches_tracked"];
const naturally = new Intl.Collator("en", { numeric: true });

/**
 * Finds a chain of linear layers in the natural order of their modules' names. Running statistics of
 * one batch normalisation of the logits without scale and shift are passed over.
 *
 * @returns The layers, and what a person must know of how the names were understood.
 * @throws {TypeError} If other tensors are there or the shapes do not chain: it names them.
 */
function findLayers(
  tensors: ReadonlyMap<string, Tensor>,
  name: string,
): { readonly layers: readonly NamedLayer[]; readonly notes: readonly string[] } {
  const fail = (reason: string): never => {
    throw new TypeError(`Cannot read ${name} as ${reason}: it holds ${listTensors(tensors)}`);
  };
  const moduleOf = (key: string): string => key.slice(0, Math.max(0, key.lastIndexOf(".")));
  const modules = Map.groupBy(tensors, ([key]) => moduleOf(key));
  const layers: NamedLayer[] = [];
  const normalised: string[] = [];
  for (const [module, entries] of [...modules].sort(([a], [b]) => naturally.compare(a, b))) {
    const parts = new Map(entries.map(([key, tensor]) => [key.replace(/.*\./s, ""), tensor]));
    const [weight, bias] = [parts.get("weight"), parts.get("bias")];
    if ([...parts.keys()].every((part) => STATISTICS.includes(part))) {
      normalised.push(module);
    } else if (weight?.shape.length === 1) {
      fail(`${printable(module)} has a scale: a normalisation must have neither scale nor shift`);
    } else if (weight === undefined || bias === undefined || parts.size > 2) {
      fail("each module must have a weight [outputs, inputs] and a bias [outputs]");
    } else {
      const [outputs, inputs] = weight.shape;
      const wanted = layers.at(-1)?.weight.shape[0] ?? inputs;
      const isLayer = String([weight.shape, bias.shape]) === String([outputs, wanted, outputs]) &&
        weight.shape.every((size) => size <= MAX_UNITS) &&
        weight.values.length * bias.values.length > 0;
      const shapes = `a weight [outputs, ${wanted}] and a bias [outputs] of floats`;
      if (!isLayer) fail(`${printable(module)} must have ${shapes}`);
      layers.push({ module, weight, bias });
    }
  }
  const last = layers.at(-1) ?? fail("it must hold linear layers, as 0.weight and 0.bias");
  const notes: string[] = [];
  if (normalised.length > 0) {
    const [module = ""] = normalised;
    const isBefore = /\d$/.test(module) && naturally.compare(module, last.module) < 0;
    const mean = modules.get(module)!.find(([key]) => key.endsWith("running_mean"));
    const size = mean?.[1].shape;
    const isOfLogits = size === undefined || String(size) === String(last.bias.shape);
    if (normalised.length > 1 || isBefore || !isOfLogits) {
      const names = normalised.map((each) => printable(each)).join(", ");
      fail(`the only normalisation must be that of the logits, unlike ${names}`);
    }
    notes.push(
      `the running statistics of ${printable(module)} are passed over, as logits are always ` +
        "normalised over the images at hand",
    );
  }
  if (layers.some(({ module }, i) => module !== String(2 * i))) {
    const names = layers.map(({ module }) => printable(module)).join(", ");
    notes.push(
      `${names} are taken as the layers in this order, with ReLU between them and batch ` +
        "normalisation of the logits",
    );
  }
  const types = new Set(layers.flatMap(({ weight, bias }) => [weight.type, bias.type]));
  types.delete("F32");
  if (types.size > 0) {
    notes.push(`values of type ${[...types].join(", ")} are rounded to float32`);
  }
  return { layers, notes: notes.map((note) => `${name}: ${note}`) };
}

/** Most tensors that a message lists. */
const LISTED = 12;

function listTensors(tensors: ReadonlyMap<string, Tensor>): string {
  if (tensors.size === 0) return "no tensors";
  const list = [...tensors].sort(([a], [b]) => naturally.compare(a, b)).slice(0, LISTED)
    .map(([key, { shape }]) => `${printable(key, 60)} [${shape}]`);
  return list.join(", ") + (tensors.size > LISTED ? ` and ${tensors.size - LISTED} more` : "");
}
