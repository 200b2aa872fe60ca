/**
 * The layers of a network among the tensors of a file, however its modules are named.
 *
 * @module
 */
import { printable } from "~/lib/files/text.ts";
import { MAX_UNITS } from "~/lib/model/layout.ts";
import type { Tensor } from "~/lib/model/safetensors.ts";

/** A linear layer of a file. */
export interface NamedLayer {
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
export function findLayers(
  tensors: ReadonlyMap<string, Tensor>,
  name: string,
): { readonly layers: readonly NamedLayer[]; readonly notes: readonly string[] } {
  const fail = (reason: string): never => {
    throw new TypeError(`Cannot read ${name} as ${reason}: it holds ${listTensors(tensors)}`);
  };
  const modules = new Map<string, Map<string, Tensor>>();
  for (const [key, tensor] of tensors) {
    const dot = key.lastIndexOf(".");
    const module = key.slice(0, Math.max(0, dot));
    if (!modules.has(module)) modules.set(module, new Map());
    modules.get(module)!.set(key.slice(dot + 1), tensor);
  }
  const inOrder = [...modules].sort(([a], [b]) => naturally.compare(a, b));
  const layers: NamedLayer[] = [];
  const normalised: string[] = [];
  for (const [module, parts] of inOrder) {
    const { weight, bias } = Object.fromEntries(parts);
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
    const size = modules.get(module)!.get("running_mean")?.shape;
    const isOfLogits = size === undefined || String(size) === String(last.bias.shape);
    if (normalised.length > 1 || isBefore || !isOfLogits) {
      fail(
        `the only normalisation must be that of the logits, unlike ${
          normalised.map((each) => printable(each)).join(", ")
        }`,
      );
    }
    notes.push(
      `the running statistics of ${printable(module)} are passed over, as logits are always ` +
        "normalised over the images at hand",
    );
  }
  if (layers.some(({ module }, i) => module !== String(2 * i))) {
    notes.push(
      `${
        layers.map(({ module }) => printable(module)).join(", ")
      } are taken as the layers in this ` +
        "order, with ReLU between them and batch normalisation of the logits",
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
