/**
 * Everything that is said about a study's effects.
 *
 * @module
 */
import { effectAtStop } from "~/lib/findings/effect_at_stop.ts";
import { effectAtEqualLoss } from "~/lib/findings/equal_loss.ts";
import { effectsAtEqualRatio, ratiosAtEqualLoss } from "~/lib/findings/equal_ratio.ts";
import type { BriefFinding, Finding } from "~/lib/findings/finding.ts";
import {
  againstSubject,
  optimizersAtEqualLoss,
  optimizersAtStop,
} from "~/lib/findings/optimizer_effect.ts";
import { effectInMeasure } from "~/lib/findings/other_measure.ts";
import { rankedMeasures } from "~/lib/findings/rank_measures.ts";
import { effectSubject } from "~/lib/findings/words.ts";
import { openMeasure } from "~/lib/measure.ts";
import { runsAt, type TrajectoryRecord } from "~/lib/results.ts";
import type { EffectName, Study } from "~/lib/study.ts";

/** What is said of one effect for one optimizer, or of one optimizer against the study's first. */
export interface EffectFindings {
  readonly effect: EffectName;
  readonly optimizer: string;
  /** "SGD, learning rate (batch size 128)", "AdaGrad against SGD, by learning rate". */
  readonly subject: string;
  /** At the study's first stop, in its first measure. */
  readonly atStop: BriefFinding;
  /** There, in a measure that does not see the weights' scale; undefined where none was taken. */
  readonly scaleFree: BriefFinding | undefined;
  readonly atEqualLoss: BriefFinding;
}

/** What a study's records say about its effects, in the order of its grid. */
export interface Findings {
  readonly effects: readonly EffectFindings[];
  /** Every effect for every optimizer in scale-free measures, curvature and with frozen statistics. */
  readonly inMeasures: readonly Finding[];
  /** Every optimizer against the study's first, along every effect. */
  readonly optimizers: readonly EffectFindings[];
  /** Of the effect "pairs": at the stop, and at equal loss. */
  readonly atEqualRatio: readonly Finding[];
}

/** Computes every sentence about a study; nothing of it is thrown for what is missing. */
export function listFindings(study: Study, records: readonly TrajectoryRecord[]): Findings {
  const runs = runsAt(study, records);
  const others = rankedMeasures(study, runs)
    .filter((text) => openMeasure(text).isCrossCheck);
  const scaleFree = others.find((text) => openMeasure(text).isLead);
  const named = study.grid.effects.filter((effect) => effect !== "pairs");
  const each = named.flatMap((effect) =>
    study.grid.optimizers.map((optimizer) => ({ effect, optimizer }))
  );
  const inMeasures = each.map((which) =>
    others.map((other) => effectInMeasure(study, runs, { ...which, other }))
  );
  const effects = each.map((which, i): EffectFindings => ({
    ...which,
    subject: effectSubject(study, which),
    atStop: effectAtStop(study, runs, which),
    scaleFree: inMeasures[i]!.find((_, place) => others[place] === scaleFree),
    atEqualLoss: effectAtEqualLoss(study, records, which),
  }));
  const optimizers = named.flatMap((effect) => {
    const atStop = optimizersAtStop(study, runs, { effect });
    const relative = scaleFree === undefined
      ? []
      : optimizersAtStop(study, runs, { effect, measure: scaleFree });
    const atEqualLoss = optimizersAtEqualLoss(study, records, { effect });
    return study.grid.optimizers.slice(1).map((optimizer, i): EffectFindings => ({
      ...{ effect, optimizer },
      subject: againstSubject(study, { effect, optimizer }),
      ...{ atStop: atStop[i]!, scaleFree: relative[i], atEqualLoss: atEqualLoss[i]! },
    }));
  });
  return {
    effects,
    inMeasures: inMeasures.flat(),
    optimizers,
    atEqualRatio: [...effectsAtEqualRatio(study, runs), ...ratiosAtEqualLoss(study, records)],
  };
}
