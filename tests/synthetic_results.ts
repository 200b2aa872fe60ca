/**
 * Made-up results for tests of statistics, tables and figures: nothing here was trained.
 *
 * @module
 */
import type { RunResult } from "~/lib/results.ts";
import { listRuns, type RunConfig, type Study } from "~/lib/study.ts";

/** What a test sets of a run; the rest is plausible. */
export interface SyntheticRun {
  readonly stopped?: RunResult["training"]["stopped"];
  /** Sharpness samples in nats, by direction. */
  readonly samples?: number[];
  readonly trainLoss?: number;
  readonly epochs?: number;
}

/** The result of one run of a study; a diverged one has no losses, as in a real file. */
export function syntheticResult(
  study: Study,
  config: RunConfig,
  { stopped = "converged", samples, trainLoss = 1.2, epochs = 8 }: SyntheticRun = {},
): RunResult {
  const diverged = stopped === "diverged";
  const { sizes, ...training } = study.training;
  return {
    config,
    protocol: { ...training, ...study.sharpness, sizes: [...sizes] },
    data: {},
    engines: {
      training: [{ name: "synthetic", library: "none" }],
      sharpness: diverged ? null : { name: "synthetic", library: "none" },
    },
    training: {
      epochLosses: Array.from(
        { length: epochs },
        (_, i) => trainLoss + (2.3 - trainLoss) * Math.exp(-5 * i / epochs),
      ),
      epochs,
      stopped,
      trainLoss: diverged ? null : trainLoss,
      trainAccuracy: diverged ? null : 0.6,
      testLoss: diverged ? null : trainLoss + 0.2,
      testAccuracy: diverged ? null : 0.5,
      gradientNorm: diverged ? null : 0.05,
      weightNorm: diverged ? null : 18,
    },
    sharpness: diverged
      ? null
      : { loss: trainLoss, samples: samples ?? spread(study.sharpness.directions, 0.5, 0.1) },
  };
}

/** The results of all runs of a study's grid; `describe` may give undefined: no result. */
export function syntheticResults(
  study: Study,
  describe: (run: RunConfig) => SyntheticRun | undefined = () => ({}),
): RunResult[] {
  return listRuns(study.grid).flatMap((run) => {
    const description = describe(run);
    return description === undefined ? [] : [syntheticResult(study, run, description)];
  });
}

/** So many numbers evenly spread over `mean +- halfWidth`; their mean is `mean`. */
export function spread(count: number, mean: number, halfWidth: number): number[] {
  return Array.from(
    { length: count },
    (_, k) => mean + (count === 1 ? 0 : halfWidth * (2 * k / (count - 1) - 1)),
  );
}
