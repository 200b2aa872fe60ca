/**
 * A run: one trajectory of a study, seen at one of its stops.
 *
 * @module
 */
import { currentName, openMeasure } from "~/lib/measure.ts";
import type { Measurement, NetworkRecord, TrajectoryRecord } from "~/lib/results/record.ts";
import { listTrajectories, type Study } from "~/lib/study.ts";
import {
  drivingStops,
  isPassed,
  openStop,
  type Trajectory,
  trajectoryPath,
} from "~/lib/trainer.ts";

/** How training stood at a stop: it was reached, the study's epochs ended before, or it diverged. */
export type Outcome = "reached" | "epoch limit" | "diverged";

/** What a run says of its network; null where training diverged. */
const NETWORK = [
  "sha256",
  "trainLoss",
  "trainAccuracy",
  "testLoss",
  "testAccuracy",
  "gradientNorm",
  "weightNorm",
  "layerNorms",
  "distance",
] as const;
type OfNetwork = { readonly [K in typeof NETWORK[number]]: NetworkRecord[K] | null };

/** A trajectory at a stop. */
export interface RunResult {
  readonly config: Trajectory;
  /** Canonical text of the stop. */
  readonly stop: string;
  readonly training: OfNetwork & {
    /** Mean batch loss of every epoch up to the stop, in nats. */
    readonly epochLosses: readonly number[];
    readonly epochs: number;
    readonly stopped: Outcome;
    /** Wall time of the whole trajectory's training so far, in seconds. */
    readonly seconds: number;
  };
  /** Values by the measure's canonical text; empty where training diverged. */
  readonly measures: Readonly<Record<string, Measurement>>;
}

/** Where a trajectory stands with respect to a stop. */
export interface StopState {
  /** Epoch of the stop, or of the end where it is not reached. */
  readonly epoch: number;
  readonly outcome: Outcome;
}

/**
 * Where a stop lies on a trajectory, as far as its losses tell.
 *
 * @returns Undefined where training must go on to tell, or where a stop that is only passed was
 * not, by the time that those that end training were.
 */
export function locateStop(
  study: Pick<Study, "stops" | "maxEpochs">,
  stop: string,
  { epochLosses, diverged }: { epochLosses: readonly number[]; diverged: boolean },
): StopState | undefined {
  const { maxEpochs, stops } = study;
  const asked = openStop(stop);
  const losses = epochLosses.slice(0, maxEpochs);
  const passes = isPassed(asked, stops.map(openStop));
  const epoch = asked.epoch(passes ? losses.slice(0, endOf(study, epochLosses)) : losses);
  if (epoch !== undefined) return { epoch, outcome: "reached" };
  if (passes) return undefined;
  if (epochLosses.length >= maxEpochs) return { epoch: maxEpochs, outcome: "epoch limit" };
  return diverged ? { epoch: epochLosses.length, outcome: "diverged" } : undefined;
}

/**
 * Where a study ends a trajectory, as far as its losses tell: what other studies trained beyond is
 * none of its concern.
 *
 * @returns An epoch, at most the number of losses.
 */
export function endOf(
  { stops, maxEpochs }: Pick<Study, "stops" | "maxEpochs">,
  epochLosses: readonly number[],
): number {
  const losses = epochLosses.slice(0, maxEpochs);
  const ends = drivingStops(stops.map(openStop)).map((stop) => stop.epoch(losses));
  return Math.max(0, ...ends.map((epoch) => epoch ?? losses.length));
}

/** The value of a measure of a network; undefined if it was not taken. */
export function findMeasurement(
  { measures }: Pick<NetworkRecord, "measures">,
  text: string,
): Measurement | undefined {
  const { name, parameters } = openMeasure(text);
  return measures.find(({ measure, protocol }) =>
    currentName(measure) === name &&
    Object.entries(parameters).every(([key, value]) => protocol[key] === value)
  );
}

/**
 * A trajectory at a stop; undefined where it is not there yet, or its network was not evaluated.
 *
 * @param texts The measures that are of interest, canonical texts.
 */
export function runAt(
  study: Study,
  { content, provenance }: TrajectoryRecord,
  stop: string,
  texts: readonly string[],
): RunResult | undefined {
  const state = locateStop(study, stop, content);
  if (state === undefined) return undefined;
  const { epoch, outcome } = state;
  const found = content.networks.find((network) => network.epoch === epoch);
  if (found === undefined && outcome !== "diverged") return undefined;
  const network = outcome === "diverged" ? undefined : found;
  const values = texts.flatMap((text) => {
    const value = network && findMeasurement(network, text);
    return value === undefined ? [] : [[text, value] as const];
  });
  return {
    config: content.trajectory,
    stop,
    training: {
      epochLosses: content.epochLosses.slice(0, epoch),
      epochs: epoch,
      stopped: outcome,
      ...Object.fromEntries(NETWORK.map((key) => [key, network?.[key] ?? null])) as OfNetwork,
      seconds: provenance.filter(({ did }) => did === "trained")
        .reduce((sum, { seconds }) => sum + seconds, 0),
    },
    measures: Object.fromEntries(values),
  };
}

/**
 * A study's runs at one of its stops, in its trajectories' order; those without a result are left
 * out.
 *
 * @param stop Default: the study's first.
 */
export function runsAt(
  study: Study,
  records: readonly TrajectoryRecord[],
  stop: string = study.stops[0]!,
): RunResult[] {
  const { first, others } = study.measures;
  const texts = [...new Set([...first, ...others])];
  const byPath = new Map(
    records.map((record) => [trajectoryPath(record.content.trajectory), record]),
  );
  return listTrajectories(study).flatMap((trajectory) => {
    const record = byPath.get(trajectoryPath(trajectory));
    return record === undefined ? [] : runAt(study, record, stop, texts) ?? [];
  });
}
