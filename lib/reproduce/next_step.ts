/**
 * What is to be done next on a trajectory: the one decision that everything here follows.
 *
 * @module
 */
import type { EngineInfo } from "~/lib/engine.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { parseOptimizer } from "~/lib/optimizer.ts";
import { findMeasurement, locateStop, type TrajectoryRecord } from "~/lib/results.ts";
import { measuresAt, type Study } from "~/lib/study.ts";
import {
  drivingStops,
  isFarEnough,
  type KeptNetwork,
  parseStop,
  type Trajectory,
} from "~/lib/trainer.ts";

/** A network in models/ without its numbers. */
export interface Kept extends Pick<KeptNetwork, "epochLosses" | "engines" | "seconds"> {
  readonly hasState: boolean;
}

/** What a study asks of a trajectory. */
export interface Asked {
  readonly study: Study;
  readonly trajectory: Trajectory;
  /** See `RunOptions`. */
  readonly networks?: boolean | undefined;
  /** What would train it. */
  readonly engine?: EngineInfo;
}

/** The next step, and what else is missing. */
export interface Step {
  readonly kind: "train" | "measure" | "done";
  /** The network that training starts from; undefined: from the initial weights. */
  readonly from: number | "latest" | undefined;
  /** Epochs that were passed before and whose networks are wanted again. */
  readonly wanted: ReadonlySet<number>;
  /** Whether training goes on past what is recorded, to the study's stops. */
  readonly goesOn: boolean;
  /** Canonical texts of what is to be measured, by epoch; none where it lacks its losses only. */
  readonly measure: ReadonlyMap<number, readonly string[]>;
}

/**
 * The next step on a trajectory: train what is missing or has no network, then evaluate
 * and measure. Where nothing is missing, what is kept makes no difference unless networks are asked for.
 *
 * @param record What is known; undefined where it is nothing.
 * @param kept By epoch; the newest state, which training alone replaces, as "latest".
 */
export function nextStep(
  asked: Asked,
  record: TrajectoryRecord | undefined,
  kept: ReadonlyMap<number | "latest", Kept>,
): Step {
  const { trajectory: { optimizer }, engine } = asked;
  const { goesOn, measure, networks } = missingFrom(asked, record);
  const losses = record?.content.epochLosses ?? [];
  const agrees = ({ epochLosses }: Kept): boolean => firstDifference(epochLosses, losses) < 0;
  const stateAt = (epoch: number): boolean =>
    [kept.get(epoch), kept.get("latest")].some((each) =>
      each?.hasState && agrees(each) && each.epochLosses.length === epoch
    );
  const wanted = new Set(
    [...measure.keys(), ...networks].filter((epoch) => {
      const own = kept.get(epoch);
      if (own === undefined || !agrees(own)) return true;
      return needsState(measure.get(epoch) ?? [], optimizer) && !stateAt(epoch);
    }),
  );
  const upTo = Math.min(goesOn ? Infinity : losses.length, ...wanted);
  const isStateless = parseOptimizer(optimizer).slots.length === 0;
  const [[from] = []] = [...kept].filter(([key, network]) =>
    network.epochLosses.length <= upTo &&
    (key === "latest"
      // One that contradicts the record is this machine's, or no better than the record.
      ? agrees(network) || isSameEngine(network.engines.at(-1), engine)
      : agrees(network) && (network.hasState || isStateless))
  ).sort(([a, one], [b, other]) =>
    other.epochLosses.length - one.epochLosses.length ||
    Number(b === "latest") - Number(a === "latest")
  );
  const kind = goesOn || wanted.size > 0 ? "train" : measure.size > 0 ? "measure" : "done";
  return { kind, from, wanted, goesOn, measure };
}

/** What the record lacks, whatever is kept; `networks`: epochs whose networks must be there. */
function missingFrom(
  { study, trajectory, networks: isAsked = false }: Asked,
  record: TrajectoryRecord | undefined,
): Pick<Step, "goesOn" | "measure"> & { networks: Set<number> } {
  const networks = new Set<number>();
  const measure = new Map<number, string[]>();
  if (record === undefined) return { goesOn: true, measure, networks };
  const { content, content: { diverged, epochLosses } } = record;
  const stops = study.stops.map(parseStop);
  const driving = drivingStops(stops).map(({ text }) => text);
  for (const [index, stop] of study.stops.entries()) {
    const { epoch, outcome } = locateStop(study, stop, content) ?? {};
    if (epoch === undefined || outcome === "diverged") continue;
    const network = content.networks.find((each) => each.epoch === epoch);
    if (isAsked && (index === 0 || driving.includes(stop))) networks.add(epoch);
    const texts = measuresAt(study, stop).filter((text) => {
      // Before the first step the state says nothing.
      const canBeHad = parseMeasure(text).slot === undefined ||
        (epoch > 0 && needsState([text], trajectory.optimizer));
      return canBeHad && !(network && findMeasurement(network, text));
    });
    if (network && texts.length === 0) continue;
    measure.set(epoch, [...new Set([...measure.get(epoch) ?? [], ...texts])]);
  }
  const goesOn = !diverged && epochLosses.length < study.maxEpochs &&
    !isFarEnough(stops, epochLosses);
  return { goesOn, measure, networks };
}

/** The first epoch, from 0, of two lists of losses that differs; -1 where they agree. */
export function firstDifference(a: readonly number[], b: readonly number[]): number {
  return a.slice(0, b.length).findIndex((loss, index) => loss !== b[index]);
}

/** Whether the same arithmetic writes the same bytes, for whatever reason it was chosen. */
export function isSameEngine(a: EngineInfo | undefined, b: EngineInfo | undefined): boolean {
  return a !== undefined && a.name === b?.name && a.library === b.library;
}

/** Whether a measure needs a slot of state that the optimizer has, which has to be kept for it. */
export function needsState(texts: readonly string[], optimizer: string): boolean {
  const { slots } = parseOptimizer(optimizer);
  return texts.some((text) => slots.some((slot) => slot === parseMeasure(text).slot));
}
