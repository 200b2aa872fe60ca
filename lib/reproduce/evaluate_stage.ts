/**
 * Evaluates the networks at a trajectory's stops.
 *
 * @module
 */
import type { SharedFloats } from "~/lib/engine.ts";
import { sha256 } from "~/lib/files/files.ts";
import { layoutLayers } from "~/lib/model.ts";
import type { Context, Item } from "~/lib/reproduce/context.ts";
import { missingWork } from "~/lib/reproduce/work.ts";
import {
  locateStop,
  type NetworkRecord,
  type TrajectoryRecord,
  writeRecord,
} from "~/lib/results.ts";
import type { Study } from "~/lib/study.ts";
import { type KeptNetwork, readNetwork, type Trajectory } from "~/lib/trainer.ts";

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
  const { study, folders, fresh } = context;
  const { trajectory } = item;
  const { evaluate } = missingWork(study, trajectory, item.record);
  for (const epoch of [...evaluate].sort((a, b) => a - b)) {
    const network = await readAgreeing(context, item, epoch);
    if (network === undefined) continue;
    const evaluated = await evaluateNetwork(context, trajectory, { epoch, ...network });
    if (!Number.isFinite(evaluated.trainLoss) || !Number.isFinite(evaluated.testLoss)) {
      item.record = divergedIn(item.record!, epoch);
      break;
    }
    const { content } = item.record!;
    const networks = [...content.networks, evaluated].sort((a, b) => a.epoch - b.epoch);
    item.record = { ...item.record!, content: { ...content, networks } };
  }
  context.meter.add(evaluate.length * context.estimate.evaluationSeconds(trajectory));
  if (item.record === undefined) return [];
  item.record = withStops(study, item.record);
  const { networks } = item.record.content;
  const { measure } = missingWork(study, trajectory, item.record);
  const pending = [...measure].map(([epoch, texts]) => ({ item, epoch, texts }))
    .filter(({ epoch }) => networks.some((each) => each.epoch === epoch));
  // What is computed afresh takes its predecessor's place when it has its measures too.
  if (!fresh || pending.length === 0) await writeRecord(folders.results, trajectory, item.record);
  return pending;
}

/** The record of a trajectory that ends with an epoch whose network's loss is not finite. */
function divergedIn(record: TrajectoryRecord, end: number): TrajectoryRecord {
  const { content } = record;
  const stops = Object.entries(content.stops).filter(([, epoch]) => epoch < end);
  return {
    ...record,
    content: {
      ...content,
      epochLosses: content.epochLosses.slice(0, Math.max(0, end - 1)),
      diverged: true,
      stops: Object.fromEntries(stops),
      networks: content.networks.filter(({ epoch }) => epoch < end),
    },
  };
}

/** The record with the epochs of all stops that were passed. */
function withStops(study: Study, record: TrajectoryRecord): TrajectoryRecord {
  const { content } = record;
  const found = study.stops.flatMap((stop) => {
    const state = locateStop(study, stop, content);
    return state?.outcome === "reached" ? [[stop, state.epoch] as const] : [];
  });
  const stops = { ...content.stops, ...Object.fromEntries(found) };
  const sorted = Object.fromEntries(Object.entries(stops).sort());
  return { ...record, content: { ...content, stops: sorted } };
}

/** A kept network that lies on the recorded trajectory, with the optimizer's state where it is kept. */
export async function readAgreeing(
  { folders, onMessage }: Pick<Context, "folders" | "onMessage">,
  { trajectory, record }: Pick<Item, "trajectory" | "record">,
  epoch: number,
): Promise<{ parameters: SharedFloats; state?: Float32Array } | undefined> {
  const losses = record?.content.epochLosses ?? [];
  const agrees = (network: KeptNetwork | undefined): network is KeptNetwork =>
    network?.epochLosses.length === epoch &&
    network.epochLosses.every((loss, index) => loss === losses[index]);
  const network = await readNetwork(folders.models, trajectory, epoch, onMessage);
  if (!agrees(network)) return undefined;
  const { parameters } = network;
  if (network.state.length > 0) return { parameters, state: network.state };
  const latest = await readNetwork(folders.models, trajectory, "latest", onMessage);
  const hasState = agrees(latest) && latest.state.length > 0;
  return { parameters, ...(hasState ? { state: latest.state } : {}) };
}

/** Evaluates a network on both splits. */
async function evaluateNetwork(
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
