/**
 * The step that trains: from the newest state that will do to where the study wants it.
 *
 * @module
 */
import type { EngineInfo } from "~/lib/engine.ts";
import { allocateState } from "~/lib/optimizer.ts";
import { type Claimed, type Context, keptOf } from "~/lib/reproduce/claim.ts";
import {
  firstDifference,
  isSameEngine,
  needsState,
  type TrainStep,
} from "~/lib/reproduce/next_step.ts";
import { provenanceOf } from "~/lib/reproduce/engine_on_data.ts";
import type { Provenance, TrajectoryRecord } from "~/lib/results.ts";
import { measuresAt } from "~/lib/study.ts";
import {
  describeTrajectory,
  openStop,
  readNetwork,
  type TrainingRun,
  trainStack,
  writeNetwork,
} from "~/lib/trainer.ts";

/** A claimed trajectory in training. */
interface ClaimedRun extends TrainingRun {
  readonly claimed: Claimed;
  /** Epochs and seconds of training before. */
  readonly before: { readonly epochs: number; readonly seconds: number };
  /** Everything that will have trained it, in the order of its last use. */
  readonly engines: readonly EngineInfo[];
}

/**
 * Trains a stack of trajectories of one optimizer and batch size; their records are then up to date
 * with their losses, and the networks that are wanted lie in models/.
 */
export async function train(
  context: Context,
  steps: ReadonlyMap<Claimed, TrainStep>,
): Promise<void> {
  const runs: ClaimedRun[] = [];
  for (const [claimed, step] of steps) runs.push(await openRun(context, claimed, step));
  const { engine, study, folders, data, estimate, signal, checkpointSeconds } = context;
  const { optimizer, batchSize, sizes } = runs[0]!.claimed.trajectory;
  const texts = study.stops.flatMap((stop) => measuresAt(study, stop));
  async function keepNetwork(run: ClaimedRun): Promise<void> {
    const { trajectory, kept } = run.claimed;
    const state = needsState(texts, trajectory);
    await writeNetwork(folders.models, trajectory, { ...run, data }, { state });
    kept.push({ ...keptOf({ ...run, data }, false), hasState: state });
  }
  /** Keeps the state to go on from, unless a newer one of the same trajectory is kept already. */
  async function keepLatest(run: ClaimedRun): Promise<void> {
    const { claimed: { trajectory, kept }, epochLosses } = run;
    const newest = kept.find(({ isLatest }) => isLatest)?.epochLosses ?? [];
    if (newest.length > epochLosses.length && firstDifference(epochLosses, newest) < 0) return;
    await writeNetwork(folders.models, trajectory, { ...run, data }, { latest: true });
    const before = kept.findIndex(({ isLatest }) => isLatest);
    kept.splice(before < 0 ? kept.length : before, 1, keptOf({ ...run, data }, true));
  }
  await trainStack(engine, runs, {
    sizes,
    optimizer,
    batchSize,
    stops: study.stops.map(openStop),
    maxEpochs: study.maxEpochs,
    signal,
    checkpointSeconds,
    onEpoch(active, losses): void {
      const [{ claimed: { trajectory }, epochLosses }] = active;
      const others = active.length > 1 ? ` and ${active.length - 1} more` : "";
      const state = Number.isFinite(losses[0])
        ? `epoch ${epochLosses.length}, loss ${losses[0]!.toFixed(4)}`
        : `diverged in epoch ${epochLosses.length + 1}`;
      const message = `${describeTrajectory(trajectory)}${others}: ${state}`;
      context.worked(
        message,
        active.map((
          { claimed: { trajectory } },
        ) => [trajectory, estimate.epochSeconds(trajectory)]),
      );
    },
    onNetwork: keepNetwork,
    async onCheckpoint(active): Promise<void> {
      for (const run of active) await keepLatest(run);
    },
    async onEnd(run, ended): Promise<void> {
      if (ended === "epoch limit") await keepNetwork(run);
      if (ended !== "diverged") await keepLatest(run);
      run.claimed.record = extend(context, run, ended === "diverged");
    },
  });
}

/** Reads where training starts, and says what is trained again. */
async function openRun(
  { engine, folders, initialWeights, onMessage }: Context,
  claimed: Claimed,
  step: TrainStep,
): Promise<ClaimedRun> {
  const { trajectory, record, kept } = claimed;
  const { from, wanted, goesOn } = step;
  const { name, library } = engine.info;
  const network = from && await readNetwork(
    folders.models,
    trajectory,
    from.isLatest ? "latest" : from.epochLosses.length,
    onMessage,
  );
  const { optimizer, learningRate, seed, order } = trajectory;
  const parameters = network?.parameters ?? initialWeights(trajectory);
  const state = allocateState(optimizer, parameters.length);
  if (network !== undefined) state.set(network.state);
  const epochLosses = [...(network?.epochLosses ?? [])];

  const start = epochLosses.length;
  const recorded = record?.content.epochLosses.length ?? 0;
  const again = goesOn ? recorded : Math.max(...wanted);
  if (again > start) {
    const reason = wanted.size > 0
      ? `the network of epoch ${[...wanted].join(", ")} was not kept`
      : "no state was kept to go on from";
    onMessage(
      `${describeTrajectory(trajectory)}: epochs ${start + 1} to ${again} are trained again, as ` +
        reason,
    );
  } else if (start > 0) {
    onMessage(`${describeTrajectory(trajectory)}: going on after epoch ${start}`);
  }
  // What the file does not tell, the newest state does.
  const seconds = start > 0 ? kept.find(({ isLatest }) => isLatest)?.seconds ?? 0 : 0;
  const engines = network?.engines ?? [];
  return {
    claimed,
    before: { epochs: start, seconds },
    learningRate,
    parameters,
    state,
    shuffle: order === undefined ? undefined : seed,
    epochLosses,
    seconds,
    wanted,
    goesOn,
    engines: [...engines.filter((info) => !isSameEngine(info, engine.info)), { name, library }],
  };
}

/** The record with what was trained; replaced from the start where it was another machine's. */
function extend(
  { engine, data, onMessage }: Context,
  { claimed: { trajectory, record }, before, ...run }: ClaimedRun,
  diverged: boolean,
): TrajectoryRecord {
  const { epochLosses } = run;
  const known = record?.content.epochLosses ?? [];
  const differs = firstDifference(epochLosses, known);
  if (differs >= 0) {
    onMessage(
      `${describeTrajectory(trajectory)}: the loss of epoch ${differs + 1} is ` +
        `${epochLosses[differs]} here and was ${known[differs]} where it was computed before: ` +
        "its results are replaced by this machine's",
    );
  }
  const kept = differs < 0 ? record : undefined;
  const recorded = kept === undefined ? 0 : known.length;
  const counted = (kept?.provenance ?? []).filter(({ did }) => did === "trained")
    .reduce((sum, part) => sum + part.seconds, 0);
  // What is in no record is the work of processes that ended before they could write one: it counts
  // with what was trained now.
  const isAhead = before.epochs > recorded;
  const seconds = run.seconds - (isAhead ? Math.min(before.seconds, counted) : before.seconds);
  const to = epochLosses.length;
  const again = Math.max(0, Math.min(to, recorded) - before.epochs);
  const added = Math.max(0, to - recorded);
  const part = (did: string, from: number, to: number): Provenance =>
    provenanceOf(engine, {
      ...{ did, from, to, engines: run.engines },
      seconds: seconds * (again === 0 ? 1 : (to - from) / (again + added)),
    });
  const parts = [
    ...(again > 0 ? [part("trained again", before.epochs, before.epochs + again)] : []),
    ...(added > 0 || again === 0 ? [part("trained", recorded, recorded + added)] : []),
  ];
  if (kept === undefined) {
    return {
      content: {
        trajectory: { ...trajectory, sizes: [...trajectory.sizes] },
        data,
        epochLosses: [...epochLosses],
        diverged,
        stops: {},
        networks: [],
      },
      provenance: parts,
    };
  }
  const { content, provenance } = kept;
  return {
    ...kept,
    content: {
      ...content,
      epochLosses: added > 0 ? [...epochLosses] : content.epochLosses,
      diverged: content.diverged || diverged,
    },
    provenance: [...provenance, ...parts],
  };
}
