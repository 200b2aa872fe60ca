/**
 * From which kept state a trajectory is trained, so that as little as possible is trained again.
 *
 * @module
 */
import type { EngineInfo } from "~/lib/engine.ts";
import { openOptimizer } from "~/lib/optimizer.ts";
import type { Context, Item } from "~/lib/reproduce/context.ts";
import { needsState } from "~/lib/reproduce/work.ts";
import { describeTrajectory, type KeptNetwork, listNetworks, readNetwork } from "~/lib/trainer.ts";

/** Where training starts, and what for. */
export interface Start {
  /** Undefined: at the initial weights. */
  readonly network: KeptNetwork | undefined;
  /** Epochs that were passed before and whose networks are wanted again. */
  readonly wanted: ReadonlySet<number>;
  /** Whether training goes on past what is recorded, to the study's stops. */
  readonly goesOn: boolean;
  /** Losses up to the newest state that is kept; empty where there is none. */
  readonly latest: readonly number[];
  /** Everything that will have trained it, in the order of its last use. */
  readonly engines: readonly EngineInfo[];
}

/** Chooses a start; undefined where there is nothing to train. */
export async function chooseStart(
  { engine, folders, fresh, onMessage }: Context,
  { trajectory, record, work }: Item,
): Promise<Start | undefined> {
  const { models } = folders;
  // Not why it was chosen: the same arithmetic writes the same bytes.
  const { name, library } = engine.info;
  const isThis = (info: EngineInfo): boolean => info.name === name && info.library === library;
  const enginesWith = (before: readonly EngineInfo[]): EngineInfo[] => [
    ...before.filter((info) => !isThis(info)),
    { name, library },
  ];
  const latest = await readNetwork(models, trajectory, "latest", onMessage);
  if (fresh) {
    return {
      network: undefined,
      wanted: new Set(),
      goesOn: true,
      latest: latest?.epochLosses ?? [],
      engines: enginesWith([]),
    };
  }
  const losses = record?.content.epochLosses ?? [];
  const agrees = (network: KeptNetwork): boolean =>
    network.epochLosses.slice(0, losses.length).every((loss, index) => loss === losses[index]);
  const kept = await listNetworks(models, trajectory);

  const needed = new Set([...work.evaluate, ...work.measure.keys()]);
  const wanted = new Set<number>();
  for (const epoch of needed) {
    const there = kept.includes(epoch)
      ? await readNetwork(models, trajectory, epoch, onMessage)
      : undefined;
    const hasState = there?.state.length !== 0 ||
      (latest?.epochLosses.length === epoch && agrees(latest));
    const isEnough = hasState || !needsState(work.measure.get(epoch) ?? [], trajectory);
    if (there === undefined || !agrees(there) || !isEnough) wanted.add(epoch);
  }
  if (!work.train && wanted.size === 0) return undefined;
  const upTo = Math.min(work.train ? Infinity : losses.length, ...wanted);
  let network: KeptNetwork | undefined;
  // A state that contradicts the record is this machine's, or no better than the record.
  const isOwn = latest?.engines.slice(-1).some(isThis) ?? false;
  if (latest !== undefined && latest.epochLosses.length <= upTo && (agrees(latest) || isOwn)) {
    network = latest;
  }
  const { slots } = openOptimizer(trajectory.optimizer);
  for (const epoch of kept.toReversed()) {
    if (epoch > upTo || epoch <= (network?.epochLosses.length ?? 0)) continue;
    const candidate = await readNetwork(models, trajectory, epoch, onMessage);
    if (candidate === undefined || !agrees(candidate)) continue;
    if (slots.length > 0 && candidate.state.length === 0) continue;
    network = { ...candidate, seconds: latest?.seconds ?? 0 };
    break;
  }
  const from = network?.epochLosses.length ?? 0;
  const again = Math.min(losses.length, work.train ? Infinity : Math.max(...wanted, 0));
  if (again > from) {
    onMessage(
      `${describeTrajectory(trajectory)}: epochs ${from + 1} to ${again} are trained again, as ` +
        (wanted.size > 0
          ? `the network of epoch ${[...wanted].join(", ")} was not kept`
          : "no state was kept to go on from"),
    );
  } else if (from > 0) onMessage(`${describeTrajectory(trajectory)}: going on after epoch ${from}`);
  return {
    network,
    wanted,
    goesOn: work.train,
    latest: latest?.epochLosses ?? [],
    engines: enginesWith(network?.engines ?? []),
  };
}
