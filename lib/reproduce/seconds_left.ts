/**
 * How long a trajectory will take, with what is trained again because its networks are gone.
 *
 * @module
 */
import type { Estimate } from "~/lib/reproduce/estimate.ts";
import type { Work } from "~/lib/reproduce/work.ts";
import { listNetworks, networkFile, type Trajectory } from "~/lib/trainer.ts";

/** A trajectory and what it lacks. */
export interface Unfinished {
  /** The folder of the networks. */
  readonly models: string;
  readonly trajectory: Trajectory;
  readonly work: Work;
  /** The epoch losses that its record has. */
  readonly losses: readonly number[];
}

/** Seconds of one thread for everything that is missing. */
export async function secondsLeft(estimate: Estimate, unfinished: Unfinished): Promise<number> {
  const { trajectory, work, losses } = unfinished;
  return estimate.seconds(trajectory, work, losses) +
    await epochsAgain(unfinished) * estimate.epochSeconds(trajectory);
}

/** Epochs that are recorded and trained again, as their networks are not in models/. */
async function epochsAgain(
  { models, trajectory, work: { train, evaluate, measure }, losses }: Unfinished,
): Promise<number> {
  const kept = await listNetworks(models, trajectory);
  const lacking = [...evaluate, ...measure.keys()].filter((epoch) => !kept.includes(epoch));
  const isGone = train && await Deno.stat(networkFile(models, trajectory, "latest"))
    .then(() => false, () => true);
  const upTo = Math.max(0, ...lacking, isGone ? losses.length : 0);
  return upTo - Math.max(0, ...kept.filter((epoch) => epoch <= upTo));
}
