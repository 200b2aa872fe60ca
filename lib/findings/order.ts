/**
 * Whether the order of the images matters: to sharpness, and to the loss that a stop looks at.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { plural, scientific } from "~/lib/files/numbers.ts";
import {
  compare,
  type Comparison,
  FEWEST_SEEDS,
  formatComparison,
} from "~/lib/findings/contrast.ts";
import { FAMILY_ERROR } from "~/lib/findings/list_findings.ts";
import {
  ANTITHETIC_MEASURE,
  atLossLevels,
  atStop,
  LEAD_MEASURE,
  type Place,
} from "~/lib/findings/places.ts";
import { enumerate, formatEstimate } from "~/lib/findings/words.ts";
import { parseMeasure } from "~/lib/measure.ts";
import type { OrderTrace } from "~/lib/reproduce.ts";
import { type Records, tableOf } from "~/lib/results.ts";
import { holm, meanInterval } from "~/lib/statistics.ts";
import { listCells, mainMeasure, type Study } from "~/lib/study.ts";

/** One cell's shuffled networks against those in file order, paired by seed. */
export interface OrderComparison extends Comparison, Pick<Place, "place" | "measure"> {
  readonly learningRate: number;
}

/**
 * Compares the cells of a study in shuffled order with the same cells in file order: sharpness at the
 * stop and, with the scale-free measure, at the levels of the full-set loss, where `FEWEST_SEEDS` have
 * both. They are one family, adjusted by Holm.
 *
 * @param records Of both studies; those of neither are passed over.
 */
export function compareOrders(file: Study, shuffled: Study, records: Records): OrderComparison[] {
  const [first, last] = [file, shuffled].map((study) => [
    ...[mainMeasure(study), LEAD_MEASURE].map((text) => atStop(study, records, text)),
    ...[ANTITHETIC_MEASURE, LEAD_MEASURE].flatMap((text) => atLossLevels(study, records, text)),
  ]);
  const found = listCells(shuffled).flatMap((cell) =>
    first!.flatMap(({ place, measure, valuesOf }, i) => {
      const one = compare({
        first: { name: "file order", ...valuesOf(cell) },
        last: { name: "shuffled", ...last![i]!.valuesOf(cell) },
        unit: parseMeasure(measure).unit,
      });
      return one && one.n >= FEWEST_SEEDS
        ? [{ ...one, learningRate: cell.learningRate, place, measure }]
        : [];
    })
  );
  const ps = holm(found.map(({ p }) => p));
  return found.map((one, i) => ({
    ...one,
    verdict: ps[i]! > FAMILY_ERROR ? "inconclusive" : one.verdict,
  }));
}

/** One row a cell and place. */
export function orderTable(found: readonly OrderComparison[]): ColumnTable {
  return tableOf<OrderComparison>({
    "learning rate": ({ learningRate }) => scientific(learningRate),
    measure: ({ measure }) => parseMeasure(measure).label,
    where: ({ place }) => place,
    "shuffled / file order": formatComparison,
    verdict: ({ verdict }) => verdict,
    seeds: ({ n }) => n,
  }, found);
}

/**
 * How far the loss that a stop looks at, the mean over an epoch's batches, lies below the loss of the
 * network that it has then, by learning rate and order; and where the same rule on the full-set loss
 * would have ended.
 */
export function orderSentences(traces: readonly OrderTrace[]): string[] {
  const groups = Map.groupBy(traces, ({ learningRate, order }) => `${learningRate} ${order}`);
  return [...groups.values()].map((own) => {
    const { learningRate, order } = own[0]!;
    const rate = scientific(learningRate);
    const gaps = own.flatMap(({ stops: { batches }, epochs }) => {
      const at = epochs[(batches ?? 0) - 1];
      return at === undefined ? [] : [at.fullSet - at.batches];
    });
    const [ends, others] = (["batches", "fullSet"] as const).map((key) => {
      const known = own.flatMap(({ stops }) => stops[key] ?? []);
      const at = known.length === 0 ? "" : `, at epoch ${enumerate(known.map(String))}`;
      return `${known.length} of ${plural(own.length, "run")}${at}`;
    });
    const most = plural(Math.max(...own.map(({ epochs }) => epochs.length)), "epoch");
    const name = order === "file" ? "in file order" : "shuffled";
    const atStop = gaps.length === 0
      ? "the stop is not reached"
      : `at the stop the loss of all images is ${formatEstimate(meanInterval(gaps))} nats above ` +
        "the mean of the epoch's batches";
    return `Learning rate ${rate}, ${name}: ${atStop}. Within ${most} the rule ended ${ends}. ` +
      `On the loss of all images it would have ended ${others}.`;
  });
}
