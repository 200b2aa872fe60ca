/**
 * Training in tensors: E networks trained in lock-step.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Member, Stack, StackOptions } from "~/lib/engine/engine.ts";
import { type Device, keepPace } from "~/lib/engine/tensorflow/device.ts";
import { type Budget, fitBatch, rowBytes } from "~/lib/engine/tensorflow/memory.ts";
import type { BatchLabels, ImageRows } from "~/lib/engine/tensorflow/operations.ts";
import {
  backwardPass,
  downloadLayers,
  forwardPass,
  gradientOf,
  layerGradient,
  type LayerTensors,
  mapLayer,
  readRecord,
  uploadLayers,
} from "~/lib/engine/tensorflow/pass.ts";
import type { Range, SplitTensors } from "~/lib/engine/tensorflow/split.ts";
import { countParameters, type LayerSizes } from "~/lib/model.ts";
import { type Optimizer, parseOptimizer } from "~/lib/optimizer.ts";

/** Networks in training, on the device; their images are the caller's. */
interface Training {
  readonly device: Device;
  readonly train: SplitTensors;
  readonly sizes: LayerSizes;
  readonly batchSize: number;
  readonly optimizer: Optimizer;
  /** How many updates each network has seen; written. */
  readonly members: readonly { updates: number }[];
  /** The parameters and then each slot of the optimizer's state, by layer; written. */
  readonly tensors: readonly LayerTensors[][];
  /** Learning rates, [E, 1, 1]. */
  readonly rates: tf.Tensor;
}

/** Uploads a stack. */
export function createTensorStack(
  device: Device,
  train: SplitTensors,
  options: StackOptions & { readonly members: readonly Member[]; readonly budget: Budget },
): Stack {
  const { sizes, budget } = options;
  const optimizer = parseOptimizer(options.optimizer);
  const batchSize = Math.min(options.batchSize, train.size);
  const batches = Math.ceil(train.size / batchSize);
  const P = countParameters(sizes);
  let members = options.members.map((each) => ({ ...each, updates: each.epochs * batches }));
  let tensors = device.tidy(() =>
    ["parameters", ...optimizer.slots].map((_, place) => uploadLayers(sizes, vectorsAt(place)))
  );
  let rates = device.tidy(() =>
    tf.tensor3d(members.map(({ learningRate }) => learningRate), [members.length, 1, 1])
  );
  let epochs: Epochs | undefined;

  /** What tensors at a place are uploaded from, shape [E] of [P]. */
  function vectorsAt(place: number): Float32Array[] {
    return members.map(({ parameters, state }) =>
      place === 0 ? parameters : state.subarray((place - 1) * P, place * P)
    );
  }

  function free(): void {
    epochs?.dispose();
    epochs = undefined;
    tf.dispose([tensors, rates]);
  }

  return {
    get size(): number {
      return members.length;
    },
    async trainEpoch(): Promise<number[]> {
      epochs ??= openEpochs(
        { device, train, sizes, batchSize, optimizer, members, tensors, rates },
        fitBatch(options, members.length, budget),
      );
      return await epochs.train();
    },
    async save(): Promise<void> {
      for (const [place, layers] of tensors.entries()) {
        await downloadLayers(device, sizes, layers, vectorsAt(place));
      }
      device.trim();
    },
    retain(keep): void {
      const places = members.flatMap((_, place) => keep[place] ? [place] : []);
      if (places.length === members.length) return;
      const kept = device.tidy(() => {
        const indices = tf.tensor1d(places, "int32");
        const select = (tensor: tf.Tensor): tf.Tensor => tf.gather(tensor, indices);
        return {
          tensors: tensors.map((layers) => layers.map((layer) => mapLayer(layer, select))),
          rates: select(rates) as tf.Tensor3D,
        };
      });
      free();
      members = places.map((place) => members[place]!);
      ({ tensors, rates } = kept);
      device.trim();
    },
    dispose(): void {
      free();
      device.trim();
    },
  };
}

/** Epochs of networks as long as they stay. */
interface Epochs {
  /** @returns Each network's mean loss over the batches, each before its update. */
  train(): Promise<number[]>;
  /** Frees what was held; call before the networks' tensors are disposed of. */
  dispose(): void;
}

/**
 * Opens epochs; where the backend can, a step is enqueued once and repeated for every batch.
 *
 * @param chunk Rows that are taken at once at most: what has more is cut.
 */
function openEpochs(training: Training, chunk: number): Epochs {
  const { device, train, sizes, batchSize, optimizer, members, tensors } = training;
  const { operations } = device;
  const ranges = Array.from({ length: Math.ceil(train.size / batchSize) }, (_, index) => {
    const range = { from: index * batchSize, to: Math.min((index + 1) * batchSize, train.size) };
    return { range, isCut: train.chunks(range, chunk).length > 1 };
  });
  const record = device.tidy(() =>
    operations.openRecord(members.length, ranges.length, sizes.at(-1)!)
  );
  const steps = ranges.some(({ isCut }) => isCut)
    ? undefined
    : device.tidy(() => operations.openSteps?.(optimizer));
  const paceOf = (rows: number): () => Promise<void> =>
    keepPace(device, members.length * rows * rowBytes(sizes));
  const pace = paceOf(batchSize);

  function trainAt(range: Range, index: number): void {
    const images = train.rows(range);
    const batch = { labels: train.labels, start: range.from, record, index };
    if (steps === undefined) return trainBatch(training, images, batch);
    const { cursor } = steps;
    // Relative to the cursor; the images' blocks differ in where they begin.
    const start = images.start - range.from;
    steps.take(images.count, start, () => {
      trainBatch(training, { ...images, start, cursor }, { ...batch, start: 0, index: 0, cursor });
    });
  }

  async function trainInChunks(range: Range, index: number): Promise<void> {
    const work = { device, sizes, split: train, ...range, chunk, pace: paceOf(chunk) };
    const gradients = await gradientOf(work, tensors[0]!, record, index);
    device.tidy(() => gradients.forEach((each, layer) => updateLayer(training, layer, each)));
  }

  return {
    async train(): Promise<number[]> {
      device.tidy(() => steps?.rewind());
      for (const [index, { range, isCut }] of ranges.entries()) {
        if (isCut) await trainInChunks(range, index);
        else device.tidy(() => trainAt(range, index));
        for (const member of members) member.updates++;
        await pace();
      }
      const { losses } = await readRecord(device, record, batchSize);
      return losses.map((each) => each.reduce((sum, loss) => sum + loss, 0) / ranges.length);
    },
    dispose(): void {
      steps?.dispose();
      tf.dispose(record.tensors);
    },
  };
}

/**
 * A step on a batch; call inside `tidy`.
 *
 * With plain SGD minus the learning rates go into the gradient in the logits, so that a layer's step
 * is added to its weights as it is made. Every other optimizer needs the gradient itself.
 */
function trainBatch(training: Training, images: ImageRows, batch: BatchLabels): void {
  const { device: { operations }, optimizer, tensors, rates } = training;
  const layers = tensors[0]!;
  // Its canonical text: neither momentum nor anything else is set.
  const isPlain = optimizer.text === "SGD";
  const outputs = forwardPass(operations, layers, images);
  const delta = operations.logitsDelta(outputs.at(-1)!, batch, isPlain ? rates : undefined);
  backwardPass(operations, layers, { images, outputs, delta }, (index, input, delta) => {
    const layer = layers[index]!;
    const onto = isPlain ? layer : undefined;
    const made = layerGradient(operations, { layer, delta, input, onto });
    if (isPlain) layers[index] = made;
    else updateLayer(training, index, made);
  });
}

/** The optimizer's update of one layer; uses the gradient up. */
function updateLayer(
  { device, optimizer, tensors, rates, members }: Training,
  index: number,
  gradient: LayerTensors,
): void {
  const [parameters, ...slots] = tensors.map((layers) => layers[index]!);
  const update = (part: "weight" | "bias"): tf.Tensor[] => {
    const updated = device.operations.update(optimizer, {
      weight: parameters![part]!,
      gradient: gradient[part]!,
      slots: slots.map((slot) => slot[part]!),
      learningRate: rates,
      // Members may have seen different numbers of updates.
      t: members.map(({ updates }) => updates + 1),
    });
    return [updated.weight, ...updated.slots].map((tensor) => tf.keep(tensor));
  };
  const weights = update("weight");
  const biases = gradient.bias ? update("bias") : [];
  for (const [place, layers] of tensors.entries()) {
    layers[index] = { weight: weights[place]!, bias: biases[place] };
  }
}
