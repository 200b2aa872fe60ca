/**
 * What a Deno notebook shows: figures, tables, and progress that stays in one place. Whatever shows
 * something throws an Error outside a notebook.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import type * as Plot from "@observablehq/plot";
import { Buffer } from "node:buffer";
import { type Figure, renderPlot, renderPng } from "~/lib/figures.ts";
import { entryText, plural } from "~/lib/files/numbers.ts";
import { formatProgress, throttled } from "~/lib/files/progress.ts";
import { cellColumns, cellNote } from "~/lib/findings.ts";
import { run, type RunOptions, type RunOutcome } from "~/lib/reproduce.ts";
import { type Runs, runsAt, summariseCells, tableOf } from "~/lib/results.ts";
import { listTrajectories, type Study } from "~/lib/study.ts";
import { parseStop } from "~/lib/trainer.ts";

/** Milliseconds between two states of the progress. */
const INTERVAL = 200;
/**
 * Milliseconds after each output. Deno's kernel (2.9.6) may report a cell as finished before its
 * last outputs are sent, and nbconvert then drops them: 22 of 40 last expressions came late, 7 of
 * 40 broadcasts, and none with a pause of 0, 10 or 50 ms after it.
 */
const SETTLE = 20;

/**
 * Long work in a cell's output: progress in the place of the last, at most five times a second, and
 * messages that stay.
 */
export interface NotebookDisplay extends Required<Pick<RunOptions, "onProgress" | "onMessage">> {
  /** Leaves `message` in the progress' place, or nothing. */
  close(message?: string): Promise<void>;
}

/**
 * Shows a figure as PNG of twice its size. An SVG would look sharper, but the HTML of nbconvert 6.5
 * prefers it and then drops all but its text; code hosts drop it too.
 */
export async function showFigure(figure: Figure): Promise<void> {
  await showPicture(figure, `${figure.title}. ${figure.caption}`);
}

/** Shows a plot of one's own as PNG, with Observable Plot's options. */
export async function showPlot(options: Plot.PlotOptions): Promise<void> {
  const { width = 640, height = 400 } = options;
  const drawn = renderPlot({ width, height, ...options, axis: undefined } as Plot.PlotOptions);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">` +
    `<rect width="100%" height="100%" fill="#fff"/>${drawn}</svg>`;
  await showPicture({ svg, width, height }, "A plot");
}

/** Shows sentences as a list, Markdown where the notebook's front end renders it. */
export async function showSentences(sentences: readonly string[]): Promise<void> {
  const plain = sentences.length === 0 ? ["Nothing to compare, or too few results."] : sentences;
  await show({
    "text/markdown": plain.map((sentence) => `- ${sentence.trim()}`).join("\n"),
    "text/plain": plain.join("\n"),
  });
}

/**
 * Shows a table as HTML: whole numbers as they are, others to four significant digits. Headings
 * without a row would say nothing: then it says that there is none.
 *
 * @param limit Rows that are shown; default 20.
 */
export async function showTable(
  table: ColumnTable,
  { limit = 20 }: { readonly limit?: number } = {},
): Promise<void> {
  if (table.numRows() === 0) return await show({ "text/plain": "No row: too few results." });
  const names = table.columnNames();
  const format = Object.fromEntries(names.map((name) => [name, entryText]));
  await show({
    "text/html": table.toHTML({ limit, format, null: () => "" }) +
      (table.numRows() > limit ? `<p>The first ${limit} of ${table.numRows()} rows.</p>` : ""),
    "text/plain": `${plural(table.numRows(), "row")}: ${names.join(", ")}`,
  });
}

/**
 * Opens a display whose progress replaces itself. `close()` it before the cell ends: a time left
 * that stays in the output would differ from one execution to the next.
 */
export function showProgress(): NotebookDisplay {
  const id = crypto.randomUUID();
  let sent: Promise<void> | undefined;
  // What is updated must have been shown; a first state that goes at once is compared by nbval.
  const next = async (text: string): Promise<void> => {
    const update = sent !== undefined;
    await sent;
    await show({ "text/plain": text }, { id, update });
  };
  return {
    onProgress: throttled(INTERVAL, (progress) => {
      sent = next(formatProgress(progress));
    }),
    onMessage: (message) => console.log(message),
    close: (message = "") => sent = next(message),
  };
}

/**
 * Runs a study with its progress in the cell's output, which ends with what there is and what is
 * missing. A cell whose kernel was interrupted goes on where it stopped when it is run again.
 *
 * @param options `cachedOnly: true` computes nothing.
 * @returns What `run` does, and `runs`: those at the study's first stop.
 */
export async function showRun(
  study: Study,
  options: RunOptions = {},
): Promise<RunOutcome & { readonly runs: Runs }> {
  const { close, ...display } = showProgress();
  const outcome = await run(study, { ...display, ...options });
  const runs = runsAt(study, outcome.records);
  const missing = outcome.missingRuns === 0
    ? "none missing"
    : `${outcome.missingRuns} of ${listTrajectories(study).length} not complete`;
  const [stop = ""] = study.stops;
  const results = `${plural(runs.length, "run")} with a result`;
  const short = runs.filter(({ training }) => training.stopped !== "reached").length;
  const least = short === 0 ? "" : `${short} of them did not reach it, `;
  await close(`${results} at the stop ${stop} (${parseStop(stop).words}), ${least}${missing}`);
  return { ...outcome, runs };
}

/** Shows a study's cells: see `cellColumns`. */
export async function showCells(study: Study, runs: Runs): Promise<void> {
  const cells = summariseCells(study, runs).filter(({ seeds }) => seeds.length > 0);
  const note = cells.some((cell) => cellNote(cell) !== "") ? { note: cellNote } : {};
  await showTable(tableOf({ ...cellColumns(study), ...note }, cells), { limit: cells.length });
}

/** A picture of twice its size, and what stands for it as text. */
async function showPicture(
  picture: Pick<Figure, "svg" | "width" | "height" | "inches">,
  text: string,
): Promise<void> {
  const { width, height } = picture;
  const png = Buffer.from(await renderPng(picture)).toString("base64");
  await show({ "image/png": png, "text/plain": text }, {
    metadata: { "image/png": { width, height } },
  });
}

async function show(
  data: Record<string, string>,
  { id, update = false, metadata = {} }: {
    id?: string;
    update?: boolean;
    metadata?: Record<string, unknown>;
  } = {},
): Promise<void> {
  await Deno.jupyter.broadcast(update ? "update_display_data" : "display_data", {
    data,
    metadata,
    transient: id === undefined ? {} : { display_id: id },
  });
  await new Promise((resolve) => setTimeout(resolve, SETTLE));
}
