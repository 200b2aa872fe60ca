/**
 * Question 1 in tensors: E networks trained in lock-step.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Member, Stack, StackOptions } from "~/lib/engine/engine.ts";
import { type Device, keepPace } from "~/lib/engine/tensorflow/device.ts";
import { type Budget, fitBatch, rowBytes } from "~/lib/engine/tensorflow/memory.ts";
import type { BatchLabels, ImageRows, Operations } from "~/lib/engine/tensorflow/operations.ts";
import {
  downloadLayers,
  type LayerTensors,
  mapLayer,
  uploadLayers,
} from "~/lib/engine/tensorflow/parameters.ts";
import {
  backwardPass,
  forwardPass,
  gradientOf,
  layerGradient,
  readRecord,
} from "~/lib/engine/tensorflow/pass.ts";
import type { Range, SplitTensors } from "~/lib/engine/tensorflow/split.ts";
import { countParameters, type LayerSizes } from "~/lib/model.ts";
import { openOptimizer, type Optimizer } from "~/lib/optimizer.ts";

/**
 * Uploads a stack.
 *
 * @param train Images; they stay the caller's.
 */
export function createTensorStack(
  device: Device,
  train: SplitTensors,
  { members, budget, ...options }: StackOptions & {
    readonly members: readonly Member[];
    readonly budget: Budget;
  },
): Stack {
  const { sizes } = options;
  const optimizer = openOptimizer(options.optimizer);
  const batchSize = Math.min(options.batchSize, train.size);
  const batches = Math.ceil(train.size / batchSize);
  const P = countParameters(sizes);
  let active = members.map((member) => ({ ...member, updates: member.epochs * batches }));
  let networks: Networks = {
    ...{ optimizer, members: active },
    ...device.tidy(() => ({
      tensors: ["parameters", ...optimizer.slots].map((_, place) =>
        uploadLayers(sizes, vectorsAt(place))
      ),
      rates: tf.tensor3d(
        active.map(({ learningRate }) => learningRate),
        [active.length, 1, 1],
      ),
    })),
  };
  let epochs: Epochs | undefined;

  /** What the networks' tensors at a place are uploaded from, shape [E] of [P]. */
  function vectorsAt(place: number): Float32Array[] {
    return active.map(({ parameters, state }) =>
      place === 0 ? parameters : state.subarray((place - 1) * P, place * P)
    );
  }

  /** Frees the networks as they are. */
  function free(): void {
    epochs?.dispose();
    epochs = undefined;
    tf.dispose([...networks.tensors, networks.rates]);
  }

  return {
    get size(): number {
      return active.length;
    },
    async trainEpoch(): Promise<number[]> {
      const chunk = fitBatch(options, active.length, budget);
      epochs ??= openEpochs(device, networks, { train, sizes, batchSize, chunk });
      return await epochs.train();
    },
    async save(): Promise<void> {
      for (const [place, layers] of networks.tensors.entries()) {
        await downloadLayers(device, sizes, layers, vectorsAt(place));
      }
      device.trim();
    },
    retain(keep): void {
      const places = active.flatMap((_, place) => keep[place] ? [place] : []);
      if (places.length === active.length) return;
      const kept = device.tidy(() => {
        const indices = tf.tensor1d(places, "int32");
        const select = (tensor: tf.Tensor): tf.Tensor => tf.gather(tensor, indices);
        return {
          tensors: networks.tensors.map((layers) => layers.map((layer) => mapLayer(layer, select))),
          rates: select(networks.rates),
        };
      });
      free();
      active = places.map((place) => active[place]!);
      networks = { optimizer, members: active, ...kept };
      device.trim();
    },
    dispose(): void {
      free();
      device.trim();
    },
  };
}

/** Networks in training. */
interface Networks {
  readonly optimizer: Optimizer;
  /** The parameters and then each slot of the optimizer's state, by layer; written. */
  readonly tensors: readonly LayerTensors[][];
  /** Learning rates, [E, 1, 1]. */
  readonly rates: tf.Tensor;
  /** How many updates each has seen; written. */
  readonly members: readonly { updates: number }[];
}

/** Epochs of networks as long as they stay on the device. */
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
function openEpochs(
  device: Device,
  networks: Networks,
  { train, sizes, batchSize, chunk }: {
    readonly train: SplitTensors;
    readonly sizes: LayerSizes;
    readonly batchSize: number;
    readonly chunk: number;
  },
): Epochs {
  const { operations } = device;
  const { members, optimizer, tensors } = networks;
  const classes = sizes.at(-1)!;
  const labels = train.labels(classes);
  const ranges = Array.from({ length: Math.ceil(train.size / batchSize) }, (_, index) => {
    const range = { from: index * batchSize, to: Math.min((index + 1) * batchSize, train.size) };
    return { range, isCut: train.chunks(range, chunk).length > 1 };
  });
  const record = device.tidy(() => operations.openRecord(members.length, ranges.length, classes));
  const steps = ranges.some(({ isCut }) => isCut)
    ? undefined
    : device.tidy(() => operations.openSteps?.(optimizer));
  const paceOf = (rows: number): () => Promise<void> =>
    keepPace(device, members.length * rows * rowBytes(sizes));
  const pace = paceOf(batchSize);

  function trainAt(range: Range, index: number): void {
    const input = train.rows(range);
    if (steps === undefined) {
      return trainBatch(operations, networks, input, { labels, start: range.from, record, index });
    }
    const { cursor } = steps;
    const start = input.start - range.from;
    // The images' blocks differ in where they begin.
    steps.take(input.count, start, () =>
      trainBatch(
        operations,
        networks,
        { ...input, start, cursor },
        { labels, start: 0, record, index: 0, cursor },
      ));
  }

  async function trainInChunks(range: Range, index: number): Promise<void> {
    const work = { device, sizes, split: train, ...range, chunk, pace: paceOf(chunk) };
    const gradients = await gradientOf(work, tensors[0]!, record, index);
    device.tidy(() =>
      gradients.forEach((gradient, layer) => updateLayer(operations, networks, layer, gradient))
    );
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
      const { losses } = await readRecord(device, record);
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
function trainBatch(
  operations: Operations,
  networks: Networks,
  images: ImageRows,
  labels: BatchLabels,
): void {
  const { optimizer, tensors: [layers], rates } = networks;
  // Its canonical text: neither momentum nor anything else is set.
  const isPlain = optimizer.text === "SGD";
  const outputs = forwardPass(operations, layers!, images);
  const delta = operations.logitsDelta(outputs.at(-1)!, labels, isPlain ? rates : undefined);
  backwardPass(operations, layers!, { images, outputs, delta }, (index, input, delta) => {
    const gradient = { layer: layers![index]!, delta, input };
    if (isPlain) {
      layers![index] = layerGradient(operations, { ...gradient, onto: layers![index] });
    } else {
      updateLayer(operations, networks, index, layerGradient(operations, gradient));
    }
  });
}

/** The optimizer's update of one layer; uses the gradient up. */
function updateLayer(
  operations: Operations,
  { optimizer, tensors, rates, members }: Networks,
  index: number,
  gradient: LayerTensors,
): void {
  const [parameters, ...slots] = tensors.map((layers) => layers[index]!);
  const update = (part: "weight" | "bias"): tf.Tensor[] => {
    const updated = operations.update(optimizer, {
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
