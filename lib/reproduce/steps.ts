/**
 * The two steps on trajectories: training from the newest state that will do, and evaluating and
 * measuring kept networks.
 *
 * @module
 */
import type { EngineInfo } from "~/lib/engine.ts";
import { removeIfThere, sha256 } from "~/lib/files/files.ts";
import { plural } from "~/lib/files/numbers.ts";
import {
  type MeasuredNetwork,
  measureNetworks,
  type MeasureValue,
  parseMeasure,
  protocolOf,
} from "~/lib/measure.ts";
import { layoutLayers, norm, type SharedFloats } from "~/lib/model.ts";
import { allocateState } from "~/lib/optimizer.ts";
import { type Claim, type Context, keptOf, readAgreeing } from "~/lib/reproduce/claim.ts";
import { firstDifference, isSameEngine, needsState } from "~/lib/reproduce/next_step.ts";
import { epochCost, measureCost } from "~/lib/reproduce/plan.ts";
import { locateStop, type Measurement, type NetworkRecord } from "~/lib/results.ts";
import { measuresAt } from "~/lib/study.ts";
import {
  describeTrajectory,
  networkFile,
  parseStop,
  readNetwork,
  type TrainingRun,
  trainStack,
  writeNetwork,
} from "~/lib/trainer.ts";

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
  const runs = await Array.fromAsync(stack, openRun);
  const { engine, study, dataset: { md5: data }, signal, meter } = context;
  const { folders: { models }, checkpointSeconds, onProgress } = context.options;
  const { optimizer, batchSize, sizes } = stack[0]!.trajectory;
  const texts = study.stops.flatMap((stop) => measuresAt(study, stop));
  const state = needsState(texts, optimizer);
  async function keepNetwork(run: ClaimedRun): Promise<void> {
    await writeNetwork(models, run.claim.trajectory, { ...run, data }, { state });
    run.claim.kept.set(run.epochLosses.length, { ...keptOf(run), hasState: state });
  }
  /** Keeps the state to go on from, unless a newer one of the same trajectory is kept already. */
  async function keepLatest(run: ClaimedRun): Promise<void> {
    const { claim: { trajectory, kept }, epochLosses } = run;
    const newest = kept.get("latest")?.epochLosses ?? [];
    if (newest.length > epochLosses.length && firstDifference(epochLosses, newest) < 0) return;
    await writeNetwork(models, trajectory, { ...run, data }, { latest: true });
    kept.set("latest", keptOf(run));
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
      for (const { claim: { trajectory } } of active) meter.add(trajectory, epochCost(trajectory));
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
  const network = from === undefined
    ? undefined
    : await readNetwork(options.folders.models, trajectory, from, options.onMessage);
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
    const which = again === epochs + 1
      ? `epoch ${again} is`
      : `epochs ${epochs + 1} to ${again} are`;
    options.onMessage(`${describeTrajectory(trajectory)}: ${which} trained again, as ${reason}`);
  } else if (epochs > 0) {
    options.onMessage(`${describeTrajectory(trajectory)}: going on after epoch ${epochs}`);
  }
  // What the file does not tell, the newest state does.
  const seconds = epochs > 0 ? kept.get("latest")?.seconds ?? 0 : 0;
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
  const { claim, claim: { context: { dataset, options }, trajectory }, before, epochLosses } = run;
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
    content: { trajectory, data: dataset.md5, epochLosses: [], diverged, stops: {}, networks: [] },
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

/** A network that is to be measured, by canonical texts of measures. */
interface Wanted {
  readonly claim: Claim;
  readonly epoch: number;
  readonly texts: readonly string[];
  readonly network: MeasuredNetwork;
}

/** Evaluates and measures what networks lack, those of all trajectories together; writes records. */
export async function measure(context: Context, claims: readonly Claim[]): Promise<void> {
  const wanted = (await Array.fromAsync(claims, evaluate)).flat();
  if (wanted.length > 0) await take(context, wanted);
  for (const claim of claims) {
    await claim.save();
    if (claim.next().kind !== "measure") await dropMeasured(claim);
  }
}

async function take(context: Context, wanted: readonly Wanted[]): Promise<void> {
  const { engine, meter, signal, options: { onMessage, onProgress } } = context;
  const start = performance.now();
  const values = await measureNetworks(
    engine,
    wanted.map(({ network }) => network),
    wanted.map(({ texts }) => texts),
    {
      signal,
      onProgress(share): void {
        for (const { claim, texts } of wanted) {
          meter.add(claim.trajectory, share * measureCost(claim.trajectory, texts));
        }
        onProgress?.(meter.report(`measures of ${plural(wanted.length, "network")}`));
      },
      onNotFinite(place, { message }): void {
        const { claim: { trajectory }, epoch } = wanted[place]!;
        onMessage(`${describeTrajectory(trajectory)}, epoch ${epoch}: ${message}`);
      },
    },
  );
  const seconds = (performance.now() - start) / 1000 / wanted.length;
  for (const [index, { claim, epoch, texts }] of wanted.entries()) {
    const taken = texts.map((text, place) => measurementOf(context, text, values[index]![place]!))
      .filter(({ estimate }) => !Number.isNaN(estimate));
    const networks = claim.record!.content.networks.map((network) =>
      network.epoch === epoch
        ? { ...network, measures: sorted([...network.measures, ...taken]) }
        : network
    );
    claim.update({ networks }, { did: `measured ${texts.join(", ")}`, to: epoch, seconds });
  }
}

/**
 * Evaluates what was not evaluated, in the order of epochs; a loss that is not finite ends it.
 *
 * @returns What is to be measured.
 */
async function evaluate(claim: Claim): Promise<Wanted[]> {
  const { trajectory, trajectory: { optimizer, learningRate, sizes } } = claim;
  const wanted: Wanted[] = [];
  for (const [epoch, texts] of [...claim.next().measure].sort(([a], [b]) => a - b)) {
    const { epochLosses, stops, networks } = claim.record!.content;
    const upTo = epochLosses.slice(0, epoch);
    const found = await readAgreeing(claim.context.options, trajectory, upTo);
    if (found === undefined) continue;
    const known = networks.find((each) => each.epoch === epoch);
    const evaluated = known ?? await evaluateNetwork(claim, epoch, found.parameters);
    if (!Number.isFinite(evaluated.trainLoss + evaluated.testLoss)) {
      claim.update({
        epochLosses: epochLosses.slice(0, Math.max(0, epoch - 1)),
        diverged: true,
        stops: Object.fromEntries(Object.entries(stops).filter(([, stop]) => stop < epoch)),
        networks: networks.filter((each) => each.epoch < epoch),
      });
      break;
    }
    if (known === undefined) {
      claim.update({ networks: [...networks, evaluated].sort((a, b) => a.epoch - b.epoch) });
    }
    if (texts.length === 0) continue;
    const network = { ...evaluated, ...found, sizes, optimizer, learningRate };
    wanted.push({ claim, epoch, texts, network });
  }
  return wanted;
}

async function evaluateNetwork(
  claim: Claim,
  epoch: number,
  parameters: SharedFloats,
): Promise<NetworkRecord> {
  const { context: { engine }, trajectory: { sizes } } = claim;
  const [[train], [test]] = await Promise.all([
    engine.evaluate(sizes, [parameters], { split: "train", gradient: "norm" }),
    engine.evaluate(sizes, [parameters], { split: "test" }),
  ]);
  const start = claim.initialWeights();
  return {
    epoch,
    sha256: sha256(parameters),
    trainLoss: train!.loss,
    trainAccuracy: train!.accuracy,
    testLoss: test!.loss,
    testAccuracy: test!.accuracy,
    gradientNorm: train!.gradientNorm,
    weightNorm: norm(parameters),
    layerNorms: layoutLayers(sizes).map(({ weight, bias, outputs }) =>
      norm(parameters.subarray(weight, bias + outputs))
    ),
    distance: norm(new Float64Array(parameters).map((w, i) => w - start[i]!)),
    measures: [],
  };
}

function measurementOf({ engine }: Context, text: string, value: MeasureValue): Measurement {
  const measure = parseMeasure(text);
  return {
    measure: measure.name,
    protocol: protocolOf(measure),
    unit: measure.unit,
    ...value,
    engine: { name: engine.info.name, library: engine.info.library },
  };
}

/** Measures in an order of their own, whenever each was taken. */
function sorted(measures: readonly Measurement[]): Measurement[] {
  const textOf = ({ measure, protocol }: Measurement): string => measure + JSON.stringify(protocol);
  const named = measures.map((each) => [textOf(each), each] as const);
  return named.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0).map(([, each]) => each);
}

/**
 * Networks at the study's `loss:` stops go once everything is measured; the others stay, and where
 * networks are wanted that of the first stop, too.
 */
async function dropMeasured({ context, trajectory, record }: Claim): Promise<void> {
  const { study, options: { networks, folders } } = context;
  const { content } = record!;
  const isLoss = (stop: string): boolean => stop.startsWith("loss:");
  const epochsOf = (stops: readonly string[]): number[] =>
    stops.flatMap((stop) => locateStop(study, stop, content)?.epoch ?? []);
  const staying = new Set([
    ...epochsOf(study.stops.filter((stop, i) => !isLoss(stop) || (networks && i === 0))),
    // Other studies' stops that are no losses.
    ...Object.entries(content.stops).flatMap(([stop, epoch]) => isLoss(stop) ? [] : epoch),
  ]);
  for (const epoch of epochsOf(study.stops.filter(isLoss))) {
    if (!staying.has(epoch)) await removeIfThere(networkFile(folders.models, trajectory, epoch));
  }
}
