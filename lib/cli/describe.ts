/**
 * Results and plans as lines for a terminal, and the memory that they take.
 *
 * @module
 */
import { plural } from "~/lib/files/numbers.ts";
import { formatSeconds } from "~/lib/files/text.ts";
import { parseMeasure } from "~/lib/measure.ts";
import type { Agreement, Plan } from "~/lib/reproduce.ts";
import { type CellSummary, valueBySeed } from "~/lib/results.ts";
import type { Study } from "~/lib/study.ts";
import { describeTrajectory } from "~/lib/trainer.ts";

const BASIS = (measured: boolean): string =>
  measured
    ? "by rates and epochs seen here in runs like these"
    : "roughly: nothing was computed on this machine yet";

/** What `reproduce` is about to do, and how long it takes. */
export function describeStart(
  { preset }: Study,
  { runs, secondsOfMissing, measured }: Plan,
  { cachedOnly }: { readonly cachedOnly: boolean },
): string {
  const missing = runs.filter(({ cached }) => !cached).length;
  const what = `The study ${preset}: ${plural(runs.length, "run")}, ${
    missing === 0 ? "all" : runs.length - missing
  } cached`;
  return missing === 0 || cachedOnly
    ? `${what}; figures and tables are drawn in seconds`
    : `${what}; the ${missing} others are trained and measured in about ` +
      `${formatSeconds(secondsOfMissing)}, ${BASIS(measured)}; Ctrl-C keeps what is finished`;
}

/** A plan: a line a run, then what is missing and what it takes. */
export function describePlan(
  { runs, secondsOfMissing, measured }: Plan,
  { threads, memory }: { readonly threads: number; readonly memory: number },
): string[] {
  const states = runs.map(({ cached, heldBy }) =>
    cached ? "cached" : heldBy === null ? "missing" : "running"
  );
  const count = (state: string): string => {
    return `${states.filter((each) => each === state).length} ${state}`;
  };
  return [
    ...runs.map(({ trajectory, epochs, cached, heldBy, seconds }, place) => {
      const left = cached ? "" : `, about ${formatSeconds(seconds)} of one thread left`;
      return `${states[place]!.padEnd(8)} ${describeTrajectory(trajectory)}: ${epochs} epochs` +
        left + (heldBy === null ? "" : `, ${heldBy}`);
    }),
    `${runs.length} runs: ${["cached", "running", "missing"].map(count).join(", ")}; about ` +
    `${formatSeconds(secondsOfMissing)} left on ${plural(threads, "thread")} of this machine, ` +
    BASIS(measured),
    `It takes up to ${formatBytes(memory)} of memory`,
  ];
}

/** What was found, a line a cell that has results. */
export function describeCells(study: Study, cells: readonly CellSummary[]): string[] {
  const shown = cells.filter(({ seeds }) => seeds.length > 0);
  const [first] = shown;
  if (first === undefined) return ["No cell of this study has a result yet"];
  const { label, unit } = parseMeasure(first.measure);
  const columns: Readonly<Record<string, (cell: CellSummary) => string>> = {
    optimizer: ({ optimizer }) => optimizer,
    "learning rate": ({ learningRate }) => String(learningRate),
    "batch size": ({ batchSize }) => String(batchSize),
    seeds: (cell) => String(cell.value === null ? cell.seeds.length : valueBySeed(cell).size),
    // An eigenvalue that has not converged is a lower bound.
    [`${label} (${unit})`]: ({ value, unresolved }) =>
      (value?.mean.toPrecision(4) ?? "-") + (unresolved.length > 0 ? ", not converged" : ""),
    "95 % interval over seeds": ({ value }) =>
      value?.interval?.map((end) => end.toPrecision(3)).join(" .. ") ?? "-",
    "train loss": ({ trainLoss }) => trainLoss?.toFixed(3) ?? "-",
    accuracy: ({ trainAccuracy }) =>
      trainAccuracy === null ? "-" : `${(100 * trainAccuracy).toFixed(0)} %`,
    epochs: ({ epochs }) => epochs?.toFixed(0) ?? "-",
    "": ({ diverged, unconverged }) =>
      diverged.length > 0
        ? `${diverged.length} diverged`
        : unconverged.length > 0
        ? "stop not reached"
        : "",
  };
  const rows = [
    Object.keys(columns),
    ...shown.map((cell) => Object.values(columns).map((textOf) => textOf(cell))),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return [
    `${label} at ${study.stops[0]}:`,
    ...rows.map((row) =>
      row.map((text, column) => text.padEnd(widths[column]!)).join("  ").trimEnd()
    ),
  ];
}

/** How far a run that was computed again agrees. */
export function describeAgreement({ trajectory, ...agreement }: Agreement): string[] {
  const { identical, epochs: [before, now], epochLosses, values, missing } = agreement;
  const name = describeTrajectory(trajectory);
  if (identical) return [`${name}: the same to the bit, ${before} epochs`];
  return [
    `${name}: stop at epoch ${now} (was ${before}), epoch losses within ` +
    `${epochLosses.toExponential(1)} relative`,
    ...Object.entries(values).map(([value, difference]) =>
      `  ${value}: ${difference === 0 ? "the same" : `differs by ${difference.toExponential(1)}`}`
    ),
    ...missing.map((measure) => `  ${measure}: only one of the two has it`),
  ];
}

/**
 * Bytes at most that `reproduce` takes on the CPU with the study's network. Measured with all measures
 * of the preset quick: 0.91 GB for 10,000 images and one thread, 1.19 GB for two threads, 2.31 GB for
 * 50,000 images and two threads; what training alone takes is some 40 % of it.
 */
export function memoryOf(
  { images, threads }: { readonly images: number; readonly threads: number },
): number {
  return 360e6 + 28e3 * images + 280e6 * threads;
}

/** "1.2 GB". */
export function formatBytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
