/**
 * How long things will take here: from what was seen on this machine, else from a nominal one.
 *
 * @module
 */
import { openMeasure } from "~/lib/measure.ts";
import { processor } from "~/lib/reproduce/provenance.ts";
import type { Work } from "~/lib/reproduce/work.ts";
import { locateStop, type TrajectoryRecord } from "~/lib/results.ts";
import { measuresAt, type Study } from "~/lib/study.ts";
import { drivingStops, openStop, type Trajectory } from "~/lib/trainer.ts";

/** Estimates of a study's work in seconds of one thread. */
export interface Estimate {
  /** Of one epoch of a trajectory. */
  epochSeconds(trajectory: Trajectory): number;
  /** Epochs that it still trains after those of which the losses are known. */
  epochsLeft(trajectory: Trajectory, losses: readonly number[]): number;
  /** Of evaluating one network on both splits. */
  evaluationSeconds(trajectory: Trajectory): number;
  /** Of everything that is missing. */
  seconds(trajectory: Trajectory, work: Work, losses: readonly number[]): number;
  /** Whether the rates were seen on this machine. */
  readonly measured: boolean;
}

/** Seconds a training image and a batch on one thread of a nominal machine. */
const NOMINAL = { image: 95e-6, batch: 1.2e-3 } as const;
/** A forward pass against a training epoch. */
const PASS = 0.33;
/**
 * What is left of measures on rays where networks share directions and measures share points: 0.20 of
 * their passes in `standard`, three trajectories together. What an engine does for one network alone
 * is shared by nobody.
 */
const SHARED = 0.2;
/** Epochs of a trajectory of which nothing like it was seen. */
const UNSEEN_EPOCHS = 150;
/** Epochs whose losses say more of where a trajectory will stop than another cell does. */
const TELLING_EPOCHS = 50;

/** Reads rates and numbers of epochs from the records that there are. */
export function estimateFrom(study: Study, records: readonly TrajectoryRecord[]): Estimate {
  const here = processor();
  const trainedHere = ({ provenance }: TrajectoryRecord): TrajectoryRecord["provenance"] =>
    provenance.filter((part) => part.did === "trained" && part.processor === here);
  // A GPU's rates say nothing of the CPU's beside it: those of what trained last.
  const newest = records.flatMap(trainedHere)
    .toSorted((a, b) => a.finished < b.finished ? -1 : 1)
    .at(-1);
  const seen = records.flatMap((record) => {
    const { content } = record;
    const parts = trainedHere(record).filter(({ engine, engines = [engine] }) =>
      engines.every(({ name }) => name === newest?.engine.name)
    );
    const epochs = parts.reduce((sum, { from = 0, to }) => sum + to - from, 0);
    const seconds = parts.reduce((sum, part) => sum + part.seconds, 0);
    // A network that a killed process left does not tell how long it took.
    return epochs > 0 && seconds > 0 ? [{ ...content.trajectory, perEpoch: seconds / epochs }] : [];
  });
  const nominal = ({ images, batchSize }: Trajectory): number =>
    images * NOMINAL.image + Math.ceil(images / batchSize) * NOMINAL.batch;
  const ratios = seen.map((each) => each.perEpoch / nominal(each)).sort((a, b) => a - b);
  const ratio = ratios.length > 0 ? ratios[ratios.length >> 1]! : 1;
  function epochSeconds(trajectory: Trajectory): number {
    const same = seen.filter(({ optimizer, batchSize, images }) =>
      optimizer === trajectory.optimizer && batchSize === trajectory.batchSize &&
      images === trajectory.images
    );
    return same.length > 0
      ? same.reduce((sum, { perEpoch }) => sum + perEpoch, 0) / same.length
      : ratio * nominal(trajectory);
  }
  const evaluationSeconds = (trajectory: Trajectory): number => 2 * PASS * epochSeconds(trajectory);
  const driving = drivingStops(study.stops.map(openStop));
  // Without a loss only numbers of epochs are foreseen.
  const fixed = latest(driving.map((stop) => stop.foresee([], study.maxEpochs)));
  const ended = records.flatMap(({ content }) => {
    const epochs = latest(driving.map(({ text }) => locateStop(study, text, content)?.epoch));
    return epochs === undefined ? [] : [{ ...content.trajectory, epochs }];
  });
  /**
   * Epochs of the last driving stop: of the same cell, else as the trajectory's own losses let expect,
   * else of the nearest cell that was seen.
   */
  function epochsOf(trajectory: Trajectory, losses: readonly number[]): number {
    if (fixed !== undefined) return fixed;
    const [nearest] = ended.map(({ optimizer, learningRate, batchSize, epochs }) => ({
      distance: Math.abs(Math.log(learningRate / trajectory.learningRate)) +
        Math.abs(Math.log(batchSize / trajectory.batchSize)) +
        (optimizer === trajectory.optimizer ? 0 : 1),
      epochs,
    })).sort((a, b) => a.distance - b.distance);
    if (nearest?.distance === 0 && nearest.epochs > losses.length) return nearest.epochs;
    if (losses.length >= TELLING_EPOCHS) {
      const foreseen = driving.map((stop) =>
        stop.epoch(losses) ?? stop.foresee(losses, study.maxEpochs)
      );
      return latest(foreseen) ?? study.maxEpochs;
    }
    return nearest?.epochs ?? UNSEEN_EPOCHS;
  }
  const epochsLeft = (trajectory: Trajectory, losses: readonly number[]): number =>
    Math.max(1, Math.min(epochsOf(trajectory, losses), study.maxEpochs) - losses.length);
  return {
    measured: seen.length > 0,
    epochSeconds,
    epochsLeft,
    evaluationSeconds,
    seconds(trajectory, { train, evaluate, measure }, losses): number {
      const pass = PASS * epochSeconds(trajectory);
      const toCome = train
        ? study.stops.filter((stop) => openStop(stop).epoch(losses) === undefined)
        : [];
      const texts = [
        ...[...measure.values()].flat(),
        ...toCome.flatMap((stop) => measuresAt(study, stop)),
      ];
      const passes = texts.map(openMeasure).reduce(
        (sum, { passes, method }) => sum + passes * (method.kind === "rays" ? SHARED : 1),
        0,
      );
      return (train ? epochsLeft(trajectory, losses) * epochSeconds(trajectory) : 0) +
        (evaluate.length + toCome.length) * evaluationSeconds(trajectory) + pass * passes;
    },
  };
}

/** The last of several epochs; undefined where one of them is not known, or there is none. */
function latest(epochs: readonly (number | undefined)[]): number | undefined {
  return epochs.length > 0 && epochs.every((epoch) => epoch !== undefined)
    ? Math.max(...epochs)
    : undefined;
}
