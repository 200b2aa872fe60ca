/**
 * One trained network: the counterpart of the original's `get_model_ready`.
 *
 * @module
 */
import type { SharedFloats } from "~/lib/engine.ts";
import { isHeld } from "~/lib/files/lock.ts";
import { readAgreeing } from "~/lib/reproduce/claim.ts";
import { placed, type RunOptions } from "~/lib/reproduce/options.ts";
import { run } from "~/lib/reproduce/run.ts";
import { locateStop, readRecord } from "~/lib/results.ts";
import { checkStudy, type Study } from "~/lib/study.ts";
import { describeTrajectory, lockFile, type Trajectory } from "~/lib/trainer.ts";

/** Another process holds a trajectory that is wanted now. */
export class HeldElsewhereError extends Error {
  override readonly name = "HeldElsewhereError";
}

/** A trajectory ended with a loss that is not finite: there is no network at the stop. */
export class DivergedError extends Error {
  override readonly name = "DivergedError";
}

/**
 * Gives the network of a trajectory at a study's first stop: from models/ if it is there, else it is
 * trained and kept.
 *
 * @returns Flat parameters, shape [P].
 * @throws {DivergedError} If the trajectory diverged before the stop.
 * @throws {HeldElsewhereError} If another process is training it.
 */
export async function getModelReady(
  asked: Study,
  trajectory: Trajectory,
  given: RunOptions = {},
): Promise<SharedFloats> {
  const options = placed(given);
  const { models, results } = options.folders;
  const { optimizer, learningRate, batchSize, seed, sizes, images, order } = trajectory;
  const before = await readRecord(results, trajectory, options.onMessage);
  const study = checkStudy({
    ...{ ...asked, sizes, images, order },
    // What a record says is computed whole where this machine's losses replace it.
    ...(before === undefined ? { measures: { first: [], others: [] } } : {}),
    grid: {
      ...asked.grid,
      effects: ["pairs"],
      optimizers: [optimizer],
      pairs: [{ learningRate, batchSize }],
      seeds: [seed],
    },
  });
  const [stop] = study.stops as [string];
  const { records: [record], missingRuns } = await run(study, {
    ...options,
    wait: false,
    networks: true,
  });
  const cannot = `Cannot get the network of ${describeTrajectory(trajectory)} ready`;
  if (missingRuns > 0 && await isHeld(lockFile(models, trajectory)) !== undefined) {
    throw new HeldElsewhereError(
      `${cannot} as another process is training it: wait for that to end`,
    );
  }
  const state = record && locateStop(study, stop, record.content);
  if (state?.outcome === "diverged") {
    throw new DivergedError(`${cannot} as training diverged after epoch ${state.epoch}`);
  }
  const network = state && await readAgreeing(options, { trajectory, record }, state.epoch);
  if (network !== undefined) return network.parameters;
  const isEnded = record !== undefined && missingRuns === 0;
  const reason = isEnded ? `training ended without passing the stop ${stop}` : "it is not kept";
  throw new Error(`${cannot}: ${reason}`);
}
