/**
 * Epochs of a stack: every batch in order, each a step.
 *
 * @module
 */
import { type Device, keepPace } from "~/lib/engine/tensorflow/device.ts";
import type { BatchLabels, ImageRows, LossRecord } from "~/lib/engine/tensorflow/operations.ts";
import type { Range, SplitTensors } from "~/lib/engine/tensorflow/split.ts";
import type { Optimizer } from "~/lib/optimizer.ts";

/** A batch that is taken at once. */
export interface Batch {
  readonly input: ImageRows;
  readonly labels: BatchLabels;
}

/** A batch that does not fit, or does not lie in one block of images. */
export interface CutBatch extends Range {
  /** Rows that are taken at once at most. */
  readonly chunk: number;
  readonly record: LossRecord;
  /** Place in the record. */
  readonly index: number;
}

/** What an epoch is made of. */
export interface EpochOptions {
  readonly members: number;
  readonly batchSize: number;
  readonly classes: number;
  readonly optimizer: Optimizer;
  /** Rows that are taken at once at most. */
  readonly chunk: number;
  /** Temporary tensors of a batch, in bytes. */
  readonly bytes: number;
  /** Enqueues a step: forward pass, backward pass, update. Called inside `tidy`. */
  trainBatch(batch: Batch): void;
  /** The same in chunks. */
  trainInChunks(batch: CutBatch): Promise<void>;
  /** Called after each step, also after one that was repeated. */
  onStep(): void;
}

/** Epochs of a stack as long as its members stay. */
export interface Epochs {
  /** @returns Each member's mean loss over the batches, each before its update. */
  train(): Promise<number[]>;
  /** Frees what was held; call before the stack's tensors are disposed of. */
  dispose(): void;
}

/** Opens epochs; where the backend can, a step is enqueued once and repeated for every batch. */
export function openEpochs(device: Device, train: SplitTensors, options: EpochOptions): Epochs {
  const { members, batchSize, classes, optimizer, chunk, bytes } = options;
  const { operations } = device;
  const labels = train.labels(classes);
  const ranges = Array.from({ length: Math.ceil(train.size / batchSize) }, (_, index) => {
    const range = { from: index * batchSize, to: Math.min((index + 1) * batchSize, train.size) };
    return { range, isCut: train.chunks(range, chunk).length > 1 };
  });
  const record = device.tidy(() => operations.openRecord(members, ranges.length));
  const steps = ranges.some(({ isCut }) => isCut)
    ? undefined
    : device.tidy(() => operations.openSteps?.(optimizer));
  const pace = keepPace(device, bytes);

  function trainAt(range: Range, index: number): void {
    const input = train.rows(range);
    if (steps === undefined) {
      options.trainBatch({ input, labels: { labels, start: range.from, record, index } });
      return;
    }
    const { cursor } = steps;
    const start = input.start - range.from;
    // The images' blocks differ in where they begin.
    steps.take(input.count, start, () =>
      options.trainBatch({
        input: { ...input, start, cursor },
        labels: { labels, start: 0, record, index: 0, cursor },
      }));
  }

  return {
    async train(): Promise<number[]> {
      device.tidy(() => steps?.rewind());
      for (const [index, { range, isCut }] of ranges.entries()) {
        if (isCut) {
          await options.trainInChunks({ ...range, chunk, record, index });
        } else {
          device.tidy(() => trainAt(range, index));
        }
        options.onStep();
        await pace();
      }
      const { losses } = await record.read();
      device.check();
      return losses.map((each) => each.reduce((sum, loss) => sum + loss, 0) / ranges.length);
    },
    dispose(): void {
      steps?.dispose();
      record.dispose();
    },
  };
}
