/**
 * `deno task reproduce`: the study from data to figures.
 *
 * @module
 */
import { join } from "node:path";
import { type Command, runCommand, type Values } from "~/lib/cli/command.ts";
import { ENGINE_OPTIONS, engineOptions } from "~/lib/cli/common_options.ts";
import { describeAgreement, describeCells, describePlan } from "~/lib/cli/describe.ts";
import { SLURM_OPTIONS, slurmFrom, submitStudy } from "~/lib/cli/slurm.ts";
import { describeTasks, planTasks } from "~/lib/cli/slurm_plan.ts";
import { foldersFrom, STUDY_OPTIONS, studyFrom } from "~/lib/cli/study_options.ts";
import { openDisplay } from "~/lib/cli/terminal.ts";
import { numberOption } from "~/lib/cli/values.ts";
import { count, seed as seedDomain, UsageError } from "~/lib/domain.ts";
import { writeWhole } from "~/lib/files/files.ts";
import { formatSeconds } from "~/lib/files/text.ts";
import { measureHelp, openMeasure } from "~/lib/measure.ts";
import { optimizerHelp } from "~/lib/optimizer.ts";
import { type Folders, plan, run, type RunOptions, verify } from "~/lib/reproduce.ts";
import {
  reportCells,
  runsAt,
  runsCsv,
  summariseCells,
  type TrajectoryRecord,
} from "~/lib/results.ts";
import { type Study, studyName } from "~/lib/study.ts";

/** Its options. */
export const COMMAND: Command = {
  name: "reproduce",
  summary:
    "Trains and measures what a study's trajectories lack, then draws its figures and tables.",
  options: {
    ...STUDY_OPTIONS,
    "cached-only": { help: "compute nothing, draw from what is there" },
    verify: { value: "N", help: "compute N cached runs again, apart, and compare" },
    "verify-seed": { value: "S", help: "chooses those runs (default: the time)" },
    fresh: { help: "compute again what exists, replacing it run by run" },
    "no-wait": { help: "end when the runs that are left are held by other processes" },
    "dry-run": { help: "list the runs: cached, running or missing, and the time they may take" },
    ...SLURM_OPTIONS,
    ...ENGINE_OPTIONS,
  },
  notes: [
    "Optimizers, NAME or NAME(key=value,...):",
    ...optimizerHelp().map((line) => `  ${line}`),
    "",
    "Measures, NAME or NAME(key=value,...):",
    ...measureHelp().map((line) => `  ${line}`),
  ],
};

if (import.meta.main) {
  await runCommand(COMMAND, async (values, signal) => {
    const start = performance.now();
    const study = studyFrom(values);
    const folders = await foldersFrom(values);
    const options = { ...engineOptions(values), folders, signal };
    const asked = slurmFrom(values);
    demandOneOf(values, ["cached-only", "verify", "fresh", "dry-run"]);
    if (!values["dry-run"]) demandOneOf(values, ["slurm", "cached-only", "verify", "fresh"]);
    if (values["dry-run"]) {
      const planned = await plan(study, options);
      const slurm = asked && planTasks(planned, asked);
      console.log(
        values.json
          ? JSON.stringify({ preset: study.preset, ...planned, slurm })
          : [...describePlan(planned), ...(slurm ? describeTasks(slurm) : [])].join("\n"),
      );
      return;
    }
    if (asked !== undefined) return await submitStudy(study, { asked, values, folders, signal });
    const display = openDisplay();
    try {
      if (values.verify !== undefined) {
        await verifyRuns(study, values, { ...options, ...display });
        return;
      }
      const outcome = await run(study, {
        ...options,
        ...display,
        cachedOnly: values["cached-only"] === true,
        fresh: values.fresh === true,
        wait: values["no-wait"] !== true,
      });
      const { cachedRuns, computedRuns, missingRuns, records } = outcome;
      // Whoever works on the runs that are left draws when they are done.
      const isShared = values["no-wait"] === true && missingRuns > 0;
      const figures = isShared ? [] : await writeOutputs(study, records, folders);
      const cells = summariseCells(study, runsAt(study, records));
      const seconds = (performance.now() - start) / 1000;
      for (const line of isShared ? [] : describeCells(study, cells)) display.onMessage(line);
      const missing = missingRuns > 0 ? `, ${missingRuns} missing` : "";
      if (missingRuns > 0 && !values["cached-only"] && !values["no-wait"]) Deno.exitCode = 1;
      const drawn = isShared
        ? "not drawn"
        : `${figures.length} files: ${figures[0] ?? "no figure"}`;
      display.onMessage(
        `${cachedRuns} runs cached, ${computedRuns} computed${missing}, ` +
          `${formatSeconds(seconds)}; ${drawn}`,
      );
      if (values.json) {
        console.log(JSON.stringify({
          preset: study.preset,
          cells: study.stops.flatMap((stop) =>
            reportCells(summariseCells(study, runsAt(study, records, stop)), stop)
          ),
          figures,
          cachedRuns,
          computedRuns,
          missingRuns,
          seconds,
        }));
      }
    } finally {
      display.close();
    }
  });
}

/** Writes a study's figures and its table of runs. @returns The paths, the main figure first. */
async function writeOutputs(
  study: Study,
  records: readonly TrajectoryRecord[],
  { results }: Folders,
): Promise<string[]> {
  // Loaded here: nothing before needs what draws.
  const { writeFigures } = await import("~/lib/figures.ts");
  const name = studyName(study);
  const table = join(results, `${name}.csv`);
  const runs = study.stops.flatMap((stop) => runsAt(study, records, stop));
  const paths = await writeFigures(study, records, join(results, "figures", name));
  await writeWhole(table, runsCsv(runs, (measure) => openMeasure(measure).unit));
  return [...paths, table];
}

async function verifyRuns(study: Study, values: Values, options: RunOptions): Promise<void> {
  const wanted = numberOption(values, "verify", count)!;
  const seed = numberOption(values, "verify-seed", seedDomain) ??
    Math.floor(Date.now() / 1000) % 1e6;
  const { onMessage = console.error } = options;
  onMessage(`Verifying ${wanted} cached runs, chosen by --verify-seed ${seed}`);
  const agreements = await verify(study, { ...options, count: wanted, seed });
  if (agreements.length === 0) throw new Error("Cannot verify as no run of this study is cached");
  for (const line of agreements.flatMap(describeAgreement)) onMessage(line);
  if (values.json) console.log(JSON.stringify({ preset: study.preset, seed, agreements }));
}

function demandOneOf(values: Values, names: readonly string[]): void {
  const given = names.filter((name) => values[name] !== undefined);
  if (given.length > 1) {
    throw new UsageError(`--${given[0]} and --${given[1]} must not be given together`);
  }
}
