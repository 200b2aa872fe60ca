/**
 * Results and plans as lines for a terminal.
 *
 * @module
 */
import { formatSeconds } from "~/lib/files/text.ts";
import { openMeasure } from "~/lib/measure.ts";
import type { Agreement, Plan } from "~/lib/reproduce.ts";
import { type CellSummary, valueBySeed } from "~/lib/results.ts";
import type { Study } from "~/lib/study.ts";
import { describeTrajectory } from "~/lib/trainer.ts";

/** A plan: a line a run, then what is missing. */
export function describePlan({ runs, secondsOfMissing, measured }: Plan): string[] {
  const cached = runs.filter((run) => run.cached).length;
  const running = runs.filter((run) => run.heldBy !== null).length;
  const basis = measured
    ? "by rates and epochs seen here in runs like these"
    : "roughly: nothing was computed on this machine yet";
  return [
    ...runs.map((run) => {
      const state = run.cached ? "cached" : run.heldBy !== null ? "running" : "missing";
      const left = run.cached ? "" : `, about ${formatSeconds(run.seconds)} of one thread left`;
      const holder = run.heldBy === null ? "" : `, ${run.heldBy}`;
      return `${state.padEnd(8)} ${describeTrajectory(run.trajectory)}: ` +
        `${run.epochs} epochs${left}${holder}`;
    }),
    `${runs.length} runs: ${cached} cached, ${running} running, ` +
    `${runs.length - cached - running} missing; about ${formatSeconds(secondsOfMissing)} left ` +
    `on this machine's cores, ${basis}`,
  ];
}

/** What was found, a line a cell that has results. */
export function describeCells(study: Study, cells: readonly CellSummary[]): string[] {
  const shown = cells.filter(({ seeds }) => seeds.length > 0);
  const [first] = shown;
  if (first === undefined) return ["No cell of this study has a result yet"];
  const { label, unit } = openMeasure(first.measure);
  const rows = shown.map((cell) => {
    const { value, unconverged, diverged, seeds } = cell;
    const interval = value?.interval;
    return [
      cell.optimizer,
      String(cell.learningRate),
      String(cell.batchSize),
      String(value === null ? seeds.length : valueBySeed(cell).size),
      value === null ? "-" : value.mean.toPrecision(4),
      interval ? `${interval[0].toPrecision(3)} .. ${interval[1].toPrecision(3)}` : "-",
      cell.trainLoss?.toFixed(3) ?? "-",
      cell.trainAccuracy === null ? "-" : `${(100 * cell.trainAccuracy).toFixed(0)} %`,
      cell.epochs?.toFixed(0) ?? "-",
      diverged.length > 0
        ? `${diverged.length} diverged`
        : unconverged.length > 0
        ? "stop not reached"
        : "",
    ];
  });
  const head = [
    "optimizer",
    "learning rate",
    "batch size",
    "seeds",
    `${label} (${unit})`,
    "95 % interval over seeds",
    "train loss",
    "accuracy",
    "epochs",
    "",
  ];
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return [
    `${label} at ${study.stops[0]}:`,
    ...all.map((row) =>
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
