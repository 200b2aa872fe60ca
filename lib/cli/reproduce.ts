/**
 * `deno task reproduce`: the study from data to figures.
 *
 * @module
 */
import { join } from "node:path";
import { engineOptions, foldersFrom, studyFrom } from "~/lib/cli/asked.ts";
import { demandOneOf } from "~/lib/cli/command.ts";
import {
  describeAgreement,
  describeCells,
  describePlan,
  describeStart,
} from "~/lib/cli/describe.ts";
import type { Main } from "~/lib/cli/main.ts";
import { memoryOf } from "~/lib/cli/memory.ts";
import type { Values } from "~/lib/cli/options.ts";
import { describeTasks, planTasks, submitStudy } from "~/lib/cli/slurm.ts";
import { type Display, openDisplay } from "~/lib/cli/terminal.ts";
import { defaultThreads, UsageError } from "~/lib/domain.ts";
import { writeWhole } from "~/lib/files/files.ts";
import { formatSeconds } from "~/lib/files/text.ts";
import { plan, run, type RunOptions, type RunOutcome, verify } from "~/lib/reproduce.ts";
import { reportCells, runsAt, runsCsv, summariseCells } from "~/lib/results.ts";
import { type Study, studyName } from "~/lib/study.ts";

type Options = RunOptions & Required<Pick<RunOptions, "folders">>;

/** Plans, submits, verifies or runs a study. */
export const main: Main = async (values, { texts, signal }) => {
  const study = studyFrom(values);
  const folders = await foldersFrom(values);
  const options: Options = { ...engineOptions(values), folders, signal };
  demandOneOf(values, ["cached-only", "verify", "fresh", "dry-run"]);
  if (!values["dry-run"]) demandOneOf(values, ["slurm", "cached-only", "verify", "fresh"]);
  if (values.sbatch !== undefined && values.slurm === undefined) {
    throw new UsageError("--sbatch must be given with --slurm");
  }
  if (values["dry-run"]) return await printPlan(study, values, options);
  if (values.slurm !== undefined) {
    return await submitStudy(study, { values, texts, folders, signal });
  }
  const display = openDisplay();
  try {
    await (values.verify === undefined ? runStudy : verifyRuns)(study, values, {
      ...options,
      ...display,
    });
  } finally {
    display.close();
  }
};

async function printPlan(study: Study, values: Values, options: Options): Promise<void> {
  const planned = await plan(study, options);
  const threads = options.threads ?? defaultThreads();
  const memory = memoryOf({ images: study.images, threads });
  const slurm = values.slurm === undefined ? undefined : planTasks(planned, study, values);
  console.log(
    values.json
      ? JSON.stringify({ preset: study.preset, ...planned, memory, slurm })
      : [...describePlan(planned, { threads, memory }), ...(slurm ? describeTasks(slurm) : [])]
        .join("\n"),
  );
}

async function runStudy(study: Study, values: Values, options: Options & Display): Promise<void> {
  const start = performance.now();
  const { onMessage, folders } = options;
  const cachedOnly = values["cached-only"] === true;
  const noWait = values["no-wait"] === true;
  const outcome = await run(study, {
    ...options,
    cachedOnly,
    fresh: values.fresh === true,
    wait: !noWait,
    onPlan: (planned) => onMessage(describeStart(study, planned, { cachedOnly })),
  });
  const { cachedRuns, computedRuns, missingRuns, records } = outcome;
  // Whoever works on the runs that are left draws when they are done.
  const isShared = noWait && missingRuns > 0;
  if (missingRuns > 0 && !cachedOnly && !noWait) Deno.exitCode = 1;
  const tell = async (): Promise<void> => {
    if (isShared) return;
    const { firstScreen, listClaims, listFindings } = await import("~/lib/findings.ts");
    const cells = summariseCells(study, runsAt(study, records));
    for (const line of describeCells(study, cells)) onMessage(line);
    const findings = listFindings(study, records);
    for (const sentence of firstScreen(listClaims(findings), findings)) onMessage(sentence);
  };
  let figures: string[] = [];
  try {
    figures = isShared ? [] : await writeOutputs(study, outcome, folders.results);
    await tell();
  } catch (error) {
    // Who may only read is told what there is all the same.
    if (!cachedOnly) throw error;
    await tell();
    onMessage((error as Error).message);
    Deno.exitCode = 1;
  }
  const seconds = (performance.now() - start) / 1000;
  const missing = missingRuns > 0 ? `, ${missingRuns} missing` : "";
  const drawn = isShared ? "not drawn" : `${figures.length} files: ${figures[0] ?? "no figure"}`;
  onMessage(
    `${cachedRuns} runs cached, ${computedRuns} computed${missing}, ` +
      `${formatSeconds(seconds)}; ${drawn}`,
  );
  if (!values.json) return;
  const cells = study.stops.flatMap((stop) =>
    reportCells(summariseCells(study, runsAt(study, records, stop)), stop)
  );
  const counts = { cachedRuns, computedRuns, missingRuns, seconds };
  console.log(JSON.stringify({ preset: study.preset, cells, figures, ...counts }));
}

/** Writes a study's figures and its table of runs. @returns The paths, the main figure first. */
async function writeOutputs(
  study: Study,
  { records }: RunOutcome,
  results: string,
): Promise<string[]> {
  // Loaded here: nothing before needs what draws.
  const { writeFigures } = await import("~/lib/figures.ts");
  const { writeFindings } = await import("~/lib/findings.ts");
  const name = studyName(study);
  const table = join(results, `${name}.csv`);
  const runs = study.stops.flatMap((stop) => runsAt(study, records, stop));
  const paths = await writeFigures(study, records, join(results, "figures", name));
  await writeWhole(table, runsCsv(runs));
  return [...paths, table, await writeFindings(study, records, results)];
}

async function verifyRuns(study: Study, values: Values, options: Options & Display): Promise<void> {
  const count = values.verify!;
  const seed = values["verify-seed"] ?? Math.floor(Date.now() / 1000) % 1e6;
  const { onMessage } = options;
  onMessage(`Verifying ${count} cached runs, chosen by --verify-seed ${seed}`);
  const agreements = await verify(study, { ...options, count, seed });
  if (agreements.length === 0) throw new Error("Cannot verify as no run of this study is cached");
  for (const line of agreements.flatMap(describeAgreement)) onMessage(line);
  if (values.json) console.log(JSON.stringify({ preset: study.preset, seed, agreements }));
}
