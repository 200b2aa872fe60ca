/**
 * How long a study will take: a mean rate times what is missing.
 *
 * @module
 */
import { measurePasses } from "~/lib/measure.ts";
import { type Asked, type Kept, missingFrom, nextStep } from "~/lib/reproduce/next_step.ts";
import { processor } from "~/lib/reproduce/provenance.ts";
import { locateStop, type TrajectoryRecord } from "~/lib/results.ts";
import { measuresAt, type Study } from "~/lib/study.ts";
import { drivingStops, openStop, type Trajectory } from "~/lib/trainer.ts";

/** Estimates in seconds of one thread. */
export interface Estimate {
  epochSeconds(trajectory: Trajectory): number;
  /** Of measures of one network, canonical texts. */
  measureSeconds(trajectory: Trajectory, texts: readonly string[]): number;
  /** Of everything that a trajectory lacks; arguments as of `nextStep`. */
  secondsLeft(
    asked: Asked,
    record: TrajectoryRecord | undefined,
    kept: readonly Kept[],
  ): number;
  /** Whether the rate was seen on this machine. */
  readonly measured: boolean;
}

/** Seconds of an image and of a batch in training, one thread of a nominal machine. */
const NOMINAL = { image: 95e-6, batch: 1.2e-3 } as const;
/** A forward pass against a training epoch. */
const PASS = 0.33;
/** Epochs of a trajectory of which nothing like it was seen. */
const UNSEEN_EPOCHS = 150;

/** Reads the rate and numbers of epochs from the records that there are. */
export function estimateFrom(study: Study, records: readonly TrajectoryRecord[]): Estimate {
  const nominal = ({ images, batchSize }: Pick<Trajectory, "images" | "batchSize">): number =>
    images * NOMINAL.image + Math.ceil(images / batchSize) * NOMINAL.batch;
  const seen = records.flatMap(({ content: { trajectory }, provenance }) =>
    provenance.filter(({ did, processor: where, seconds }) =>
      did === "trained" && where === processor() && seconds > 0
    ).map((part) => ({ ...part, nominal: (part.to - (part.from ?? 0)) * nominal(trajectory) }))
  ).toSorted((a, b) => a.finished < b.finished ? -1 : 1);
  // A GPU's rate says nothing of the CPU's beside it: that of what trained last.
  const alike = seen.filter(({ engine, engines = [engine] }) =>
    engines.every(({ name }) => name === seen.at(-1)!.engine.name)
  );
  const total = (key: "seconds" | "nominal"): number =>
    alike.reduce((sum, part) => sum + part[key], 0);
  const measured = total("nominal") > 0;
  const rate = measured ? total("seconds") / total("nominal") : 1;
  const epochSeconds = (trajectory: Trajectory): number => rate * nominal(trajectory);
  // As if three networks were measured together, which share work.
  const measureSeconds = (trajectory: Trajectory, texts: readonly string[]): number =>
    measurePasses(texts, 3) / 3 * PASS * epochSeconds(trajectory);

  const driving = drivingStops(study.stops.map(openStop)).map(({ text }) => text);
  const fixed = driving.map((text) => Number(/^epochs:(\d+)$/.exec(text)?.[1] ?? NaN));
  const ended = records.flatMap(({ content }) => {
    const epochs = driving.map((stop) => locateStop(study, stop, content)?.epoch ?? NaN);
    return epochs.includes(NaN) ? [] : [{ ...content.trajectory, epochs: Math.max(...epochs) }];
  });
  /** Where the study ends a trajectory: as it says, else as in the nearest cell. */
  function lastEpoch(trajectory: Trajectory): number {
    if (!fixed.includes(NaN)) return Math.max(...fixed);
    const distance = (other: typeof ended[number]): number =>
      Math.abs(Math.log(other.learningRate / trajectory.learningRate)) +
      Math.abs(Math.log(other.batchSize / trajectory.batchSize)) +
      Number(other.optimizer !== trajectory.optimizer);
    const [nearest] = ended.toSorted((a, b) => distance(a) - distance(b));
    return nearest?.epochs ?? UNSEEN_EPOCHS;
  }
  return {
    measured,
    epochSeconds,
    measureSeconds,
    secondsLeft(asked, record, kept): number {
      const { trajectory } = asked;
      const losses = record?.content.epochLosses ?? [];
      const step = nextStep(asked, record, kept);
      const { goesOn, measure } = missingFrom(asked, record);
      const toCome = goesOn
        ? study.stops.filter((stop) => openStop(stop).epoch(losses) === undefined)
        : [];
      const texts = [...measure.values(), ...toCome.map((stop) => measuresAt(study, stop))].flat();
      let epochs = 0;
      if (step.kind === "train") {
        const last = Math.min(lastEpoch(trajectory), study.maxEpochs);
        // One that goes on beyond what was expected may do so for long.
        const to = goesOn ? Math.max(last, Math.ceil(1.1 * losses.length)) : 0;
        epochs = Math.max(to, ...step.wanted) - (step.from?.epochLosses.length ?? 0);
      }
      return epochs * epochSeconds(trajectory) + measureSeconds(trajectory, texts);
    },
  };
}
