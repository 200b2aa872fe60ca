/**
 * Evaluates the networks at a trajectory's stops, and takes the measures that are missing, of many
 * networks together.
 *
 * @module
 */
import type { SharedFloats } from "~/lib/engine.ts";
import { sha256 } from "~/lib/files/files.ts";
import { DIRECTION_SEED, measureNetworks, openMeasure } from "~/lib/measure.ts";
import { layoutLayers } from "~/lib/model.ts";
import type { Context } from "~/lib/reproduce/context.ts";
import { provenanceOf } from "~/lib/reproduce/provenance.ts";
import type { Item } from "~/lib/reproduce/train_stage.ts";
import { missingWork } from "~/lib/reproduce/work.ts";
import {
  type Measurement,
  type NetworkRecord,
  type TrajectoryRecord,
  writeRecord,
} from "~/lib/results.ts";
import { openStop, readNetwork, removeNetwork, type Trajectory } from "~/lib/trainer.ts";

/** A network whose measures are missing. */
export interface Pending {
  readonly item: Item;
  readonly epoch: number;
  readonly texts: readonly string[];
}

/**
 * Evaluates what was not evaluated and writes the record.
 *
 * @returns The networks that are to be measured.
 */
export async function evaluateStage(context: Context, item: Item): Promise<Pending[]> {
  const { study, folders } = context;
  const { trajectory } = item;
  const { evaluate } = missingWork(study, trajectory, item.record);
  for (const epoch of evaluate) {
    const network = await readAgreeing(context, item, epoch);
    if (network === undefined) continue;
    const evaluated = await evaluateNetwork(context, trajectory, { epoch, ...network });
    const { content } = item.record!;
    const networks = [...content.networks, evaluated].sort((a, b) => a.epoch - b.epoch);
    item.record = { ...item.record!, content: { ...content, networks } };
  }
  if (item.record !== undefined) await writeRecord(folders.results, trajectory, item.record);
  const { measure } = missingWork(study, trajectory, item.record);
  context.meter.add(evaluate.length * context.estimate.epochSeconds(trajectory) / 2);
  return [...measure].map(([epoch, texts]) => ({ item, epoch, texts }))
    .filter(({ epoch }) => item.record?.content.networks.some((each) => each.epoch === epoch));
}

/** Measures networks together and writes their trajectories' records. */
export async function measureStage(context: Context, pending: readonly Pending[]): Promise<void> {
  const { folders, engine, meter, onProgress, signal } = context;
  const networks = [];
  for (const { item, epoch, texts } of pending) {
    const network = await readAgreeing(context, item, epoch);
    if (network === undefined) continue;
    const record = item.record!.content.networks.find((each) => each.epoch === epoch)!;
    const { optimizer, learningRate, sizes } = item.trajectory;
    const measured = { ...record, sizes, optimizer, learningRate, ...network };
    // State that was not kept makes some measures unavailable; they stay missing.
    const available = texts.filter((text) => openMeasure(text).unavailable(measured) === undefined);
    if (available.length > 0) networks.push({ item, epoch, texts: available, measured });
  }
  if (networks.length === 0) return;
  const cost = networks.reduce((sum, { item, texts, epoch }) =>
    sum + context.estimate.seconds(
      item.trajectory,
      { train: false, evaluate: [], measure: new Map([[epoch, texts]]) },
      0,
    ), 0);
  let reported = 0;
  const start = performance.now();
  const values = await measureNetworks(
    engine,
    networks.map(({ measured }) => measured),
    networks.map(({ texts }) => texts),
    {
      seed: DIRECTION_SEED,
      signal,
      onProgress(done): void {
        meter.add(cost * (done - reported));
        reported = done;
        onProgress(meter.report(`measures of ${networks.length} networks`));
      },
    },
  );
  const seconds = (performance.now() - start) / 1000 / networks.length;
  for (const [index, { item, epoch, texts }] of networks.entries()) {
    const taken = texts.map((text, place): Measurement => {
      const { name, unit, parameters, method } = openMeasure(text);
      const drawn = method.kind === "evaluation" ? {} : { directionSeed: DIRECTION_SEED };
      return {
        measure: name,
        protocol: { ...parameters, ...drawn },
        unit,
        ...values[index]![place]!,
        engine: { ...engine.info },
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

/** Networks at `loss:` stops go once everything is measured; the others stay. */
async function dropMeasured({ study, folders }: Context, item: Item): Promise<void> {
  const { content } = item.record!;
  const work = missingWork(study, item.trajectory, item.record);
  const driving = new Set(
    Object.entries(content.stops).filter(([stop]) => openStop(stop).drives).map(([, at]) => at),
  );
  for (const [stop, epoch] of Object.entries(content.stops)) {
    if (openStop(stop).drives || driving.has(epoch) || work.measure.has(epoch)) continue;
    await removeNetwork(folders.models, item.trajectory, epoch);
  }
}

/** A kept network, with the optimizer's state where the newest one is of the same epoch. */
async function readAgreeing(
  { folders, onMessage }: Context,
  { trajectory, record }: Item,
  epoch: number,
): Promise<{ parameters: SharedFloats; state?: Float32Array } | undefined> {
  const losses = record?.content.epochLosses ?? [];
  const network = await readNetwork(folders.models, trajectory, epoch, onMessage);
  if (network === undefined) return undefined;
  if (!network.epochLosses.every((loss, index) => loss === losses[index])) return undefined;
  const latest = await readNetwork(folders.models, trajectory, "latest", onMessage);
  const hasState = latest?.epochLosses.length === epoch && latest.state.length > 0;
  return { parameters: network.parameters, ...(hasState ? { state: latest.state } : {}) };
}

/** Evaluates a network on both splits. */
export async function evaluateNetwork(
  { engine, initialWeights }: Pick<Context, "engine" | "initialWeights">,
  trajectory: Trajectory,
  { epoch, parameters }: { epoch: number; parameters: SharedFloats },
): Promise<NetworkRecord> {
  const { sizes } = trajectory;
  const [[train], [test]] = await Promise.all([
    engine.evaluate(sizes, [parameters], { split: "train", gradient: true }),
    engine.evaluate(sizes, [parameters], { split: "test", gradient: false }),
  ]);
  const initial = initialWeights(trajectory);
  const bytes = new Uint8Array(parameters.buffer, parameters.byteOffset, parameters.byteLength);
  return {
    epoch,
    sha256: sha256(bytes),
    trainLoss: train!.loss,
    trainAccuracy: train!.accuracy,
    testLoss: test!.loss,
    testAccuracy: test!.accuracy,
    gradientNorm: train!.gradientNorm,
    weightNorm: norm(parameters),
    layerNorms: layoutLayers(sizes).map(({ weight, bias, outputs }) =>
      norm(parameters.subarray(weight, bias + outputs))
    ),
    distance: norm(parameters, initial),
    measures: [],
  };
}

function norm(values: Float32Array, from?: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i]! - (from?.[i] ?? 0)) ** 2;
  return Math.sqrt(squares);
}
