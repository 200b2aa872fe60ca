/**
 * Samples the sharpness of trained models, group by group, and writes their results.
 *
 * @module
 */
import { type Claim, claim, type Context, releasedOnFailure } from "~/lib/reproduce/context.ts";
import type { Lock } from "~/lib/files/lock.ts";
import { sharpnessCost } from "~/lib/reproduce/cost.ts";
import {
  type ModelRecord,
  readModel,
  readResult,
  readSeconds,
  writeResult,
} from "~/lib/results.ts";
import type { RunConfig } from "~/lib/study.ts";
import { sampleSharpness } from "~/lib/measure.ts";
import type { ModelFile } from "~/lib/model.ts";

/**
 * Models that share their directions' first-layer products and whose results are written together:
 * enough to share, few enough that an interruption costs minutes.
 */
const GROUP = 18;

interface Trained extends Claim {
  readonly model: ModelFile;
  readonly record: ModelRecord;
}

/** Measures what is trained and free. @returns How many runs were measured. */
export async function measureRuns(
  context: Context,
  configs: readonly RunConfig[],
): Promise<number> {
  const queue = [...configs];
  let measured = 0;
  while (queue.length > 0) {
    context.signal.throwIfAborted();
    const group = await takeGroup(context, queue);
    try {
      if (group.length > 0) await measureGroup(context, group);
      measured += group.length;
    } finally {
      for (const { lock } of group) lock.release();
    }
  }
  return measured;
}

function takeGroup(context: Context, queue: RunConfig[]): Promise<Trained[]> {
  const { onMessage } = context;
  const held = new Set<Lock>();
  return releasedOnFailure(held, async () => {
    const group: Trained[] = [];
    while (queue.length > 0 && group.length < GROUP) {
      const claimed = await claim(context, queue.shift()!);
      if (claimed === undefined) continue;
      held.add(claimed.lock);
      const trained = await readResult(claimed.files, onMessage) === undefined
        ? await readModel(claimed.files, onMessage)
        : undefined;
      if (trained !== undefined) group.push({ ...claimed, ...trained });
      else {
        held.delete(claimed.lock);
        claimed.lock.release();
      }
    }
    return group;
  });
}

async function measureGroup(context: Context, group: readonly Trained[]): Promise<void> {
  const { engine, study, meter, onProgress, signal } = context;
  const cost = group.length * sharpnessCost(study);
  const start = performance.now();
  let reported = 0;
  const measured = await sampleSharpness(engine, {
    ...study.sharpness,
    sizes: study.training.sizes,
    models: group.map(({ model }) => model.parameters),
  }, {
    signal,
    onProgress(done, total): void {
      meter.add(cost * (done / total - reported));
      reported = done / total;
      onProgress(meter.report(`sharpness of ${group.length} models: loss ${done} of ${total}`));
    },
  });
  meter.add(cost * (1 - reported));
  const sharpnessSeconds = (performance.now() - start) / 1000 / group.length;
  for (const [index, { files, config, record }] of group.entries()) {
    await writeResult(files, {
      run: {
        config,
        protocol: { ...record.protocol, ...study.sharpness },
        data: record.data,
        engines: { training: record.engines, sharpness: engine.info },
        training: record.training,
        sharpness: measured[index]!,
      },
      timing: {
        trainSeconds: await readSeconds(files),
        sharpnessSeconds,
        threads: engine.concurrency,
        finished: new Date().toISOString(),
      },
    });
  }
}
