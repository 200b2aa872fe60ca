/**
 * `deno task reproduce`: the study from data to figures, and what a terminal is told of it.
 *
 * @module
 */
import { join } from "node:path";
import { remarks, studyFrom } from "~/lib/cli/asked.ts";
import type { About, Main } from "~/lib/cli/main.ts";
import type { Values } from "~/lib/cli/options.ts";
import { formatBytes, memoryOf, planTasks, submitStudy } from "~/lib/cli/slurm.ts";
import { defaultThreads } from "~/lib/domain.ts";
import { writeWhole } from "~/lib/files/files.ts";
import { plural } from "~/lib/files/numbers.ts";
import { formatSeconds } from "~/lib/files/text.ts";
import {
  cellColumns,
  cellNote,
  listFindings,
  summarySentences,
  writeFindings,
} from "~/lib/findings.ts";
import { refreshReport } from "~/lib/report.ts";
import {
  type Agreement,
  type Folders,
  type Plan,
  plan,
  PROJECT_FOLDERS,
  run,
  verify,
} from "~/lib/reproduce.ts";
import {
  type CellSummary,
  reportCells,
  runsAt,
  runsCsv,
  summariseCells,
  type TrajectoryRecord,
} from "~/lib/results.ts";
import { type Study, studyName } from "~/lib/study.ts";
import { describeTrajectory } from "~/lib/trainer.ts";

type Options = Values & About & { readonly folders: Folders };

export const main: Main = async (values, about) => {
  const study = studyFrom(values);
  for (const remark of remarks(values, study)) about.onMessage(remark);
  const { models = PROJECT_FOLDERS.models, results = PROJECT_FOLDERS.results } = values;
  const options = { ...values, ...about, folders: { models, results } };
  if (values["dry-run"]) return await printPlan(study, options);
  if (values.slurm !== undefined) return await submitStudy(study, options);
  return await (values.verify === undefined ? runStudy : verifyRuns)(study, options);
};

async function printPlan(study: Study, options: Options): Promise<object> {
  const planned = await plan(study, options);
  const { threads = defaultThreads() } = options;
  const memory = memoryOf({ images: study.images, threads });
  const slurm = options.slurm === undefined ? undefined : planTasks(planned, study, options);
  if (!options.json) {
    for (const run of planned.runs) console.log(describeRun(run));
    console.log(describeTotal(planned, threads));
    console.log(`It takes up to ${formatBytes(memory)} of memory`);
    if (slurm !== undefined) console.log(slurm.lines.join("\n"));
  }
  return { preset: study.preset, ...planned, memory, slurm: slurm?.plan };
}

async function runStudy(study: Study, options: Options): Promise<object> {
  const { onMessage, folders, threads = defaultThreads() } = options;
  const cachedOnly = options["cached-only"] === true;
  const noWait = options["no-wait"] === true;
  const { cachedRuns, computedRuns, missingRuns, records } = await run(study, {
    ...{ ...options, cachedOnly, wait: !noWait },
    onPlan(planned): void {
      const isDrawn = cachedOnly || planned.runs.every(({ cached }) => cached);
      const total = describeTotal(planned, threads);
      const end = isDrawn ? "" : "; Ctrl-C keeps what is finished";
      onMessage(`The study ${study.preset}, ${total}${end}`);
    },
  });
  // Whoever works on the runs that are left draws when they are done.
  const isShared = noWait && !cachedOnly && missingRuns > 0;
  if (missingRuns > 0 && !cachedOnly && !noWait) Deno.exitCode = 1;
  let figures: string[] = [];
  if (!isShared) {
    const failed: string[] = [];
    try {
      figures = await writeOutputs(study, records, folders.results);
    } catch (error) {
      // Who may only read is told what there is all the same.
      if (!cachedOnly) throw error;
      failed.push((error as Error).message);
      Deno.exitCode = 1;
    }
    const cells = summariseCells(study, runsAt(study, records));
    const summary = summarySentences(listFindings(study, records));
    for (const line of [...describeCells(study, cells), ...summary, ...failed]) onMessage(line);
  }
  const seconds = performance.now() / 1000;
  const missing = missingRuns > 0 ? `, ${missingRuns} missing` : "";
  const drawn = isShared ? "not drawn" : `${figures.length} files: ${figures[0] ?? "no figure"}`;
  onMessage(
    `${plural(cachedRuns, "run")} cached, ${computedRuns} computed${missing}, ` +
      `${formatSeconds(seconds)}; ${drawn}`,
  );
  const cells = study.stops.flatMap((stop) =>
    reportCells(study, runsAt(study, records, stop), stop)
  );
  return { preset: study.preset, cells, figures, cachedRuns, computedRuns, missingRuns, seconds };
}

/** Writes a study's figures and its table of runs. @returns The paths, the main figure first. */
async function writeOutputs(
  study: Study,
  records: readonly TrajectoryRecord[],
  results: string,
): Promise<string[]> {
  // Loaded here: nothing before needs what draws.
  const { listPictures, writeFigures } = await import("~/lib/figures.ts");
  const name = studyName(study);
  const table = join(results, `${name}.csv`);
  const runs = study.stops.flatMap((stop) => runsAt(study, records, stop));
  const pictures = name === "standard" ? await listPictures(study, records, results) : [];
  const paths = await writeFigures(study, records, join(results, "figures", name), pictures);
  await writeWhole(table, runsCsv(runs));
  const page = await refreshReport(study, records, results);
  return [...paths, table, await writeFindings(study, records, results), ...(page ? [page] : [])];
}

async function verifyRuns(study: Study, options: Options): Promise<object> {
  const { onMessage, verify: count = 1 } = options;
  const seed = options["verify-seed"] ?? Math.floor(Date.now() / 1000) % 1e6;
  onMessage(`Verifying up to ${plural(count, "cached run")}, chosen by --verify-seed ${seed}`);
  const agreements = await verify(study, { ...options, count, seed });
  if (agreements.length === 0) {
    throw new Error(`Cannot verify as no run of this study is cached at ${study.stops[0]}`);
  }
  for (const line of agreements.flatMap(describeAgreement)) onMessage(line);
  return { preset: study.preset, seed, agreements };
}

type Run = Plan["runs"][number];

const stateOf = ({ cached, heldBy }: Run): "cached" | "running" | "missing" =>
  cached ? "cached" : heldBy === null ? "missing" : "running";

function describeTotal({ runs, secondsOfMissing, measured }: Plan, threads: number): string {
  const states = (["cached", "running", "missing"] as const)
    .map((state) => `${runs.filter((run) => stateOf(run) === state).length} ${state}`);
  const basis = measured
    ? "by rates and epochs seen here in runs like these"
    : "roughly: nothing was computed on this machine yet";
  const left = secondsOfMissing === 0 ? "" : `; about ${formatSeconds(secondsOfMissing)} left on ` +
    `${plural(threads, "thread")} of this machine, ${basis}`;
  return `${plural(runs.length, "run")}: ${states.join(", ")}${left}`;
}

function describeRun(run: Run): string {
  const { trajectory, epochs, cached, heldBy, seconds } = run;
  const left = cached ? "" : ` so far, about ${formatSeconds(seconds)} of one thread left`;
  const name = `${stateOf(run).padEnd(8)} ${describeTrajectory(trajectory)}`;
  return `${name}: ${plural(epochs, "epoch")}${left}${heldBy === null ? "" : `, ${heldBy}`}`;
}

/** What was found, a line a cell that has results, and what became of its seeds. */
function describeCells(study: Study, cells: readonly CellSummary[]): string[] {
  const shown = cells.filter(({ seeds }) => seeds.length > 0);
  if (shown.length === 0) return [`No cell of this study has a result at ${study.stops[0]}`];
  const columns = cellColumns(study);
  const valuesOf = Object.values(columns);
  const rows = [
    Object.keys(columns),
    ...shown.map((cell) => [...valuesOf.map((of) => String(of(cell) ?? "-")), cellNote(cell)]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return [
    `At ${study.stops[0]}:`,
    ...rows.map((row) => row.map((text, i) => text.padEnd(widths[i] ?? 0)).join("  ").trimEnd()),
  ];
}

function describeAgreement({ trajectory, ...agreement }: Agreement): string[] {
  const { identical, epochs: [before, now], epochLosses, values, missing } = agreement;
  const name = describeTrajectory(trajectory);
  if (identical) return [`${name}: the same to the bit, ${before} epochs`];
  const stop = now === null ? "not reached" : `at epoch ${now}`;
  return [
    `${name}: stop ${stop} (was ${before}), epoch losses within ${epochLosses.toExponential(1)} ` +
    "relative",
    ...Object.entries(values).map(([value, difference]) =>
      `  ${value}: ${difference === 0 ? "the same" : `differs by ${difference.toExponential(1)}`}`
    ),
    ...missing.map((measure) => `  ${measure}: only one of the two has it`),
  ];
}
