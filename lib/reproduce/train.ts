/**
 * The step that trains: from the newest state that will do to where the study wants it.
 *
 * @module
 */
import type { EngineInfo } from "~/lib/engine.ts";
import { allocateState } from "~/lib/optimizer.ts";
import { type Claim, type Context, keptOf } from "~/lib/reproduce/claim.ts";
import { firstDifference, isSameEngine, needsState } from "~/lib/reproduce/next_step.ts";
import { epochCost } from "~/lib/reproduce/plan.ts";
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
  readonly claim: Claim;
  /** Epochs and seconds of training before. */
  readonly before: { readonly epochs: number; readonly seconds: number };
  /** Everything that will have trained it, in the order of its last use. */
  readonly engines: readonly EngineInfo[];
}

/**
 * Trains a stack of trajectories of one optimizer and batch size; their records are then up to date
 * with their losses, and the networks that are wanted lie in models/.
 */
export async function train(context: Context, stack: readonly Claim[]): Promise<void> {
  const runs: ClaimedRun[] = [];
  for (const claim of stack) runs.push(await openRun(claim));
  const { engine, study, data, signal, meter } = context;
  const { folders: { models }, checkpointSeconds, onProgress } = context.options;
  const { optimizer, batchSize, sizes } = stack[0]!.trajectory;
  const texts = study.stops.flatMap((stop) => measuresAt(study, stop));
  const state = needsState(texts, optimizer);
  async function keepNetwork(run: ClaimedRun): Promise<void> {
    await writeNetwork(models, run.claim.trajectory, { ...run, data }, { state });
    run.claim.kept.push({ ...keptOf(run, false), hasState: state });
  }
  /** Keeps the state to go on from, unless a newer one of the same trajectory is kept already. */
  async function keepLatest(run: ClaimedRun): Promise<void> {
    const { claim: { trajectory, kept }, epochLosses } = run;
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
      const [{ claim: { trajectory }, epochLosses: { length } }] = active;
      const others = active.length > 1 ? ` and ${active.length - 1} more` : "";
      const state = Number.isFinite(loss)
        ? `epoch ${length}, loss ${loss!.toFixed(4)}`
        : `diverged in epoch ${length + 1}`;
      for (const { claim } of active) claim.worked(epochCost(claim.trajectory));
      onProgress?.(meter.report(`${describeTrajectory(trajectory)}${others}: ${state}`));
    },
    onNetwork: keepNetwork,
    async onCheckpoint(active): Promise<void> {
      for (const run of active) await keepLatest(run);
    },
    async onEnd(run, ended): Promise<void> {
      if (ended === "epoch limit") await keepNetwork(run);
      if (ended !== "diverged") await keepLatest(run);
      record(run, ended === "diverged");
    },
  });
}

/** Reads where training starts, and says what is trained again. */
async function openRun(claim: Claim): Promise<ClaimedRun> {
  const { context: { engine, options }, trajectory, kept } = claim;
  const { from, wanted, goesOn } = claim.next();
  const epoch = from?.isLatest ? "latest" : from?.epochLosses.length;
  const network = epoch === undefined
    ? undefined
    : await readNetwork(options.folders.models, trajectory, epoch, options.onMessage);
  const parameters = network?.parameters ?? claim.initialWeights();
  const state = allocateState(trajectory.optimizer, parameters.length);
  if (network !== undefined) state.set(network.state);
  const epochLosses = [...network?.epochLosses ?? []];
  const epochs = epochLosses.length;
  const recorded = claim.record?.content.epochLosses.length ?? 0;
  const again = goesOn ? recorded : Math.max(...wanted);
  if (again > epochs) {
    const reason = wanted.size > 0
      ? `the network of epoch ${[...wanted].join(", ")} was not kept`
      : "no state was kept to go on from";
    options.onMessage(
      `${describeTrajectory(trajectory)}: epochs ${epochs + 1} to ${again} are trained again, as ` +
        reason,
    );
  } else if (epochs > 0) {
    options.onMessage(`${describeTrajectory(trajectory)}: going on after epoch ${epochs}`);
  }
  // What the file does not tell, the newest state does.
  const seconds = epochs > 0 ? kept.find(({ isLatest }) => isLatest)?.seconds ?? 0 : 0;
  const own = { name: engine.info.name, library: engine.info.library };
  const others = network?.engines.filter((each) => !isSameEngine(each, own)) ?? [];
  const { learningRate, order, seed } = trajectory;
  return {
    ...{ claim, learningRate, parameters, state, epochLosses, seconds, wanted, goesOn },
    before: { epochs, seconds },
    shuffle: order === undefined ? undefined : seed,
    engines: [...others, own],
  };
}

/** Adds what was trained to the record; a record that was another machine's is replaced. */
function record(run: ClaimedRun, diverged: boolean): void {
  const { claim, claim: { context: { data, options }, trajectory }, before, epochLosses } = run;
  const known = claim.record?.content.epochLosses ?? [];
  const differs = firstDifference(epochLosses, known);
  if (differs >= 0) {
    options.onMessage(
      `${describeTrajectory(trajectory)}: the loss of epoch ${differs + 1} is ` +
        `${epochLosses[differs]} here and was ${known[differs]} where it was computed before: ` +
        "its results are replaced by this machine's",
    );
    claim.record = undefined;
  }
  claim.record ??= {
    content: {
      trajectory: { ...trajectory, sizes: [...trajectory.sizes] },
      ...{ data, epochLosses: [], diverged, stops: {}, networks: [] },
    },
    provenance: [],
  };
  const { content, provenance } = claim.record;
  const [recorded, to] = [content.epochLosses.length, epochLosses.length];
  const again = Math.max(0, Math.min(to, recorded) - before.epochs);
  const added = Math.max(0, to - recorded);
  // What is in no record is the work of processes that ended before they could write one: it counts
  // with what was trained now.
  const counted = provenance.filter(({ did }) => did === "trained")
    .reduce((sum, { seconds }) => sum + seconds, 0);
  const isAhead = before.epochs > recorded;
  const seconds = run.seconds - (isAhead ? Math.min(before.seconds, counted) : before.seconds);
  const parts = [
    { did: "trained again", from: before.epochs, length: again },
    { did: "trained", from: recorded, length: added },
  ].filter(({ did, length }) => length > 0 || (did === "trained" && again === 0));
  claim.update(
    {
      epochLosses: added > 0 ? [...epochLosses] : content.epochLosses,
      diverged: content.diverged || diverged,
    },
    ...parts.map(({ did, from, length }) => ({
      ...{ did, from, to: from + length, engines: run.engines },
      seconds: again === 0 ? seconds : seconds * length / (again + added),
    })),
  );
}
