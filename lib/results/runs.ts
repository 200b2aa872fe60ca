/**
 * Runs, one trajectory of a study seen at one of its stops, and what the runs of a cell say together.
 *
 * @module
 */
import { remember } from "~/lib/files/remember.ts";
import { currentName, isLowerBound, parseMeasure } from "~/lib/measure.ts";
import type {
  Measurement,
  NetworkRecord,
  Records,
  TrajectoryRecord,
} from "~/lib/results/record.ts";
import { type Interval, type MeanInterval, meanInterval } from "~/lib/statistics.ts";
import {
  byCell,
  type Cell,
  listCells,
  listTrajectories,
  mainMeasure,
  type Study,
} from "~/lib/study.ts";
import {
  drivingStops,
  isPassed,
  parseStop,
  type Trajectory,
  trajectoryPath,
} from "~/lib/trainer.ts";

/** How training stood at a stop: it was reached, the study's epochs ended before, or it diverged. */
export type Outcome = "reached" | "epoch limit" | "diverged";

/** A run: a trajectory of a study at a stop. */
export interface RunResult {
  readonly config: Trajectory;
  /** Canonical text of the stop. */
  readonly stop: string;
  readonly training: {
    /** Mean batch loss of every epoch up to the stop, in nats. */
    readonly epochLosses: readonly number[];
    readonly epochs: number;
    readonly stopped: Outcome;
    /** Wall time of the whole trajectory's training so far, in seconds. */
    readonly seconds: number;
  };
  /** The network at the stop; undefined where training diverged. */
  readonly network: NetworkRecord | undefined;
  /** Values by the measure's canonical text; empty where training diverged. */
  readonly measures: Readonly<Record<string, Measurement>>;
  /** The same of eigenvalues whose residual is too large for a value. */
  readonly lowerBounds: Readonly<Record<string, Measurement>>;
}

/** Runs at one stop, in any order. */
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

/**
 * The value of a measure of a network; undefined if it was not taken. One to a smaller tolerance within
 * as many iterations or more is a value, too, and the one of the smallest residual is taken.
 */
export function findMeasurement(
  { measures }: Pick<NetworkRecord, "measures">,
  text: string,
): Measurement | undefined {
  const { name, parameters } = parseMeasure(text);
  const isEnough = (key: string, asked: unknown, had: unknown): boolean =>
    key === "tolerance"
      ? Number(had) <= Number(asked)
      : key === "iterations"
      ? Number(had) >= Number(asked)
      : had === asked;
  return measures.filter(({ measure, protocol }) =>
    currentName(measure) === name &&
    Object.entries(parameters).every(([key, value]) => isEnough(key, value, protocol[key]))
  ).sort((a, b) => Number(a.residual ?? 0) - Number(b.residual ?? 0))[0];
}

/**
 * A trajectory at a stop, with all measures that the study asks for at any of its stops; undefined where
 * it is not there yet, or its network was not evaluated.
 */
export function runAt(
  study: Study,
  { content, provenance }: TrajectoryRecord,
  stop: string,
): RunResult | undefined {
  const state = locateStop(study, stop, content);
  if (state === undefined) return undefined;
  const { epoch, outcome } = state;
  const network = outcome === "diverged"
    ? undefined
    : content.networks.find((each) => each.epoch === epoch);
  if (network === undefined && outcome !== "diverged") return undefined;
  const taken = [...study.measures.first, ...study.measures.others].flatMap((text) => {
    const value = network && findMeasurement(network, text);
    return value === undefined ? [] : [[text, value] as const];
  });
  const { measures = [], lowerBounds = [] } = Object.groupBy(
    taken,
    ([, value]) => isLowerBound(value) ? "lowerBounds" : "measures",
  );
  return {
    config: content.trajectory,
    stop,
    training: {
      epochLosses: content.epochLosses.slice(0, epoch),
      epochs: epoch,
      stopped: outcome,
      seconds: provenance.filter(({ did }) => did === "trained")
        .reduce((sum, { seconds }) => sum + seconds, 0),
    },
    network,
    measures: Object.fromEntries(measures),
    lowerBounds: Object.fromEntries(lowerBounds),
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
    const byPath = new Map(
      records.map((record) => [trajectoryPath(record.content.trajectory), record]),
    );
    return listTrajectories(study)
      .flatMap((trajectory) => byPath.get(trajectoryPath(trajectory)) ?? [])
      .flatMap((record) => runAt(study, record, stop) ?? []);
  },
);

/** A measure over the seeds of a cell, in its unit: n = seeds. */
export interface ValueSummary extends Pick<MeanInterval, "mean" | "interval"> {
  /**
   * The original's: 95 % t interval over seeds x directions as if independent, too narrow where
   * networks differ by more than directions do; null for a measure that keeps no samples.
   */
  readonly pooledInterval: Interval | null;
}

/**
 * A cell's runs together. Means are over seeds, of full-split losses in nats and accuracies as
 * fractions; diverged runs are in `seeds` and `diverged` and in no mean. A mean over no run is null,
 * and so is an interval of one value.
 */
export interface CellSummary extends Cell {
  /** Canonical text of the measure that `value` holds. */
  readonly measure: string;
  /** By ascending seed, as all that follows. */
  readonly runs: readonly RunResult[];
  /** Every seed of the grid that has a result. */
  readonly seeds: readonly number[];
  /** The measure's estimate, in its unit: for "sharpness" the rise in training loss in nats. */
  readonly value: ValueSummary | null;
  /** The same of each seed that has one: those whose training did not diverge and that were measured. */
  readonly bySeed: ReadonlyMap<number, number>;
  /** Of eigenvalues, in their unit; of no seed where the measure has none. */
  readonly residuals: ReadonlyMap<number, number>;
  /** Eigenvalues of seeds whose residual is too large for a value. */
  readonly lowerBounds: ReadonlyMap<number, number>;
  /** Seeds that the epoch limit stopped. */
  readonly unconverged: readonly number[];
  /** Seeds whose training diverged. */
  readonly diverged: readonly number[];
  readonly trainLoss: number | null;
  readonly testAccuracy: number | null;
  readonly epochs: number | null;
}

/**
 * Summarises every cell of a study's grid, in the order of `listCells`.
 *
 * @param results Runs at one stop, one a trajectory, in any order; those that are not in the grid are
 * passed over, and a cell without results has an empty `seeds`.
 * @param measure What is summarised; default: the study's first measure.
 */
export function summariseCells(
  study: Study,
  results: Runs,
  measure: string = mainMeasure(study),
): CellSummary[] {
  const runsOf = byCell(study, results, ({ config }) => config);
  return listCells(study).map((cell) => {
    const runs = runsOf(cell).sort((a, b) => a.config.seed - b.config.seed);
    return summariseCell(cell, runs, measure);
  });
}

/** Whether all of its seeds diverged. */
export function isLost({ seeds, diverged }: CellSummary): boolean {
  return seeds.length > 0 && seeds.length === diverged.length;
}

/** The cells without those that another effect has, too. */
export function distinctCells<C extends Cell>(cells: readonly C[]): C[] {
  const keyed = cells.map((cell) => (
    [`${cell.optimizer} ${cell.learningRate} ${cell.batchSize}`, cell] as const
  ));
  return [...new Map(keyed).values()];
}

/** What `reproduce --json` prints of the cells that have results at a stop: sharpness, where it was taken. */
export function reportCells(study: Study, runs: Runs, stop: string): unknown[] {
  const measure = study.measures.first.find((text) => parseMeasure(text).name === "sharpness");
  const summaries = summariseCells(study, runs, measure ?? "sharpness");
  return summaries.filter(({ seeds }) => seeds.length > 0).map((cell) => {
    const { effect, optimizer, learningRate, batchSize, seeds, value: sharpness } = cell;
    const { trainLoss, testAccuracy, epochs, diverged } = cell;
    // A number of epochs is no criterion.
    const converged = parseStop(stop).isCriterion &&
      cell.runs.every(({ training }) => training.stopped === "reached");
    return {
      ...{ effect, optimizer, learningRate, batchSize, stop, seeds, sharpness },
      ...{ trainLoss, testAccuracy, epochs, converged, diverged },
    };
  });
}

function summariseCell(cell: Cell, runs: Runs, measure: string): CellSummary {
  const networks = runs.flatMap(({ network }) => network ?? []);
  const measured = runs.flatMap(({ config: { seed }, measures }) =>
    measures[measure] === undefined ? [] : { seed, value: measures[measure] }
  );
  const seedsStopped = (why: Outcome): number[] =>
    runs.flatMap(({ config, training }) => training.stopped === why ? config.seed : []);
  const meanOf = (key: "trainLoss" | "testAccuracy" | "epoch"): number | null =>
    networks.length === 0 ? null : meanInterval(networks.map((each) => each[key])).mean;
  return {
    ...{ ...cell, measure, runs, seeds: runs.map(({ config }) => config.seed) },
    value: measured.length === 0 ? null : summariseValues(measured.map(({ value }) => value)),
    bySeed: new Map(measured.map(({ seed, value }) => [seed, value.estimate])),
    residuals: new Map(
      measured.flatMap(({ seed, value: { residual } }) =>
        typeof residual === "number" ? [[seed, residual]] : []
      ),
    ),
    lowerBounds: new Map(
      runs.flatMap(({ config: { seed }, lowerBounds }) =>
        lowerBounds[measure] === undefined ? [] : [[seed, lowerBounds[measure].estimate]]
      ),
    ),
    unconverged: seedsStopped("epoch limit"),
    diverged: seedsStopped("diverged"),
    trainLoss: meanOf("trainLoss"),
    testAccuracy: meanOf("testAccuracy"),
    epochs: meanOf("epoch"),
  };
}

/** Summarises a measure's values, one a seed; at least one. */
function summariseValues(values: readonly Measurement[]): ValueSummary {
  const { mean, interval } = meanInterval(values.map(({ estimate }) => estimate));
  const samples = values.map(({ samples }): number[] => Array.isArray(samples) ? samples : []);
  const isSampled = samples.every(({ length }) => length > 0);
  return {
    ...{ mean, interval },
    pooledInterval: isSampled ? meanInterval(samples.flat()).interval : null,
  };
}
