/**
 * What a study still wants of a trajectory.
 *
 * @module
 */
import { openMeasure } from "~/lib/measure.ts";
import { openOptimizer } from "~/lib/optimizer.ts";
import { findMeasurement, locateStop, type TrajectoryRecord } from "~/lib/results.ts";
import { measuresAt, type Study } from "~/lib/study.ts";
import { drivingStops, isFarEnough, openStop, type Trajectory } from "~/lib/trainer.ts";

/** What is missing. */
export interface Work {
  /** Training has not gone far enough to pass the stops. */
  readonly train: boolean;
  /** Epochs of stops that were passed and whose networks were not evaluated. */
  readonly evaluate: readonly number[];
  /** Measures that were not taken, by epoch. */
  readonly measure: ReadonlyMap<number, readonly string[]>;
}

/** Lists what a trajectory lacks; nothing of it is known where there is no record. */
export function missingWork(
  study: Study,
  trajectory: Trajectory,
  record: TrajectoryRecord | undefined,
): Work {
  if (record === undefined) return { train: true, evaluate: [], measure: new Map() };
  const { content } = record;
  const { epochLosses, diverged, networks } = content;
  const losses = epochLosses.slice(0, study.maxEpochs);
  const train = !isFarEnough(study.stops.map(openStop), losses) &&
    epochLosses.length < study.maxEpochs && !diverged;
  const evaluate = new Set<number>();
  const measure = new Map<number, string[]>();
  for (const stop of study.stops) {
    const state = locateStop(study, stop, content);
    if (state === undefined || state.outcome === "diverged") continue;
    const network = networks.find(({ epoch }) => epoch === state.epoch);
    if (network === undefined) evaluate.add(state.epoch);
    const wanted = measuresAt(study, stop).filter((text) =>
      isAvailable(text, trajectory) &&
      (network === undefined || findMeasurement(network, text) === undefined)
    );
    const all = new Set([...(measure.get(state.epoch) ?? []), ...wanted]);
    if (all.size > 0) measure.set(state.epoch, [...all]);
  }
  return { train, evaluate: [...evaluate], measure };
}

/**
 * The same, where the networks of the first stop and of those that end training must be there.
 *
 * @param isKept Whether the network of an epoch is, and lies on the recorded trajectory.
 */
export async function withNetworks(
  study: Study,
  record: TrajectoryRecord | undefined,
  work: Work,
  isKept: (epoch: number) => Promise<boolean>,
): Promise<Work> {
  if (record === undefined) return work;
  const driving = drivingStops(study.stops.map(openStop)).map(({ text }) => text);
  const evaluate = new Set(work.evaluate);
  for (const stop of new Set([...study.stops.slice(0, 1), ...driving])) {
    const state = locateStop(study, stop, record.content);
    if (state === undefined || state.outcome === "diverged") continue;
    if (!await isKept(state.epoch)) evaluate.add(state.epoch);
  }
  return { ...work, evaluate: [...evaluate] };
}

/** Whether nothing is missing. */
export function isDone({ train, evaluate, measure }: Work): boolean {
  return !train && evaluate.length === 0 && measure.size === 0;
}

/** Whether a measure needs the optimizer's state at the network, which has to be kept for it. */
export function needsState(texts: readonly string[], trajectory: Trajectory): boolean {
  return openOptimizer(trajectory.optimizer).slots.length > 0 &&
    texts.some((text) => isAvailable(text, trajectory) && !isAvailable(text, trajectory, false));
}

/** Whether a measure can be had of networks on this trajectory, where the state is kept or not. */
function isAvailable(
  text: string,
  { optimizer, learningRate, sizes }: Trajectory,
  stateIsKept = true,
): boolean {
  const { slots } = openOptimizer(optimizer);
  // A network of one parameter stands for all: whether a measure can be had is not in its numbers.
  return openMeasure(text).unavailable({
    sizes,
    parameters: new Float32Array(new SharedArrayBuffer(4)),
    optimizer,
    learningRate,
    ...(stateIsKept && slots.length > 0 ? { state: new Float32Array(slots.length) } : {}),
  }) === undefined;
}
