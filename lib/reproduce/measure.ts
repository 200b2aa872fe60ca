/**
 * The step that evaluates and measures kept networks.
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
  parseMeasure,
} from "~/lib/measure.ts";
import { layoutLayers } from "~/lib/model.ts";
import type { Claim, Context } from "~/lib/reproduce/claim.ts";
import { measureCost } from "~/lib/reproduce/plan.ts";
import { locateStop, type Measurement, type NetworkRecord } from "~/lib/results.ts";
import { describeTrajectory, removeNetwork } from "~/lib/trainer.ts";

/** A network that is to be measured, by canonical texts of measures. */
interface Wanted {
  readonly claim: Claim;
  readonly epoch: number;
  readonly texts: readonly string[];
  readonly network: MeasuredNetwork;
}

/** Evaluates and measures what networks lack, those of all trajectories together; writes records. */
export async function measure(context: Context, claims: readonly Claim[]): Promise<void> {
  const wanted: Wanted[] = [];
  for (const claim of claims) {
    await evaluate(claim);
    const { trajectory: { optimizer, learningRate, sizes }, record } = claim;
    for (const [epoch, texts] of claim.next().measure) {
      const found = texts.length > 0 ? await claim.network(epoch) : undefined;
      const evaluated = record!.content.networks.find((each) => each.epoch === epoch);
      if (found === undefined || evaluated === undefined) continue;
      const network = { ...evaluated, ...found, sizes, optimizer, learningRate };
      wanted.push({ claim, epoch, texts, network });
    }
  }
  if (wanted.length > 0) await take(context, wanted);
  for (const claim of claims) {
    await claim.save();
    if (claim.next().kind !== "measure") await dropMeasured(claim);
  }
}

/** Takes measures of all networks together. */
async function take(context: Context, wanted: readonly Wanted[]): Promise<void> {
  const { engine, meter, signal, options: { onMessage, onProgress } } = context;
  let reported = 0;
  const start = performance.now();
  const values = await measureNetworks(
    engine,
    wanted.map(({ network }) => network),
    wanted.map(({ texts }) => texts),
    {
      ...{ seed: DIRECTION_SEED, signal },
      onProgress(done): void {
        const share = done - reported;
        reported = done;
        for (const { claim, texts } of wanted) {
          claim.worked(share * measureCost(claim.trajectory, texts));
        }
        onProgress?.(meter.report(`measures of ${wanted.length} networks`));
      },
      onNotFinite(place, { message }): void {
        const { claim: { trajectory }, epoch } = wanted[place]!;
        onMessage(`${describeTrajectory(trajectory)}, epoch ${epoch}: ${message}`);
      },
    },
  );
  const seconds = (performance.now() - start) / 1000 / wanted.length;
  for (const [index, { claim, epoch, texts }] of wanted.entries()) {
    const taken = texts.map((text, place) => measurementOf(context, text, values[index]![place]!))
      .filter(({ estimate }) => !Number.isNaN(estimate));
    const networks = claim.record!.content.networks.map((network) =>
      network.epoch === epoch
        ? { ...network, measures: sorted([...network.measures, ...taken]) }
        : network
    );
    claim.update({ networks }, { did: `measured ${texts.join(", ")}`, to: epoch, seconds });
  }
}

/** Evaluates what was not evaluated, in the order of epochs; a loss that is not finite ends it. */
async function evaluate(claim: Claim): Promise<void> {
  const epochs = [...claim.next().measure.keys()].sort((a, b) => a - b);
  for (const epoch of epochs) {
    const { epochLosses, stops, networks } = claim.record!.content;
    if (networks.some((each) => each.epoch === epoch)) continue;
    const found = await claim.network(epoch);
    if (found === undefined) continue;
    const network = await evaluateNetwork(claim, epoch, found.parameters);
    if (Number.isFinite(network.trainLoss) && Number.isFinite(network.testLoss)) {
      claim.update({ networks: [...networks, network].sort((a, b) => a.epoch - b.epoch) });
      continue;
    }
    return claim.update({
      epochLosses: epochLosses.slice(0, Math.max(0, epoch - 1)),
      diverged: true,
      stops: Object.fromEntries(Object.entries(stops).filter(([, stop]) => stop < epoch)),
      networks: networks.filter((each) => each.epoch < epoch),
    });
  }
}

async function evaluateNetwork(
  claim: Claim,
  epoch: number,
  parameters: SharedFloats,
): Promise<NetworkRecord> {
  const { context: { engine }, trajectory: { sizes } } = claim;
  const [[train], [test]] = await Promise.all([
    engine.evaluate(sizes, [parameters], { split: "train", gradient: true }),
    engine.evaluate(sizes, [parameters], { split: "test", gradient: false }),
  ]);
  const norm = (values: Float32Array, from?: Float32Array): number => {
    let squares = 0;
    for (let i = 0; i < values.length; i++) squares += (values[i]! - (from?.[i] ?? 0)) ** 2;
    return Math.sqrt(squares);
  };
  return {
    epoch,
    sha256: hashOf(parameters),
    trainLoss: train!.loss,
    trainAccuracy: train!.accuracy,
    testLoss: test!.loss,
    testAccuracy: test!.accuracy,
    gradientNorm: train!.gradientNorm,
    weightNorm: norm(parameters),
    layerNorms: layoutLayers(sizes).map(({ weight, bias, outputs }) =>
      norm(parameters.subarray(weight, bias + outputs))
    ),
    distance: norm(parameters, claim.initialWeights()),
    measures: [],
  };
}

/** SHA-256 of a network's float32 parameters. */
export function hashOf({ buffer, byteOffset, byteLength }: SharedFloats): string {
  return sha256(new Uint8Array(buffer, byteOffset, byteLength));
}

function measurementOf({ engine }: Context, text: string, value: MeasureValue): Measurement {
  const { name, unit, parameters, method } = parseMeasure(text);
  const drawn = method.kind === "evaluation" ? {} : { directionSeed: DIRECTION_SEED };
  return {
    measure: name,
    protocol: { ...parameters, ...drawn },
    unit,
    ...value,
    engine: { name: engine.info.name, library: engine.info.library },
  };
}

/** Measures in an order of their own, whenever each was taken. */
function sorted(measures: readonly Measurement[]): Measurement[] {
  const textOf = ({ measure, protocol }: Measurement): string => measure + JSON.stringify(protocol);
  const named = measures.map((each) => [textOf(each), each] as const);
  return named.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0).map(([, each]) => each);
}

/**
 * Networks at the study's `loss:` stops go once everything is measured; the others stay, and where
 * networks are wanted that of the first stop, too.
 */
async function dropMeasured({ context, trajectory, record }: Claim): Promise<void> {
  const { study, options: { networks, folders } } = context;
  const { content } = record!;
  const isLoss = (stop: string): boolean => stop.startsWith("loss:");
  const epochsOf = (stops: readonly string[]): number[] =>
    stops.flatMap((stop) => locateStop(study, stop, content)?.epoch ?? []);
  const staying = new Set([
    ...epochsOf(study.stops.filter((stop, i) => !isLoss(stop) || (networks && i === 0))),
    // Other studies' stops that are no losses.
    ...Object.entries(content.stops).flatMap(([stop, epoch]) => isLoss(stop) ? [] : epoch),
  ]);
  for (const epoch of epochsOf(study.stops.filter(isLoss))) {
    if (!staying.has(epoch)) await removeNetwork(folders.models, trajectory, epoch);
  }
}
