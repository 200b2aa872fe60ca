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
import { readRecord, runAt } from "~/lib/results.ts";
import { checkStudy, type Study } from "~/lib/study.ts";
import { describeTrajectory, lockFile, type Trajectory } from "~/lib/trainer.ts";

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
 * @throws {Error} If another process is training it, or training ends without passing the stop.
 */
export async function getModelReady(
  asked: Study,
  trajectory: Trajectory,
  given: RunOptions = {},
): Promise<SharedFloats> {
  const options = placed(given);
  const { models, results } = options.folders;
  const { optimizer, learningRate, batchSize, seed, sizes, images, order } = trajectory;
  const grid = {
    ...asked.grid,
    effects: ["pairs"],
    optimizers: [optimizer],
    seeds: [seed],
  } as const;
  const before = await readRecord(results, trajectory, options.onMessage);
  const study = checkStudy({
    ...{ ...asked, sizes, images, order },
    // What a record says is computed whole where this machine's losses replace it.
    ...(before === undefined ? { measures: { first: [], others: [] } } : {}),
    grid: { ...grid, pairs: [{ learningRate, batchSize }] },
  });
  const { records: [record], missingRuns } = await run(study, {
    ...options,
    wait: false,
    networks: true,
  });
  const fail = (reason: string, Kind: typeof DivergedError | ErrorConstructor = Error): never => {
    throw new Kind(
      `Cannot get the network of ${describeTrajectory(trajectory)} ready${reason}`,
    );
  };
  if (missingRuns > 0 && await isHeld(lockFile(models, trajectory)) !== undefined) {
    fail(" as another process is training it: wait for that to end");
  }
  const [stop] = study.stops as [string];
  const { training } = (record && runAt(study, record, stop, [])) ?? {};
  if (training?.stopped === "diverged") {
    fail(` as training diverged after epoch ${training.epochs}`, DivergedError);
  }
  const network = training && await readAgreeing(options, trajectory, training);
  const isEnded = record !== undefined && missingRuns === 0;
  return network?.parameters ??
    fail(isEnded ? `: training ended without passing the stop ${stop}` : ": it is not kept");
}
