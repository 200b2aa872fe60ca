/**
 * Everything that is said about a study's effects.
 *
 * @module
 */
import { effectAtStop } from "~/lib/findings/effect_at_stop.ts";
import { effectAtEqualLoss } from "~/lib/findings/equal_loss.ts";
import { effectsAtEqualRatio } from "~/lib/findings/equal_ratio.ts";
import type { Finding, PartFinding } from "~/lib/findings/finding.ts";
import { optimizersAtStop } from "~/lib/findings/optimizer_effect.ts";
import { effectInMeasure } from "~/lib/findings/other_measure.ts";
import { missingText } from "~/lib/findings/missing.ts";
import { rankedMeasures } from "~/lib/findings/rank_measures.ts";
import { effectSubject, enumerate } from "~/lib/findings/words.ts";
import { openMeasure } from "~/lib/measure.ts";
import { runsAt, summariseCells, type TrajectoryRecord } from "~/lib/results.ts";
import type { Effect, Study } from "~/lib/study.ts";

/** Measures that ask whether an effect is more than one of scale, slope or statistics. */
const OTHER_MEASURES: readonly string[] = [
  "relative-tensor",
  "relative-filter",
  "trace",
  "lambda-max",
  "frozen",
];
/** The one of them that a summary has: it sees neither the weights' scale nor that of a unit. */
const SCALE_FREE = "relative-filter";

/** What is said about one effect for one optimizer. */
export interface EffectFindings {
  readonly effect: Effect;
  readonly optimizer: string;
  /** At the study's first stop, in its first measure. */
  readonly atStop: PartFinding;
  readonly atEqualLoss: PartFinding;
  /** In scale-free measures, curvature and with frozen statistics, as far as they were taken. */
  readonly inMeasures: readonly PartFinding[];
  /**
   * One sentence: the effect at the stop; where it is settled, what becomes of it at equal loss and
   * scale-free.
   */
  readonly summary: string;
}

/** What a study's records say about its effects, in the order of its grid. */
export interface Findings {
  readonly effects: readonly EffectFindings[];
  /** The optimizers against the first, for every effect: in the first measure, and scale-free. */
  readonly optimizers: readonly {
    readonly effect: Effect;
    readonly findings: readonly Finding[];
  }[];
  /** Of the effect "pairs". */
  readonly atEqualRatio: readonly Finding[];
}

/** Computes every sentence about a study; nothing of it is thrown for what is missing. */
export function listFindings(study: Study, records: readonly TrajectoryRecord[]): Findings {
  const runs = runsAt(study, records);
  const others = rankedMeasures(study, runs)
    .filter((text) => OTHER_MEASURES.includes(openMeasure(text).name));
  const scaleFreeText = others.find((text) => openMeasure(text).name === SCALE_FREE);
  const cells = summariseCells(study, runs);
  const named = study.grid.effects.filter((effect) => effect !== "pairs");
  const effects = named.flatMap((effect) =>
    study.grid.optimizers.map((optimizer): EffectFindings => {
      const which = { effect, optimizer };
      const atStop = effectAtStop(study, runs, which);
      const atEqualLoss = effectAtEqualLoss(study, records, which);
      const inMeasures = others.map((other) => effectInMeasure(study, runs, { ...which, other }));
      const scaleFree = inMeasures.filter((_, i) => others[i] === scaleFreeText);
      const own = cells.filter((one) => one.effect === effect && one.optimizer === optimizer);
      const summary = atStop.kind === "not settled"
        ? atStop.text
        : `${effectSubject(study, which)}, at ${atStop.stop}: ` +
          joinParts([atStop, atEqualLoss, ...scaleFree]) + missingText(study, own);
      return { ...which, atStop, atEqualLoss, inMeasures, summary };
    })
  );
  const optimizers = named.map((effect) => ({
    effect,
    findings: [{}, ...(scaleFreeText === undefined ? [] : [{ measure: scaleFreeText }])]
      .flatMap((options) => optimizersAtStop(study, runs, { effect, ...options })),
  }));
  return { effects, optimizers, atEqualRatio: effectsAtEqualRatio(study, runs) };
}

/** "falls ..., −0.40 nats [−0.42, −0.38]; at equal loss ... (paired differences, ..., n = 3 seeds)." */
function joinParts(findings: readonly PartFinding[]): string {
  const seeds = findings.filter(({ interval }) => interval !== null).map(({ n }) => String(n));
  const n = new Set(seeds).size === 1 ? seeds[0] : enumerate(seeds);
  return `${findings.map(({ part }) => part).join("; ")} ` +
    `(paired differences, 95 % intervals, n = ${n} seeds).`;
}
