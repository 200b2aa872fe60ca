/**
 * Trains claimed trajectories, from the newest state that is kept to where the study wants them.
 *
 * @module
 */
import { allocateState } from "~/lib/optimizer.ts";
import type { Context, Item } from "~/lib/reproduce/context.ts";
import { type Expectation, openExpectation } from "~/lib/reproduce/expectation.ts";
import { provenanceOf } from "~/lib/reproduce/provenance.ts";
import { chooseStart, type Start } from "~/lib/reproduce/start.ts";
import { needsState } from "~/lib/reproduce/work.ts";
import type { TrajectoryRecord } from "~/lib/results.ts";
import { measuresAt } from "~/lib/study.ts";
import {
  describeTrajectory,
  type KeptNetwork,
  learn,
  type Learner,
  openStop,
  writeNetwork,
} from "~/lib/trainer.ts";

interface Pupil {
  readonly item: Item;
  readonly start: Start;
  readonly learner: Learner;
  readonly expectation: Expectation;
}

/**
 * Trains a stack of trajectories of one optimizer and batch size; their records are then up to date
 * with their losses, and the networks that are wanted lie in models/.
 */
export async function trainStage(context: Context, items: readonly Item[]): Promise<void> {
  const pupils: Pupil[] = [];
  for (const item of items) {
    const start = await chooseStart(context, item);
    if (start !== undefined) {
      const learner = learnerFrom(context, item, start);
      const { goesOn } = start;
      const expectation = openExpectation(context, item.trajectory, { learner, goesOn });
      pupils.push({ item, start, learner, expectation });
    }
  }
  const [first] = pupils;
  if (first === undefined) return;
  const { engine, study, folders, meter, onProgress, signal, checkpointSeconds } = context;
  const { optimizer, batchSize, sizes } = first.item.trajectory;
  const byLearner = new Map(pupils.map((pupil) => [pupil.learner, pupil]));
  async function keepNetwork(learner: Learner): Promise<void> {
    const { item: { trajectory }, start: { engines } } = byLearner.get(learner)!;
    const texts = study.stops.flatMap((stop) => measuresAt(study, stop));
    await writeNetwork(
      folders.models,
      trajectory,
      { ...learner, data: context.data, engines },
      { state: needsState(texts, trajectory) },
    );
  }
  await learn(engine, pupils.map(({ learner }) => learner), {
    sizes,
    optimizer,
    batchSize,
    stops: study.stops.map(openStop),
    goesOn(learner): boolean {
      const { item, start } = byLearner.get(learner)!;
      // Another machine's losses are replaced, and so are its stops.
      return start.goesOn || differsAt(item.record, learner.epochLosses) >= 0;
    },
    maxEpochs: study.maxEpochs,
    signal,
    checkpointSeconds,
    onEpoch(learners): void {
      for (const learner of learners) byLearner.get(learner)!.expectation.trained();
      const { item } = byLearner.get(learners[0])!;
      const { epochLosses } = learners[0];
      const others = learners.length > 1 ? ` and ${learners.length - 1} more` : "";
      onProgress(meter.report(
        `${describeTrajectory(item.trajectory)}${others}: epoch ${epochLosses.length}, ` +
          `loss ${epochLosses.at(-1)?.toFixed(4)}`,
      ));
    },
    onNetwork: keepNetwork,
    async onCheckpoint(learners): Promise<void> {
      for (const learner of learners) await keepLatest(context, byLearner.get(learner)!);
    },
    async onEnd(learner, ended): Promise<void> {
      const pupil = byLearner.get(learner)!;
      pupil.expectation.ended();
      if (ended === "epoch limit") await keepNetwork(learner);
      if (ended !== "diverged") await keepLatest(context, pupil);
      pupil.item.record = extend(context, pupil, ended === "diverged");
    },
  });
}

function learnerFrom(
  context: Context,
  { trajectory }: Item,
  { network, wanted }: Start,
): Learner {
  const { optimizer, learningRate } = trajectory;
  const parameters = network?.parameters ?? context.initialWeights(trajectory);
  const state = allocateState(optimizer, parameters.length);
  if (network !== undefined) state.set(network.state);
  return {
    learningRate,
    parameters,
    state,
    epochLosses: [...(network?.epochLosses ?? [])],
    seconds: network?.seconds ?? 0,
    wanted,
  };
}

/** Keeps the state to go on from, unless a newer one of the same trajectory is kept already. */
async function keepLatest(
  { folders, data }: Context,
  { item: { trajectory }, start, learner }: Pupil,
): Promise<void> {
  const { epochLosses } = learner;
  const goesFurther = start.latest.length > epochLosses.length;
  if (goesFurther && epochLosses.every((loss, index) => loss === start.latest[index])) return;
  await writeNetwork(folders.models, trajectory, {
    ...learner,
    data,
    engines: start.engines,
  }, { latest: true });
}

/** The first epoch, from 0, whose loss is not the recorded one; -1 where they agree. */
function differsAt(record: TrajectoryRecord | undefined, losses: readonly number[]): number {
  const before = record?.content.epochLosses ?? [];
  return before.slice(0, losses.length).findIndex((loss, index) => loss !== losses[index]);
}

/** Where training starts without a network. */
const NOTHING: Pick<KeptNetwork, "epochLosses" | "seconds"> = { epochLosses: [], seconds: 0 };

/** Seconds of training that a record counts. */
function secondsTrained({ provenance }: TrajectoryRecord): number {
  return provenance.filter(({ did }) => did === "trained")
    .reduce((sum, part) => sum + part.seconds, 0);
}

/** The record with what was trained; replaced from the start where it was another machine's. */
function extend(
  { engine, data, onMessage }: Context,
  { item: { trajectory, record }, start, learner }: Pupil,
  diverged: boolean,
): TrajectoryRecord {
  const { epochLosses } = learner;
  const before = record?.content;
  const differs = differsAt(record, epochLosses);
  const isNew = before === undefined || differs >= 0;
  // What is in no record is the work of processes that ended before they could write one: it counts
  // with what was trained now.
  const { epochLosses: { length: started }, seconds } = start.network ?? NOTHING;
  const recorded = isNew ? 0 : before.epochLosses.length;
  const part = provenanceOf(engine, {
    did: "trained",
    from: Math.min(started, recorded),
    to: epochLosses.length,
    engines: start.engines,
    seconds: learner.seconds -
      (started > recorded ? Math.min(seconds, isNew ? 0 : secondsTrained(record!)) : seconds),
  });
  if (isNew) {
    if (differs >= 0) {
      onMessage(
        `${describeTrajectory(trajectory)}: the loss of epoch ${differs + 1} is ` +
          `${epochLosses[differs]} here and was ${before?.epochLosses[differs]} where it was ` +
          "computed before: its results are replaced by this machine's",
      );
    }
    return {
      content: {
        trajectory: { ...trajectory, sizes: [...trajectory.sizes] },
        data,
        epochLosses: [...epochLosses],
        diverged,
        stops: {},
        networks: [],
      },
      provenance: [part],
    };
  }
  const isLonger = epochLosses.length > before.epochLosses.length;
  return {
    ...record!,
    content: {
      ...before,
      epochLosses: isLonger ? [...epochLosses] : before.epochLosses,
      diverged: before.diverged || diverged,
    },
    provenance: [...record!.provenance, part],
  };
}
