/**
 * The steps that evaluate and measure kept networks.
 *
 * @module
 */
import type { SharedFloats } from "~/lib/engine.ts";
import { sha256 } from "~/lib/files/files.ts";
import {
  DIRECTION_SEED,
  type MeasuredNetwork,
  measureNetworks,
  type MeasureValue,
  NotFiniteError,
  openMeasure,
} from "~/lib/measure.ts";
import { layoutLayers } from "~/lib/model.ts";
import { type Claimed, type Context, nextOf, readAgreeing, save } from "~/lib/reproduce/claim.ts";
import { provenanceOf } from "~/lib/reproduce/engine_on_data.ts";
import {
  locateStop,
  type Measurement,
  type NetworkRecord,
  type TrajectoryRecord,
} from "~/lib/results.ts";
import { describeTrajectory, removeNetwork, type Trajectory } from "~/lib/trainer.ts";

/** Evaluates the networks of epochs; a loss that is not finite ends the record before it. */
export async function evaluate(
  context: Context,
  claimed: Claimed,
  epochs: readonly number[],
): Promise<void> {
  for (const epoch of epochs) {
    const network = await readAgreeing(context, claimed, epoch);
    if (network === undefined) continue;
    const { content } = claimed.record!;
    const evaluated = await evaluateNetwork(context, claimed.trajectory, epoch, network.parameters);
    if (!Number.isFinite(evaluated.trainLoss) || !Number.isFinite(evaluated.testLoss)) {
      claimed.record = divergedIn(claimed.record!, epoch);
      return;
    }
    const networks = [...content.networks, evaluated].sort((a, b) => a.epoch - b.epoch);
    claimed.record = { ...claimed.record!, content: { ...content, networks } };
  }
}

async function evaluateNetwork(
  { engine, initialWeights }: Pick<Context, "engine" | "initialWeights">,
  trajectory: Trajectory,
  epoch: number,
  parameters: SharedFloats,
): Promise<NetworkRecord> {
  const { sizes } = trajectory;
  const [[train], [test]] = await Promise.all([
    engine.evaluate(sizes, [parameters], { split: "train", gradient: true }),
    engine.evaluate(sizes, [parameters], { split: "test", gradient: false }),
  ]);
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
    distance: norm(parameters, initialWeights(trajectory)),
    measures: [],
  };
}

function norm(values: Float32Array, from?: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i]! - (from?.[i] ?? 0)) ** 2;
  return Math.sqrt(squares);
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

/** A network that is to be measured, by canonical texts of measures. */
export interface NetworkToMeasure {
  readonly claimed: Claimed;
  readonly epoch: number;
  readonly texts: readonly string[];
}

interface NetworkInHand extends NetworkToMeasure {
  readonly measured: MeasuredNetwork;
}

/** Measures networks together and writes their trajectories' records. */
export async function measure(
  context: Context,
  asked: readonly NetworkToMeasure[],
): Promise<void> {
  const { engine, estimate } = context;
  const networks: NetworkInHand[] = [];
  for (const { claimed, epoch, texts } of asked) {
    const network = await readAgreeing(context, claimed, epoch);
    if (network === undefined) continue;
    const record = claimed.record!.content.networks.find((each) => each.epoch === epoch)!;
    const { optimizer, learningRate, sizes } = claimed.trajectory;
    const measured = { ...record, sizes, optimizer, learningRate, ...network };
    networks.push({ claimed, epoch, texts, measured });
  }
  let reported = 0;
  const start = performance.now();
  const values = await takeAll(context, networks, (done) => {
    const share = Math.max(0, done - reported);
    reported += share;
    context.worked(
      `measures of ${networks.length} networks`,
      networks.map(({ claimed: { trajectory }, texts }) => [
        trajectory,
        share * estimate.measureSeconds(trajectory, texts),
      ]),
    );
  });
  const seconds = (performance.now() - start) / 1000 / networks.length;
  for (const [index, { claimed, epoch, texts }] of networks.entries()) {
    const taken = texts.flatMap((text, place): Measurement | [] => {
      const value = values[index]![place];
      if (value === undefined) return [];
      const { name, unit, parameters, method } = openMeasure(text);
      const drawn = method.kind === "evaluation" ? {} : { directionSeed: DIRECTION_SEED };
      const { info } = engine;
      return {
        measure: name,
        protocol: { ...parameters, ...drawn },
        unit,
        ...value,
        engine: { name: info.name, library: info.library },
      };
    });
    const part = provenanceOf(engine, { did: `measured ${texts.join(", ")}`, to: epoch, seconds });
    const { content, provenance } = claimed.record!;
    const networks = withMeasures(content.networks, epoch, taken);
    claimed.record = {
      ...claimed.record!,
      content: { ...content, networks },
      provenance: [...provenance, part],
    };
  }
  for (const claimed of new Set(networks.map((each) => each.claimed))) {
    await save(context, claimed);
    await dropMeasured(context, claimed);
  }
}

/**
 * Measures networks together, or, where one of them has a loss around it that is not finite, each
 * measure by itself: what cannot be had is undefined, and said.
 */
async function takeAll(
  { engine, signal, onMessage }: Context,
  networks: readonly NetworkInHand[],
  onProgress: (done: number) => void,
): Promise<(MeasureValue | undefined)[][]> {
  const options = { seed: DIRECTION_SEED, signal, onProgress };
  const take = (
    some: readonly NetworkInHand[],
    texts: readonly (readonly string[])[],
  ): Promise<MeasureValue[][]> =>
    measureNetworks(engine, some.map(({ measured }) => measured), texts, options);
  try {
    return await take(networks, networks.map(({ texts }) => texts));
  } catch (error) {
    if (!(error instanceof NotFiniteError)) throw error;
  }
  const rows: (MeasureValue | undefined)[][] = networks.map(() => []);
  for (const [index, network] of networks.entries()) {
    for (const text of network.texts) {
      try {
        rows[index]!.push((await take([network], [[text]]))[0]![0]);
      } catch (error) {
        if (!(error instanceof NotFiniteError)) throw error;
        const { claimed: { trajectory }, epoch } = network;
        onMessage(`${describeTrajectory(trajectory)}, epoch ${epoch}: ${error.message}`);
        rows[index]!.push(undefined);
      }
    }
  }
  return rows;
}

/** Networks with measures of that of an epoch, in an order of their own. */
function withMeasures(
  networks: readonly NetworkRecord[],
  epoch: number,
  taken: readonly Measurement[],
): NetworkRecord[] {
  const textOf = ({ measure, protocol }: Measurement): string => measure + JSON.stringify(protocol);
  return networks.map((network) => {
    if (network.epoch !== epoch) return network;
    const all = [...network.measures, ...taken].map((each) => [textOf(each), each] as const);
    const sorted = all.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
    return { ...network, measures: sorted.map(([, each]) => each) };
  });
}

/**
 * Networks at the study's `loss:` stops go once everything is measured; the others stay, and where
 * networks are wanted that of the first stop, too.
 */
async function dropMeasured(context: Context, claimed: Claimed): Promise<void> {
  if (nextOf(context, claimed).kind === "measure") return;
  const { study, folders, networks } = context;
  const { content } = claimed.record!;
  const isLoss = (stop: string): boolean => stop.startsWith("loss:");
  const epochsOf = (stops: readonly string[]): number[] =>
    stops.flatMap((stop) => locateStop(study, stop, content)?.epoch ?? []);
  const staying = new Set([
    ...epochsOf(study.stops.filter((stop, i) => !isLoss(stop) || (networks && i === 0))),
    // Other studies' stops that are no losses.
    ...Object.entries(content.stops).flatMap(([stop, epoch]) => isLoss(stop) ? [] : epoch),
  ]);
  for (const epoch of epochsOf(study.stops.filter(isLoss))) {
    if (!staying.has(epoch)) await removeNetwork(folders.models, claimed.trajectory, epoch);
  }
}
