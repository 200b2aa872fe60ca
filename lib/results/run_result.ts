/**
 * A run: one trajectory of a study, seen at one of its stops.
 *
 * @module
 */
import { remember } from "~/lib/files/remember.ts";
import { currentName, parseMeasure } from "~/lib/measure.ts";
import type {
  Measurement,
  NetworkRecord,
  Records,
  TrajectoryRecord,
} from "~/lib/results/record.ts";
import { listTrajectories, type Study } from "~/lib/study.ts";
import {
  drivingStops,
  isPassed,
  parseStop,
  type Trajectory,
  trajectoryPath,
} from "~/lib/trainer.ts";

/** How training stood at a stop: it was reached, the study's epochs ended before, or it diverged. */
export type Outcome = "reached" | "epoch limit" | "diverged";

/** What a run says of its network; null where training diverged. */
const NETWORK = [
  ...["sha256", "trainLoss", "trainAccuracy", "testLoss", "testAccuracy", "gradientNorm"] as const,
  ...["weightNorm", "layerNorms", "distance"] as const,
];
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

/** Of one stop, in any order. */
export type Runs = readonly RunResult[];

/**
 * Where a stop lies on a trajectory, as far as its losses tell: its epoch, or that of the end where it
 * is not reached. What other studies trained beyond the end of this one is none of its concern.
 *
 * @returns Undefined where training must go on to tell, or where a stop that is only passed was
 * not, by the time that those that end training were.
 */
export function locateStop(
  { stops, maxEpochs }: Pick<Study, "stops" | "maxEpochs">,
  stop: string,
  { epochLosses, diverged }: { epochLosses: readonly number[]; diverged: boolean },
): { readonly epoch: number; readonly outcome: Outcome } | undefined {
  const [asked, all] = [parseStop(stop), stops.map(parseStop)];
  const losses = epochLosses.slice(0, maxEpochs);
  const passes = isPassed(asked, all);
  const ends = drivingStops(all).map((driving) => driving.epoch(losses) ?? losses.length);
  const epoch = asked.epoch(passes ? losses.slice(0, Math.max(0, ...ends)) : losses);
  if (epoch !== undefined) return { epoch, outcome: "reached" };
  if (passes) return undefined;
  if (epochLosses.length >= maxEpochs) return { epoch: maxEpochs, outcome: "epoch limit" };
  return diverged ? { epoch: epochLosses.length, outcome: "diverged" } : undefined;
}

/** The value of a measure of a network; undefined if it was not taken. */
export function findMeasurement(
  { measures }: Pick<NetworkRecord, "measures">,
  text: string,
): Measurement | undefined {
  const { name, parameters } = parseMeasure(text);
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
  const network = outcome === "diverged"
    ? undefined
    : content.networks.find((each) => each.epoch === epoch);
  if (network === undefined && outcome !== "diverged") return undefined;
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
export const runsAt: (study: Study, records: Records, stop?: string) => Runs = remember(
  (study, records, stop = study.stops[0]!) => {
    const texts = [...new Set([...study.measures.first, ...study.measures.others])];
    const byPath = new Map(
      records.map((record) => [trajectoryPath(record.content.trajectory), record]),
    );
    return listTrajectories(study).flatMap((trajectory) => {
      const record = byPath.get(trajectoryPath(trajectory));
      return record === undefined ? [] : runAt(study, record, stop, texts) ?? [];
    });
  },
);
