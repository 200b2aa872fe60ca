/**
 * Networks as safetensors files with PyTorch's names and layout: "0.weight" [512, 3072], "0.bias",
 * "2.weight" and so on, as `torch.nn.Sequential` of Linear and ReLU names them.
 *
 * @module
 */
import { sha256 } from "~/lib/files/files.ts";
import { printable } from "~/lib/files/text.ts";
import { findLayers, type NamedLayer } from "~/lib/model/find_layers.ts";
import {
  allocateParameters,
  countParameters,
  type LayerSizes,
  layoutLayers,
} from "~/lib/model/layout.ts";
import { decodeTensors, encodeTensors, type Tensor } from "~/lib/model/safetensors.ts";

/** A network that was read: its sizes follow from its tensors' shapes. */
export interface ModelFile {
  readonly sizes: LayerSizes;
  /** Flat parameters, shape [P]. */
  readonly parameters: Float32Array<SharedArrayBuffer>;
  /** The optimizer's state, shape [S * P], slot after slot; empty where the file holds none. */
  readonly state: Float32Array;
  readonly metadata: Readonly<Record<string, string>>;
  /** What a person must know of how a file of another program was understood, one line each. */
  readonly notes: readonly string[];
  /** Whether the file has a checksum; then it held. */
  readonly verified: boolean;
}

/** What goes into a model file besides the parameters. */
export interface ModelFileOptions {
  /** The optimizer's state, shape [S * P]; slot 0 is kept as "state.0.0.weight" and so on. */
  readonly state?: Float32Array;
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Encodes a network; the metadata gains the SHA-256 of the tensors and of the rest of itself.
 *
 * @throws {RangeError} If the numbers of parameters or of state are not those of the layer sizes.
 */
export function encodeModel(
  sizes: LayerSizes,
  parameters: Float32Array,
  { state = new Float32Array(0), metadata = {} }: ModelFileOptions = {},
): Uint8Array {
  const count = countParameters(sizes);
  if (parameters.length !== count || state.length % count !== 0) {
    throw new RangeError(
      `Cannot encode a network of sizes ${sizes} as it must have ${count} parameters and a multiple ` +
        `of that as state: it has ${parameters.length} and ${state.length}`,
    );
  }
  const tensors = new Map(namedTensors(sizes, parameters, ""));
  for (let slot = 0; slot < state.length / count; slot++) {
    const vector = state.subarray(slot * count, (slot + 1) * count);
    for (const [key, tensor] of namedTensors(sizes, vector, `state.${slot}.`)) {
      tensors.set(key, tensor);
    }
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
  const parameters = allocateParameters(sizes);
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
    ...names.map((name) => {
      const { values } = tensors.get(name)!;
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    }),
  );
}
