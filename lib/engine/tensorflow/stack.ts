/**
 * Training in tensors: E networks trained in lock-step.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Member, Stack, StackOptions } from "~/lib/engine/engine.ts";
import { type Device, keepPace } from "~/lib/engine/tensorflow/device.ts";
import { rowBytes } from "~/lib/engine/tensorflow/memory.ts";
import type {
  BatchLabels,
  ImageRows,
  LossRecord,
  Steps,
} from "~/lib/engine/tensorflow/operations.ts";
import {
  backwardPass,
  downloadLayers,
  forwardPass,
  layerGradient,
  type LayerTensors,
  mapLayer,
  readRecord,
  type SplitTensors,
  uploadLayers,
} from "~/lib/engine/tensorflow/pass.ts";
import { countParameters } from "~/lib/model.ts";
import { type Optimizer, parseOptimizer } from "~/lib/optimizer.ts";

/** E networks in training, on the device; all but the members is to be freed. */
interface Training {
  readonly device: Device;
  readonly optimizer: Optimizer;
  /** How many updates each network has seen; written. */
  readonly members: readonly (Member & { updates: number })[];
  /** The parameters and then each slot of the optimizer's state, by layer; written. */
  readonly tensors: LayerTensors[][];
  /** Learning rates, [E, 1, 1]. */
  readonly rates: tf.Tensor;
  /** Losses of an epoch's batches. */
  readonly record: LossRecord;
  /** Where the backend can enqueue a step once and repeat it for every batch. */
  readonly steps: Steps | undefined;
}

export function createTensorStack(
  device: Device,
  train: SplitTensors,
  options: StackOptions & { readonly members: readonly Member[] },
): Stack {
  const { sizes } = options;
  const { operations } = device;
  const optimizer = parseOptimizer(options.optimizer);
  const batchSize = Math.min(options.batchSize, train.size);
  const batches = Math.ceil(train.size / batchSize);
  const P = countParameters(sizes);

  /** What tensors at a place are uploaded from, shape [E] of [P]. */
  const vectorsAt = (members: readonly Member[], place: number): Float32Array[] =>
    members.map(({ parameters, state }) =>
      place === 0 ? parameters : state.subarray((place - 1) * P, place * P)
    );

  function open(
    members: Training["members"],
    upload: () => Pick<Training, "tensors" | "rates">,
  ): Training {
    const onDevice = device.tidy(() => ({
      ...upload(),
      record: operations.openRecord(members.length, batches, sizes.at(-1)!),
      steps: operations.openSteps?.(optimizer),
    }));
    return { device, optimizer, members, ...onDevice };
  }

  function free({ steps, record, tensors, rates }: Training): void {
    steps?.dispose();
    tf.dispose([record.tensors, tensors, rates]);
    device.trim();
  }

  let training = open(
    options.members.map((each) => ({ ...each, updates: each.epochs * batches })),
    () => ({
      tensors: ["parameters", ...optimizer.slots].map((_, place) =>
        uploadLayers(sizes, vectorsAt(options.members, place))
      ),
      rates: tf.tensor3d(
        options.members.map(({ learningRate }) => learningRate),
        [options.members.length, 1, 1],
      ),
    }),
  );

  return {
    async trainEpoch(): Promise<number[]> {
      const { record, members } = training;
      const pace = keepPace(device, members.length * batchSize * rowBytes(sizes));
      device.tidy(() => training.steps?.rewind());
      for (let index = 0; index < batches; index++) {
        device.tidy(() => trainAt(training, train, { index, batchSize }));
        for (const member of members) member.updates++;
        await pace();
      }
      const { losses } = await readRecord(device, record, batchSize);
      return losses.map((each) => each.reduce((sum, loss) => sum + loss, 0) / batches);
    },
    async save(): Promise<void> {
      for (const [place, layers] of training.tensors.entries()) {
        await downloadLayers(device, sizes, layers, vectorsAt(training.members, place));
      }
      device.trim();
    },
    retain(keep): void {
      const { members, tensors, rates } = training;
      const places = members.flatMap((_, place) => keep[place] ? [place] : []);
      if (places.length === members.length) return;
      const all = training;
      training = open(places.map((place) => members[place]!), () => {
        const indices = tf.tensor1d(places, "int32");
        const select = (tensor: tf.Tensor): tf.Tensor => tf.gather(tensor, indices);
        return {
          tensors: tensors.map((layers) => layers.map((layer) => mapLayer(layer, select))),
          rates: select(rates),
        };
      });
      free(all);
    },
    dispose: () => free(training),
  };
}

/** A step on the batch of an index; enqueued anew, or repeated from the cursor on. */
function trainAt(
  training: Training,
  train: SplitTensors,
  { index, batchSize }: { readonly index: number; readonly batchSize: number },
): void {
  const { steps, record } = training;
  const { labels, size } = train;
  const start = index * batchSize;
  const count = Math.min(batchSize, size - start);
  const at = steps ? { start: 0, cursor: steps.cursor, index: 0 } : { start, index };
  const step = (): void =>
    trainBatch(training, { ...train, ...at, count }, { ...at, labels, record });
  if (steps) steps.take(count, step);
  else step();
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
