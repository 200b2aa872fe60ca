/**
 * What is compared, and where: series of cells, at a stop or at equal full-set loss, in a measure; and a
 * measure along a trajectory, with its value where the loss passes a level.
 *
 * @module
 */
import { scientific } from "~/lib/files/numbers.ts";
import { type End, FEWEST_SEEDS } from "~/lib/findings/contrast.ts";
import { currentName, measureThat, parseMeasure } from "~/lib/measure.ts";
import {
  locateStop,
  type Measurement,
  type Records,
  runsAt,
  summariseCells,
  type TrajectoryRecord,
} from "~/lib/results.ts";
import { meanInterval } from "~/lib/statistics.ts";
import { byCell, type Cell, EFFECTS, effectValue, listCells, type Study } from "~/lib/study.ts";

/** A network of a trajectory with the value of a measure. */
export interface CurvePoint {
  /** Full-set loss in nats. */
  readonly trainLoss: number;
  /** The mean over the first K directions, which all curves that are compared have. */
  readonly value: number;
  /** Whether it is the network at the study's first stop. */
  readonly atStop: boolean;
}

/** A measure along one trajectory. */
export interface Curve {
  readonly cell: Cell;
  readonly seed: number;
  /** K; null where the measure has no directions. */
  readonly directions: number | null;
  /** By epoch, ascending. */
  readonly points: readonly CurvePoint[];
}

/** Name of the measure along training: sharpness without the slope's noise. */
export const ANTITHETIC_MEASURE = measureThat(({ isAlongTraining }) => isAlongTraining);
/** Name of the measure that sees neither a layer's scale nor, at equal loss, how far training got. */
export const LEAD_MEASURE = measureThat(({ isLead }) => isLead);
/**
 * Levels of the full-set loss in nats at which cells are compared: those of the presets' `loss:` stops,
 * whose highest one, 1.9, only bounds 1.7 from above.
 */
export const LOSS_LEVELS: readonly number[] = [1.7, 1.5, 1.3, 1.1, 0.9, 0.7];
/** Networks whose losses lie further apart, in nats, give no value between them. */
export const WIDEST_BRACKET = 0.25;

/**
 * The curves of a study's trajectories that have a network with the measure, in the order of
 * `listCells`, seed by seed; networks beyond the study's own stops, which a stricter one kept, too.
 *
 * Values are means over the first K directions, K the fewest that one of the networks has: so all have
 * the same directions, whose differences from one another cancel in a pair.
 *
 * @param measure Its text; values with any number of directions count.
 */
export function listCurves(study: Study, records: Records, measure: string): Curve[] {
  const recordsOf = byCell(study, records, ({ content }) => content.trajectory);
  const found = listCells(study).flatMap((cell) =>
    recordsOf(cell).map(({ content }) => (
      { cell, seed: content.trajectory.seed, networks: networksWith(study, content, measure) }
    )).filter(({ networks }) => networks.length > 0)
  );
  const counts = found.flatMap(({ networks }) =>
    networks.flatMap(({ samples }) => samples?.length ?? [])
  );
  const directions = counts.length === 0 ? null : Math.min(...counts);
  return found.map(({ cell, seed, networks }): Curve => ({
    ...{ cell, seed, directions },
    points: networks.map(({ samples, estimate, ...point }) => ({
      ...point,
      value: samples === undefined ? estimate : meanInterval(samples.slice(0, directions!)).mean,
    })),
  }));
}

/**
 * The measure's value where the full-set loss first passes a level between two neighbouring networks:
 * linear in the loss, of the value's logarithm (of the value where one is not above 0); and by the
 * monotone cubic of Steffen (https://ui.adsabs.harvard.edu/abs/1990A&A...239..443S), whose slopes take
 * one more network on either side, where its loss goes on in the same direction. How far the two lie
 * apart is the error of interpolating.
 *
 * @returns Null where no two neighbours have the level between them, or the two lie further apart than
 * `WIDEST_BRACKET`: nothing is extrapolated, and nothing bridged.
 */
export function valueAtLoss(
  points: readonly CurvePoint[],
  level: number,
): { readonly value: number; readonly cubic: number } | null {
  const exact = points.findIndex(({ trainLoss }) => trainLoss === level);
  const place = points.findIndex((point, i) =>
    i + 1 < points.length && (point.trainLoss - level) * (points[i + 1]!.trainLoss - level) < 0
  );
  if (exact >= 0 && (place < 0 || exact <= place)) {
    return { value: points[exact]!.value, cubic: points[exact]!.value };
  }
  const [from, to] = points.slice(place, place + 2);
  if (place < 0 || Math.abs(from!.trainLoss - to!.trainLoss) > WIDEST_BRACKET) return null;
  const isLog = from!.value > 0 && to!.value > 0;
  const pointAt = (i: number): { x: number; y: number } | undefined => {
    const point = points[i];
    if (point === undefined || (isLog && point.value <= 0)) return undefined;
    return { x: point.trainLoss, y: isLog ? Math.log(point.value) : point.value };
  };
  const [a, b] = [pointAt(place)!, pointAt(place + 1)!];
  const [step, secant] = [b.x - a.x, (b.y - a.y) / (b.x - a.x)];
  const slope = (end: typeof a, beyond: typeof a | undefined): number => {
    const outward = beyond === undefined ? 0 : beyond.x - end.x;
    // The loss goes on outwards, or else the joint is a free end.
    if (!(outward * (end.x - (a.x + b.x) / 2) > 0)) return secant;
    const outer = (beyond!.y - end.y) / outward;
    const mean = (outer * Math.abs(step) + secant * Math.abs(outward)) /
      (Math.abs(step) + Math.abs(outward));
    return (Math.sign(outer) + Math.sign(secant)) *
      Math.min(Math.abs(outer), Math.abs(secant), Math.abs(mean) / 2);
  };
  const [m1, m2] = [slope(a, pointAt(place - 1)), slope(b, pointAt(place + 2))];
  const t = (level - a.x) / step;
  const linear = a.y + (b.y - a.y) * t;
  const cubic = a.y * (1 + 2 * t) * (1 - t) ** 2 + b.y * t ** 2 * (3 - 2 * t) +
    step * t * (1 - t) * (m1 * (1 - t) - m2 * t);
  return isLog ? { value: Math.exp(linear), cubic: Math.exp(cubic) } : { value: linear, cubic };
}

/** A trajectory's networks that have the measure, with its value of the most directions. */
function networksWith(
  study: Study,
  content: TrajectoryRecord["content"],
  text: string,
): (Omit<CurvePoint, "value"> & { estimate: number; samples: number[] | undefined })[] {
  const { name, parameters: { directions: _, ...asked } } = parseMeasure(text);
  const stop = locateStop(study, study.stops[0]!, content)?.epoch;
  const countOf = ({ protocol }: Measurement): number => Number(protocol.directions ?? 0);
  return content.networks.flatMap(({ epoch, trainLoss, measures }) => {
    const [best] = measures.filter(({ measure, protocol }) =>
      currentName(measure) === name &&
      Object.entries(asked).every(([key, value]) => protocol[key] === value)
    ).sort((a, b) => countOf(b) - countOf(a));
    return best === undefined ? [] : [{
      ...{ trainLoss, atStop: epoch === stop, estimate: best.estimate },
      samples: Array.isArray(best.samples) ? best.samples : undefined,
    }];
  });
}

/** Cells that differ in one factor, by ascending value. */
export interface Series extends Pick<Cell, "effect" | "optimizer"> {
  /** Whether the optimizer is compared, cell by cell, with the study's first: the reference. */
  readonly isAgainst: boolean;
  readonly reference: string;
  /** "SGD, learning rate (batch size 128)", "AdaGrad against SGD, by learning rate". */
  readonly subject: string;
  readonly cells: readonly Cell[];
  nameOf(cell: Cell): string;
}

/** Where cells are compared, and in which measure. */
export interface Place {
  /** At the study's first stop in its first measure, there in another, or at equal loss. */
  readonly where: "stop" | "measure" | "loss";
  /** "at cumulative:1e-3", "at 1.3 nats". */
  readonly place: string;
  /** Of the full-set loss in nats, at equal loss. */
  readonly level?: number;
  /** A measure's text. */
  readonly measure: string;
  /** A cell's values, of no seed where there are none. */
  valuesOf(cell: Cell): Omit<End, "name">;
}

/**
 * The series of a study: each effect for each optimizer, and the pairs that have their learning rate /
 * batch size in common, by batch size, where there are several; then every optimizer against the first.
 */
export function listSeries(study: Study): Series[] {
  const [reference = ""] = study.grid.optimizers;
  const groups = Map.groupBy(
    listCells(study),
    (cell) => `${cell.optimizer} ${cell.effect} ${cell.effect === "pairs" && effectValue(cell)}`,
  );
  const series = [...groups.values()].flatMap((cells): Series[] => {
    const { effect, optimizer } = cells[0]!;
    const isPairs = effect === "pairs";
    const { label, other, valueOf, format } = EFFECTS[isPairs ? "batch-size" : effect];
    const what = isPairs
      ? `at equal learning rate / batch size (${scientific(effectValue(cells[0]!))})`
      : `(${other(study)})`;
    return isPairs && cells.length < 2 ? [] : [{
      ...{ effect, optimizer, reference, isAgainst: false },
      subject: `${optimizer}, ${label} ${what}`,
      cells: cells.toSorted((a, b) => valueOf(a) - valueOf(b)),
      nameOf: (cell) => format(valueOf(cell)),
    }];
  });
  const against = series.filter((own) => own.effect !== "pairs" && own.optimizer !== reference);
  return [
    ...series,
    ...against.map((own) => ({
      ...{ ...own, isAgainst: true },
      subject: `${own.optimizer} against ${reference}, by ${EFFECTS[own.effect].label}`,
    })),
  ];
}

/**
 * A measure of a study's networks at a stop, by default its first; an eigenvalue's other value is greater
 * by the residual.
 */
export function atStop(
  study: Study,
  records: Records,
  measure: string,
  { stop = study.stops[0] ?? "", where = "measure" }: {
    readonly stop?: string;
    readonly where?: "stop" | "measure";
  } = {},
): Place {
  const summaries = summariseCells(study, runsAt(study, records, stop), measure);
  const cells = new Map(summaries.map((cell) => [keyOf(cell), cell]));
  return {
    ...{ where, place: `at ${stop}`, measure },
    valuesOf: (cell) => {
      const found = cells.get(keyOf(cell));
      const bySeed = found?.bySeed ?? new Map<number, number>();
      const { residuals = new Map<number, number>(), trainLoss: loss = null } = found ?? {};
      const others = new Map([...residuals].map(([seed, own]) => [seed, bySeed.get(seed)! + own]));
      return { bySeed, others, isFromBelow: residuals.size > 0, loss };
    },
  };
}

/** A measure where trajectories pass the levels of the full-set loss, one place a level. */
export function atLossLevels(study: Study, records: Records, measure: string): Place[] {
  const curves = Map.groupBy(listCurves(study, records, measure), ({ cell }) => keyOf(cell));
  return LOSS_LEVELS.map((level): Place => ({
    ...{ where: "loss", place: `at ${level} nats`, level, measure },
    valuesOf: (cell) => {
      const found = (curves.get(keyOf(cell)) ?? []).flatMap(({ seed, points }) => {
        const value = valueAtLoss(points, level);
        return value === null ? [] : [{ seed, ...value }];
      });
      return {
        bySeed: new Map(found.map(({ seed, value }) => [seed, value])),
        others: new Map(found.map(({ seed, cubic }) => [seed, cubic])),
        loss: level,
      };
    },
  }));
}

/**
 * The two cells that lie furthest apart in the factor, of those with `FEWEST_SEEDS` in common, which is
 * what a verdict needs; the more seeds, where several are as far apart. Where no two have that: the
 * first and the last; where there are not two: none.
 *
 * @param ends By ascending value, each with values.
 */
export function endsOf<T extends Pick<End, "bySeed">>(ends: readonly T[]): [first: T, last: T][] {
  const seeds = ends.map(({ bySeed }) => new Set(bySeed.keys()));
  const pairs = ends.flatMap((first, i) =>
    ends.slice(i + 1).map((last, span) => (
      { first, last, span, n: seeds[i]!.intersection(seeds[i + 1 + span]!).size }
    ))
  );
  const [best] = pairs.filter(({ n }) => n >= FEWEST_SEEDS).sort((a, b) =>
    b.span - a.span || b.n - a.n
  );
  if (best !== undefined) return [[best.first, best.last]];
  return ends.length < 2 ? [] : [[ends[0]!, ends.at(-1)!]];
}

function keyOf({ effect, optimizer, learningRate, batchSize }: Cell): string {
  return `${effect} ${optimizer} ${learningRate} ${batchSize}`;
}
