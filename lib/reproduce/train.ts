/**
 * The step that trains: from the newest state that will do to where the study wants it.
 *
 * @module
 */
import type { EngineInfo } from "~/lib/engine.ts";
import { allocateState } from "~/lib/optimizer.ts";
import {
  type Claimed,
  type Context,
  initialWeights,
  keptOf,
  nextOf,
  update,
} from "~/lib/reproduce/claim.ts";
import { provenanceOf } from "~/lib/reproduce/engine_on_data.ts";
import { firstDifference, isSameEngine, needsState } from "~/lib/reproduce/next_step.ts";
import { measuresAt } from "~/lib/study.ts";
import {
  describeTrajectory,
  parseStop,
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
export async function train(context: Context, stack: readonly Claimed[]): Promise<void> {
  const runs: ClaimedRun[] = [];
  for (const claimed of stack) runs.push(await openRun(context, claimed));
  const { engine, study, data, estimate, signal } = context;
  const { folders: { models }, checkpointSeconds } = context.options;
  const { optimizer, batchSize, sizes } = stack[0]!.trajectory;
  const texts = study.stops.flatMap((stop) => measuresAt(study, stop));
  async function keepNetwork(run: ClaimedRun): Promise<void> {
    const { trajectory, kept } = run.claimed;
    const state = needsState(texts, trajectory);
    await writeNetwork(models, trajectory, { ...run, data }, { state });
    kept.push({ ...keptOf(run, false), hasState: state });
  }
  /** Keeps the state to go on from, unless a newer one of the same trajectory is kept already. */
  async function keepLatest(run: ClaimedRun): Promise<void> {
    const { claimed: { trajectory, kept }, epochLosses } = run;
    const place = kept.findIndex(({ isLatest }) => isLatest);
    const newest = kept[place]?.epochLosses ?? [];
    if (newest.length > epochLosses.length && firstDifference(epochLosses, newest) < 0) return;
    await writeNetwork(models, trajectory, { ...run, data }, { latest: true });
    kept.splice(place < 0 ? kept.length : place, 1, keptOf(run, true));
  }
  await trainStack(engine, runs, {
    ...{ sizes, optimizer, batchSize, signal, checkpointSeconds, maxEpochs: study.maxEpochs },
    stops: study.stops.map(parseStop),
    onEpoch(active, [loss]): void {
      const [{ claimed: { trajectory }, epochLosses: { length } }] = active;
      const others = active.length > 1 ? ` and ${active.length - 1} more` : "";
      const state = Number.isFinite(loss)
        ? `epoch ${length}, loss ${loss!.toFixed(4)}`
        : `diverged in epoch ${length + 1}`;
      context.worked(
        `${describeTrajectory(trajectory)}${others}: ${state}`,
        active.map(({ claimed }) => [
          claimed.trajectory,
          estimate.epochSeconds(claimed.trajectory),
        ]),
      );
    },
    onNetwork: keepNetwork,
    async onCheckpoint(active): Promise<void> {
      for (const run of active) await keepLatest(run);
    },
    async onEnd(run, ended): Promise<void> {
      if (ended === "epoch limit") await keepNetwork(run);
      if (ended !== "diverged") await keepLatest(run);
      extend(context, run, ended === "diverged");
    },
  });
}

/** Reads where training starts, and says what is trained again. */
async function openRun(context: Context, claimed: Claimed): Promise<ClaimedRun> {
  const { engine: { info: { name, library } }, options: { folders, onMessage } } = context;
  const { trajectory, record, kept } = claimed;
  const { from, wanted, goesOn } = nextOf(context, claimed);
  const epoch = from?.isLatest ? "latest" : from?.epochLosses.length;
  const network = epoch === undefined
    ? undefined
    : await readNetwork(folders.models, trajectory, epoch, onMessage);
  const { optimizer, learningRate, seed, order } = trajectory;
  const parameters = network?.parameters ?? initialWeights(context, trajectory);
  const state = allocateState(optimizer, parameters.length);
  if (network !== undefined) state.set(network.state);
  const epochLosses = [...network?.epochLosses ?? []];
  const start = epochLosses.length;
  const again = goesOn ? record?.content.epochLosses.length ?? 0 : Math.max(...wanted);
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
  const own = { name, library };
  const others = network?.engines.filter((each) => !isSameEngine(each, own)) ?? [];
  return {
    ...{ claimed, learningRate, parameters, state, epochLosses, seconds, wanted, goesOn },
    before: { epochs: start, seconds },
    shuffle: order === undefined ? undefined : seed,
    engines: [...others, own],
  };
}

/** Adds what was trained to the record; a record that was another machine's is replaced. */
function extend(
  { engine, data, options: { onMessage } }: Context,
  { claimed, before, epochLosses, seconds: taken, engines }: ClaimedRun,
  diverged: boolean,
): void {
  const { trajectory } = claimed;
  const known = claimed.record?.content.epochLosses ?? [];
  const differs = firstDifference(epochLosses, known);
  if (differs >= 0) {
    onMessage(
      `${describeTrajectory(trajectory)}: the loss of epoch ${differs + 1} is ` +
        `${epochLosses[differs]} here and was ${known[differs]} where it was computed before: ` +
        "its results are replaced by this machine's",
    );
    claimed.record = undefined;
  }
  claimed.record ??= {
    content: {
      trajectory: { ...trajectory, sizes: [...trajectory.sizes] },
      ...{ data, epochLosses: [], diverged, stops: {}, networks: [] },
    },
    provenance: [],
  };
  const { content, provenance } = claimed.record;
  const recorded = content.epochLosses.length;
  const to = epochLosses.length;
  const again = Math.max(0, Math.min(to, recorded) - before.epochs);
  const added = Math.max(0, to - recorded);
  // What is in no record is the work of processes that ended before they could write one: it counts
  // with what was trained now.
  const counted = provenance.filter(({ did }) => did === "trained")
    .reduce((sum, { seconds }) => sum + seconds, 0);
  const isAhead = before.epochs > recorded;
  const seconds = taken - (isAhead ? Math.min(before.seconds, counted) : before.seconds);
  const parts = [
    { did: "trained again", from: before.epochs, length: again },
    { did: "trained", from: recorded, length: added },
  ].filter(({ did, length }) => length > 0 || (did === "trained" && again === 0));
  update(
    claimed,
    {
      epochLosses: added > 0 ? [...epochLosses] : content.epochLosses,
      diverged: content.diverged || diverged,
    },
    parts.map(({ did, from, length }) =>
      provenanceOf(engine, {
        ...{ did, from, to: from + length, engines },
        seconds: again === 0 ? seconds : seconds * length / (again + added),
      })
    ),
  );
}
