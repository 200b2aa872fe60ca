/**
 * What the page shows of a selection: values, sentences, published cells.
 *
 * @module
 */
import {
  ANTITHETIC_MEASURE,
  atLossLevels,
  atStop,
  comparePublished,
  describeFinding,
  findAt,
  LEAD_MEASURE,
  listCurves,
  listFindings,
  listSeries,
  type PublishedCell,
  publishedCells,
  publishedSentences,
} from "~/lib/findings.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { type CellSummary, type Records, runsAt } from "~/lib/results.ts";
import { type MeanInterval, meanInterval } from "~/lib/statistics.ts";
import {
  type Cell,
  type EffectName,
  listCells,
  mainMeasure,
  measuresAt,
  type Study,
} from "~/lib/study.ts";

/** What the page knows. */
export interface ReportData {
  readonly study: Study;
  readonly records: Records;
}

/** The data that the page holds as JSON, packed by gzip, in base64. */
export async function unpackData(text: string): Promise<ReportData> {
  const bytes = Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return await new Response(stream).json();
}

/** What is chosen on the page. */
export interface Selection {
  readonly effect: EffectName;
  /** A stop's text, or a level of the full-set loss in nats. */
  readonly at: string;
  /** Canonical text. */
  readonly measure: string;
  readonly optimizers: readonly string[];
  readonly seeds: readonly number[];
  /** Whether published values stand beside ours. */
  readonly isPublished: boolean;
  /** How the axes are scaled. */
  readonly x: "log" | "linear";
  readonly y: "log" | "linear";
}

/** A cell with its measure over the chosen seeds, n, in the measure's unit. */
export interface ExploredCell extends Cell, MeanInterval, Pick<CellSummary, "trainLoss"> {}

/** What a selection shows. */
export interface Explored {
  /** Those that have a value. */
  readonly cells: readonly ExploredCell[];
  readonly published: readonly PublishedCell[];
  readonly sentences: readonly string[];
}

/** The measures of a study that any trajectory has at a stop or level. */
export function measuresOffered(study: Study, records: Records, at: string): string[] {
  const { first, others } = study.measures;
  if (isLevel(at)) {
    const single = others.filter((text) => parseMeasure(text).parameters.directions === undefined);
    return [...new Set([ANTITHETIC_MEASURE, LEAD_MEASURE, ...single])]
      .filter((measure) => listCurves(study, records, measure).length > 0);
  }
  const runs = runsAt(study, records, at);
  return [...new Set([...measuresAt(study, at), ...first, ...others])]
    .filter((text) => runs.some(({ measures }) => measures[text] !== undefined));
}

/** Answers a selection by the functions that figures, tables and findings are made by. */
export function explore(
  study: Study,
  records: Records,
  { effect, at, measure, optimizers, seeds, isPublished }: Omit<Selection, "x" | "y">,
): Explored {
  const chosen = { ...study, grid: { ...study.grid, effects: [effect], optimizers, seeds } };
  // Among all optimizers, as on the page of findings; of all seeds it is remembered.
  const isWhole = String(seeds) === String(study.grid.seeds);
  const whole = isWhole ? study : { ...study, grid: { ...study.grid, seeds } };
  const judged = listFindings(whole, records);
  const stop = atStop(chosen, records, mainMeasure(study), { where: "stop" });
  const place = isLevel(at)
    ? atLossLevels(chosen, records, measure).find(({ level }) => level === Number(at))!
    : atStop(chosen, records, measure, { stop: at });
  const isChosen = (cell: Pick<Cell, "effect" | "optimizer">): boolean =>
    cell.effect === effect && optimizers.includes(cell.optimizer);
  const published = isPublished ? publishedCells(chosen, measure).filter(isChosen) : [];
  return {
    cells: listCells(chosen).flatMap((cell) => {
      const { bySeed, loss: trainLoss = null } = place.valuesOf(cell);
      if (bySeed.size === 0) return [];
      return [{ ...cell, ...meanInterval([...bySeed.values()]), trainLoss }];
    }),
    published,
    sentences: [
      ...listSeries(chosen).map((each) =>
        describeFinding(
          judged.find((one) =>
            one.subject === each.subject && one.place === place.place && one.measure === measure
          ) ?? findAt(each, place, stop),
        )
      ),
      ...(published.length > 0
        ? publishedSentences(comparePublished(whole, records), isChosen)
        : []),
    ],
  };
}

/** Whether it is a level of the loss, not a stop. */
export function isLevel(at: string): boolean {
  return Number.isFinite(Number(at));
}
