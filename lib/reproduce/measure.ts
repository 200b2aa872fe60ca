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
  parseMeasure,
} from "~/lib/measure.ts";
import { layoutLayers } from "~/lib/model.ts";
import {
  type Claimed,
  type Context,
  initialWeights,
  nextOf,
  readAgreeing,
  save,
  update,
} from "~/lib/reproduce/claim.ts";
import { provenanceOf } from "~/lib/reproduce/engine_on_data.ts";
import { locateStop, type Measurement, type NetworkRecord } from "~/lib/results.ts";
import { describeTrajectory, removeNetwork, type Trajectory } from "~/lib/trainer.ts";

/** A network that is to be measured, by canonical texts of measures. */
export interface NetworkToMeasure {
  readonly claimed: Claimed;
  readonly epoch: number;
  readonly texts: readonly string[];
}

/**
 * Evaluates what was not evaluated and writes the record, which a loss that is not finite ends.
 *
 * @returns What is to be measured.
 */
export async function evaluate(context: Context, claimed: Claimed): Promise<NetworkToMeasure[]> {
  const step = nextOf(context, claimed);
  const epochs = step.kind === "evaluate" ? [...step.evaluate].sort((a, b) => a - b) : [];
  for (const epoch of epochs) {
    const found = await readAgreeing(context.options, claimed, epoch);
    if (found === undefined) continue;
    const { epochLosses, stops, networks } = claimed.record!.content;
    const network = await evaluateNetwork(context, claimed.trajectory, epoch, found.parameters);
    const isFinite = Number.isFinite(network.trainLoss) && Number.isFinite(network.testLoss);
    update(
      claimed,
      isFinite ? { networks: [...networks, network].sort((a, b) => a.epoch - b.epoch) } : {
        epochLosses: epochLosses.slice(0, Math.max(0, epoch - 1)),
        diverged: true,
        stops: Object.fromEntries(Object.entries(stops).filter(([, stop]) => stop < epoch)),
        networks: networks.filter((each) => each.epoch < epoch),
      },
    );
    if (!isFinite) break;
  }
  const { kind, measure } = nextOf(context, claimed);
  // What is computed afresh takes its predecessor's place when it has its measures too.
  if (!context.options.fresh || kind !== "measure") await save(context, claimed);
  return kind === "measure"
    ? [...measure].map(([epoch, texts]) => ({ claimed, epoch, texts }))
    : [];
}

async function evaluateNetwork(
  context: Context,
  trajectory: Trajectory,
  epoch: number,
  parameters: SharedFloats,
): Promise<NetworkRecord> {
  const { sizes } = trajectory;
  const [[train], [test]] = await Promise.all([
    context.engine.evaluate(sizes, [parameters], { split: "train", gradient: true }),
    context.engine.evaluate(sizes, [parameters], { split: "test", gradient: false }),
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
    distance: norm(parameters, initialWeights(context, trajectory)),
    measures: [],
  };
}

/** SHA-256 of a network's float32 parameters. */
export function hashOf({ buffer, byteOffset, byteLength }: SharedFloats): string {
  return sha256(new Uint8Array(buffer, byteOffset, byteLength));
}

/** Measures networks together and writes their trajectories' records. */
export async function measure(context: Context, asked: readonly NetworkToMeasure[]): Promise<void> {
  const { engine, estimate, signal, options: { onMessage } } = context;
  const networks: (NetworkToMeasure & { readonly measured: MeasuredNetwork })[] = [];
  for (const each of asked) {
    const { trajectory: { optimizer, learningRate, sizes }, record } = each.claimed;
    const network = await readAgreeing(context.options, each.claimed, each.epoch);
    if (network === undefined) continue;
    const evaluated = record!.content.networks.find(({ epoch }) => epoch === each.epoch)!;
    const measured = { ...evaluated, ...network, sizes, optimizer, learningRate };
    networks.push({ ...each, measured });
  }
  let reported = 0;
  const start = performance.now();
  const values = await measureNetworks(
    engine,
    networks.map(({ measured }) => measured),
    networks.map(({ texts }) => texts),
    {
      ...{ seed: DIRECTION_SEED, signal },
      onProgress(done): void {
        const share = done - reported;
        reported = done;
        context.worked(
          `measures of ${networks.length} networks`,
          networks.map(({ claimed: { trajectory }, texts }) => [
            trajectory,
            share * estimate.measureSeconds(trajectory, texts),
          ]),
        );
      },
      onNotFinite(place, { message }): void {
        const { claimed: { trajectory }, epoch } = networks[place]!;
        onMessage(`${describeTrajectory(trajectory)}, epoch ${epoch}: ${message}`);
      },
    },
  );
  const seconds = (performance.now() - start) / 1000 / networks.length;
  for (const [index, { claimed, epoch, texts }] of networks.entries()) {
    const taken = texts.map((text, place) => measurementOf(context, text, values[index]![place]!))
      .filter(({ estimate }) => !Number.isNaN(estimate));
    const all = claimed.record!.content.networks.map((network) =>
      network.epoch === epoch
        ? { ...network, measures: sorted([...network.measures, ...taken]) }
        : network
    );
    const did = `measured ${texts.join(", ")}`;
    update(claimed, { networks: all }, [provenanceOf(engine, { did, to: epoch, seconds })]);
  }
  for (const claimed of new Set(networks.map((each) => each.claimed))) {
    await save(context, claimed);
    if (nextOf(context, claimed).kind !== "measure") await dropMeasured(context, claimed);
  }
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
async function dropMeasured({ study, options }: Context, claimed: Claimed): Promise<void> {
  const { content } = claimed.record!;
  const isLoss = (stop: string): boolean => stop.startsWith("loss:");
  const epochsOf = (stops: readonly string[]): number[] =>
    stops.flatMap((stop) => locateStop(study, stop, content)?.epoch ?? []);
  const staying = new Set([
    ...epochsOf(study.stops.filter((stop, i) => !isLoss(stop) || (options.networks && i === 0))),
    // Other studies' stops that are no losses.
    ...Object.entries(content.stops).flatMap(([stop, epoch]) => isLoss(stop) ? [] : epoch),
  ]);
  for (const epoch of epochsOf(study.stops.filter(isLoss))) {
    if (staying.has(epoch)) continue;
    await removeNetwork(options.folders.models, claimed.trajectory, epoch);
  }
}
