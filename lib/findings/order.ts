/**
 * Whether the order of the images matters: to sharpness, and to the loss that a stop looks at.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { scientific } from "~/lib/files/numbers.ts";
import { compare, type Comparison, formatComparison } from "~/lib/findings/contrast.ts";
import {
  atLossLevels,
  atStop,
  CURVE_MEASURE,
  LEAD_MEASURE,
  type Place,
} from "~/lib/findings/places.ts";
import { enumerate, formatEstimate } from "~/lib/findings/words.ts";
import { parseMeasure } from "~/lib/measure.ts";
import type { OrderTrace } from "~/lib/reproduce.ts";
import { type Records, runsAt, tableOf } from "~/lib/results.ts";
import { meanInterval } from "~/lib/statistics.ts";
import { listCells, mainMeasure, type Study } from "~/lib/study.ts";

/** One cell's shuffled networks against those in file order, paired by seed. */
export interface OrderComparison extends Comparison, Pick<Place, "place" | "measure"> {
  readonly learningRate: number;
}

/**
 * Compares the cells of a study in shuffled order with the same cells in file order: sharpness at the
 * stop and, with the scale-free measure, at the levels of the full-set loss.
 *
 * @param records Of both studies; those of neither are passed over.
 */
export function compareOrders(file: Study, shuffled: Study, records: Records): OrderComparison[] {
  const [first, last] = [file, shuffled].map((study) => [
    ...[mainMeasure(study), LEAD_MEASURE]
      .map((text) => atStop(study, runsAt(study, records), text)),
    ...[CURVE_MEASURE, LEAD_MEASURE].flatMap((text) => atLossLevels(study, records, text)),
  ]);
  return listCells(shuffled).flatMap((cell) =>
    first!.flatMap(({ place, measure, valuesOf }, i) => {
      const found = compare({
        first: { name: "file order", ...valuesOf(cell) },
        last: { name: "shuffled", ...last![i]!.valuesOf(cell) },
        unit: parseMeasure(measure).unit,
      });
      return found ? [{ ...found, learningRate: cell.learningRate, place, measure }] : [];
    })
  );
}

/** One row a cell and place. */
export function orderTable(found: readonly OrderComparison[]): ColumnTable {
  return tableOf<OrderComparison>({
    "learning rate": ({ learningRate }) => scientific(learningRate),
    measure: ({ measure }) => parseMeasure(measure).label,
    where: ({ place }) => place,
    "shuffled / file order": formatComparison,
    verdict: ({ kind }) => kind,
    seeds: ({ n }) => n,
  }, found);
}

/**
 * How far the loss that a stop looks at, the mean over an epoch's batches, lies below the loss of the
 * network that it has then, by learning rate and order; and where the same rule on the full-set loss
 * would have ended.
 */
export function orderSentences(traces: readonly OrderTrace[]): string[] {
  return [...Map.groupBy(traces, ({ learningRate }) => learningRate)].map(([rate, own]) => {
    const parts = [...Map.groupBy(own, ({ order }) => order)].map(([order, some]) => {
      const gaps = some.flatMap(({ stops: { batches }, epochs }) => {
        const at = epochs[(batches ?? 0) - 1];
        return at === undefined ? [] : [at.fullSet - at.batches];
      });
      const ends = (key: "batches" | "fullSet"): string =>
        enumerate(some.map(({ stops }) => String(stops[key] ?? "none")));
      return `${order === "file" ? "in file order" : "shuffled"} by ` +
        `${formatEstimate(meanInterval(gaps))} nats; it ends at epoch ${ends("batches")}, ` +
        `on the full-set loss at ${ends("fullSet")}`;
    });
    const n = new Set(own.map(({ seed }) => seed)).size;
    return `Learning rate ${
      scientific(rate)
    }: at the stop the loss of the network lies above the ` +
      `mean over its last epoch's batches ${parts.join("; ")} (n = ${n} seeds).`;
  });
}
