/**
 * Takes the measures that are missing, of many networks together.
 *
 * @module
 */
import {
  DIRECTION_SEED,
  type MeasuredNetwork,
  measureNetworks,
  type MeasureValue,
  NotFiniteError,
  openMeasure,
} from "~/lib/measure.ts";
import type { Context, Item } from "~/lib/reproduce/context.ts";
import { type Pending, readAgreeing } from "~/lib/reproduce/evaluate_stage.ts";
import { provenanceOf } from "~/lib/reproduce/provenance.ts";
import { missingWork } from "~/lib/reproduce/work.ts";
import { locateStop, type Measurement, type TrajectoryRecord, writeRecord } from "~/lib/results.ts";
import { describeTrajectory, removeNetwork } from "~/lib/trainer.ts";

/** Measures networks together and writes their trajectories' records. */
export async function measureStage(context: Context, pending: readonly Pending[]): Promise<void> {
  const { folders, engine, meter, onProgress } = context;
  const networks = [];
  for (const { item, epoch, texts } of pending) {
    const network = await readAgreeing(context, item, epoch);
    if (network === undefined) continue;
    const record = item.record!.content.networks.find((each) => each.epoch === epoch)!;
    const { optimizer, learningRate, sizes } = item.trajectory;
    const measured = { ...record, sizes, optimizer, learningRate, ...network };
    networks.push({ item, epoch, texts, measured });
  }
  if (networks.length === 0) return;
  const cost = networks.reduce((sum, { item, texts, epoch }) =>
    sum + context.estimate.seconds(
      item.trajectory,
      { train: false, evaluate: [], measure: new Map([[epoch, texts]]) },
      [],
    ), 0);
  let reported = 0;
  const start = performance.now();
  const values = await takeAll(context, networks, (done) => {
    meter.add(cost * Math.max(0, done - reported));
    reported = Math.max(reported, done);
    onProgress(meter.report(`measures of ${networks.length} networks`));
  });
  const seconds = (performance.now() - start) / 1000 / networks.length;
  for (const [index, { item, epoch, texts }] of networks.entries()) {
    const taken = texts.flatMap((text, place): Measurement | [] => {
      const value = values[index]![place];
      if (value === undefined) return [];
      const { name, unit, parameters, method } = openMeasure(text);
      const drawn = method.kind === "evaluation" ? {} : { directionSeed: DIRECTION_SEED };
      return {
        measure: name,
        protocol: { ...parameters, ...drawn },
        unit,
        ...value,
        engine: { name: engine.info.name, library: engine.info.library },
      };
    });
    item.record = withMeasures(item.record!, epoch, taken);
    item.record.provenance.push(
      provenanceOf(engine, { did: `measured ${texts.join(", ")}`, to: epoch, seconds }),
    );
  }
  for (const item of new Set(networks.map((each) => each.item))) {
    await writeRecord(folders.results, item.trajectory, item.record!);
    await dropMeasured(context, item);
  }
}

interface Network extends Pending {
  readonly measured: MeasuredNetwork;
}

/**
 * Measures networks together, or, where one of them has a loss around it that is not finite, each by
 * itself: what cannot be had is undefined, and said.
 */
async function takeAll(
  context: Context,
  networks: readonly Network[],
  onProgress: (done: number) => void,
): Promise<(MeasureValue | undefined)[][]> {
  const { engine, signal, onMessage } = context;
  try {
    return await measureNetworks(
      engine,
      networks.map(({ measured }) => measured),
      networks.map(({ texts }) => texts),
      { seed: DIRECTION_SEED, signal, onProgress },
    );
  } catch (error) {
    if (!(error instanceof NotFiniteError)) throw error;
    const [first] = networks as [Network];
    const parts = networks.length > 1
      ? networks
      : first.texts.map((text) => ({ ...first, texts: [text] }));
    if (networks.length === 1 && parts.length === 1) {
      const { item: { trajectory }, epoch } = first;
      onMessage(`${describeTrajectory(trajectory)}, epoch ${epoch}: ${error.message}`);
      return [[undefined]];
    }
    const rows = [];
    for (const part of parts) rows.push(...await takeAll(context, [part], onProgress));
    return networks.length > 1 ? rows : [rows.flat()];
  }
}

/** The record with measures of the network of an epoch. */
function withMeasures(
  record: TrajectoryRecord,
  epoch: number,
  taken: readonly Measurement[],
): TrajectoryRecord {
  const { content } = record;
  return {
    ...record,
    content: {
      ...content,
      networks: content.networks.map((network) =>
        network.epoch === epoch
          ? { ...network, measures: [...network.measures, ...taken].sort(byName) }
          : network
      ),
    },
    provenance: [...record.provenance],
  };
}

const textOf = ({ measure, protocol }: Measurement): string => measure + JSON.stringify(protocol);

/** So that the order in which measures are taken changes no byte. */
function byName(a: Measurement, b: Measurement): number {
  const [x, y] = [textOf(a), textOf(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

/**
 * Networks at the study's `loss:` stops go once everything is measured; the others stay, and where
 * networks are wanted that of the first stop, too.
 */
async function dropMeasured({ study, folders, networks }: Context, item: Item): Promise<void> {
  const { content } = item.record!;
  const { measure } = missingWork(study, item.trajectory, item.record);
  const epochsOf = (stops: readonly string[]): number[] =>
    stops.flatMap((stop) => locateStop(study, stop, content)?.epoch ?? []);
  const isLoss = (stop: string): boolean => stop.startsWith("loss:");
  const kept = new Set([
    ...epochsOf(study.stops.filter((stop, i) => !isLoss(stop) || (networks && i === 0))),
    // Other studies' stops that are no losses.
    ...Object.entries(content.stops).filter(([stop]) => !isLoss(stop)).map(([, epoch]) => epoch),
  ]);
  for (const epoch of epochsOf(study.stops.filter(isLoss))) {
    if (!kept.has(epoch) && !measure.has(epoch)) {
      await removeNetwork(folders.models, item.trajectory, epoch);
    }
  }
}
