/**
 * The edge of stability: what the Hessian's largest eigenvalue does along training.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { significant } from "~/lib/files/numbers.ts";
import { formatEstimate } from "~/lib/findings/words.ts";
import { measureThat, parseMeasure } from "~/lib/measure.ts";
import { type CellSummary, type Records, runsAt, summariseCells, tableOf } from "~/lib/results.ts";
import { meanInterval } from "~/lib/statistics.ts";
import { presets, type Study, withMeasures } from "~/lib/study.ts";

/** The optimizer whose edge is 2 / learning rate: gradient descent without momentum. */
const EDGE_OPTIMIZER = "SGD";

/** Name of the measure whose edge that is: lambda-max. */
export const EIGENVALUE = measureThat(({ edgeOf }) => edgeOf === EDGE_OPTIMIZER);

/**
 * The text of the eigenvalue that bounds this optimizer, by default gradient descent: the study's, else
 * that of quick; undefined for an optimizer that has no edge here.
 */
export function edgeMeasure({ measures }: Study, optimizer = EDGE_OPTIMIZER): string | undefined {
  return [...measures.first, ...presets.quick.measures.first]
    .find((text) => parseMeasure(text).edgeOf === optimizer);
}

/** A network on a trajectory of the edge's study. */
export interface EdgePoint {
  /** "SGD, full batch, lr 0.05". */
  readonly series: string;
  readonly optimizer: string;
  readonly epoch: number;
  /** Largest eigenvalue of the Hessian of the full-set loss, nats per unit^2. */
  readonly lambdaMax: number;
  /** Where 2 / lr is the edge: full-batch SGD without momentum. */
  readonly learningRate?: number | undefined;
}

/** The networks of a study whose first measure is lambda max, by series and epoch. */
export function edgeRows(study: Study, records: Records): EdgePoint[] {
  const text = edgeMeasure(study)!;
  const runs = study.stops.flatMap((stop) => runsAt(study, records, stop))
    .filter(({ measures }) => measures[text] !== undefined);
  return runs.map(({ config, training: { epochs: epoch }, measures }): EdgePoint => {
    const { optimizer, learningRate, batchSize, images } = config;
    const isFullBatch = batchSize >= images;
    const batch = isFullBatch ? "full batch" : `batch ${batchSize}`;
    return {
      series: `${optimizer}, ${batch}, lr ${learningRate}`,
      ...{ optimizer, epoch, lambdaMax: measures[text]!.estimate },
      learningRate: isFullBatch && optimizer === EDGE_OPTIMIZER ? learningRate : undefined,
    };
  }).sort((a, b) => a.series < b.series ? -1 : a.series > b.series ? 1 : a.epoch - b.epoch);
}

/**
 * The cells of a study with the eigenvalue whose edge is 2 / learning rate, AdaGrad's of the
 * preconditioned Hessian, whether the study asks for it or not; none of an optimizer that has no edge
 * here, and none in which it was not measured; without a value where it has lower bounds alone. The
 * mean and its interval are taken on the log scale, unless a value is not above 0. The interval's upper
 * end is raised by what the residuals add to that mean: Lanczos comes from below, and an eigenvalue lies
 * within its residual.
 */
export function edgeCells(asked: Study, records: Records): CellSummary[] {
  const { grid: { optimizers } } = asked;
  const study = withMeasures(asked, optimizers.flatMap((each) => edgeMeasure(asked, each) ?? []));
  const runs = runsAt(study, records);
  return optimizers.flatMap((optimizer) => {
    const text = edgeMeasure(study, optimizer);
    const cells = text === undefined ? [] : summariseCells(study, runs, text);
    return cells.flatMap(({ value, ...cell }): CellSummary[] => {
      if (cell.optimizer !== optimizer) return [];
      if (value === null) return cell.lowerBounds.size === 0 ? [] : [{ ...cell, value }];
      const values = [...cell.bySeed.values()];
      const [scaled, back] = Math.min(...values) > 0 ? [Math.log, Math.exp] : [Number, Number];
      const found = meanInterval(values.map((each) => scaled(each)));
      const above = [...cell.bySeed].map(([seed, each]) => each + (cell.residuals.get(seed) ?? 0));
      const shift = meanInterval(above.map((each) => scaled(each))).mean - found.mean;
      const [low = 0, high = 0] = found.interval ?? [];
      const interval = found.interval && [back(low), back(high + shift)] as const;
      return [{ ...cell, value: { ...value, mean: back(found.mean), interval } }];
    });
  });
}

/**
 * One row a cell of `edgeCells` that has a value: learning rate x lambda max, and on which side of 2 its
 * interval lies.
 */
export function edgeTable(cells: readonly CellSummary[]): ColumnTable {
  const rows = cells.flatMap(({ value, learningRate: rate, ...cell }) =>
    value === null ? [] : {
      ...{ ...cell, rate, eigenvalue: value.mean },
      interval: value.interval && [rate * value.interval[0], rate * value.interval[1]] as const,
    }
  );
  return tableOf<typeof rows[0]>({
    optimizer: ({ optimizer }) => optimizer,
    "learning rate": ({ rate }) => rate,
    "batch size": ({ batchSize }) => batchSize,
    "learning rate × λ max": ({ rate, eigenvalue, interval }) =>
      formatEstimate({ mean: rate * eigenvalue, interval }),
    "against 2": ({ interval }) => {
      if (interval === null) return "one seed";
      return interval[1] < 2 ? "below" : interval[0] > 2 ? "above" : "not told apart";
    },
    "residual / λ max": ({ residuals, bySeed }) => {
      const shares = [...residuals].map(([seed, residual]) => residual / bySeed.get(seed)!);
      const isShare = shares.length > 0 && Math.min(...bySeed.values()) > 0;
      return isShare ? significant(meanInterval(shares).mean, 2) : "";
    },
    seeds: ({ bySeed }) => bySeed.size,
  }, rows);
}
