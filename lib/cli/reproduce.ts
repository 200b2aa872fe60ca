/**
 * `deno task reproduce`: the study from data to figures.
 *
 * @module
 */
import { join } from "node:path";
import { foldersFrom, studyFrom } from "~/lib/cli/asked.ts";
import {
  describeAgreement,
  describeCells,
  describePlan,
  describeStart,
  memoryOf,
} from "~/lib/cli/describe.ts";
import type { Main } from "~/lib/cli/main.ts";
import type { Values } from "~/lib/cli/options.ts";
import { describeTasks, planTasks, submitStudy } from "~/lib/cli/slurm.ts";
import type { Display } from "~/lib/cli/terminal.ts";
import { defaultThreads } from "~/lib/domain.ts";
import { writeWhole } from "~/lib/files/files.ts";
import { formatSeconds } from "~/lib/files/text.ts";
import { plan, run, type RunOptions, type RunOutcome, verify } from "~/lib/reproduce.ts";
import { reportCells, runsAt, runsCsv, summariseCells } from "~/lib/results.ts";
import { type Study, studyName } from "~/lib/study.ts";

type Options = RunOptions & Required<Pick<RunOptions, "folders">> & Display;

/** Plans, submits, verifies or runs a study. */
export const main: Main = async (values, { texts, signal, display }) => {
  const study = studyFrom(values);
  const folders = foldersFrom(values);
  const options = { ...values, folders, signal, ...display };
  if (values["dry-run"]) return await printPlan(study, values, options);
  if (values.slurm !== undefined) {
    return await submitStudy(study, { values, texts, folders, signal });
  }
  if (values.verify !== undefined) return await verifyRuns(study, values, options);
  return await runStudy(study, values, options);
};

async function printPlan(study: Study, values: Values, options: Options): Promise<object> {
  const planned = await plan(study, options);
  const threads = options.threads ?? defaultThreads();
  const memory = memoryOf({ images: study.images, threads });
  const slurm = values.slurm === undefined ? undefined : planTasks(planned, study, values);
  if (!values.json) {
    console.log(describePlan(planned, { threads, memory }).join("\n"));
    if (slurm !== undefined) console.log(describeTasks(slurm).join("\n"));
  }
  return { preset: study.preset, ...planned, memory, slurm };
}

async function runStudy(study: Study, values: Values, options: Options): Promise<object> {
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
  const figures: string[] = [];
  if (!isShared) {
    const failed = await writeOutputs(study, outcome, folders.results)
      .then((paths) => void figures.push(...paths), (error: Error) => error);
    // Who may only read is told what there is all the same.
    if (failed !== undefined && !cachedOnly) throw failed;
    const { firstScreen, listClaims, listFindings } = await import("~/lib/findings.ts");
    const findings = listFindings(study, records);
    const cells = summariseCells(study, runsAt(study, records));
    const lines = [...describeCells(study, cells), ...firstScreen(listClaims(findings), findings)];
    for (const line of [...lines, ...(failed ? [failed.message] : [])]) onMessage(line);
    if (failed !== undefined) Deno.exitCode = 1;
  }
  const seconds = performance.now() / 1000;
  const missing = missingRuns > 0 ? `, ${missingRuns} missing` : "";
  const drawn = isShared ? "not drawn" : `${figures.length} files: ${figures[0] ?? "no figure"}`;
  onMessage(
    `${cachedRuns} runs cached, ${computedRuns} computed${missing}, ` +
      `${formatSeconds(seconds)}; ${drawn}`,
  );
  const cells = study.stops.flatMap((stop) =>
    reportCells(summariseCells(study, runsAt(study, records, stop)), stop)
  );
  return { preset: study.preset, cells, figures, cachedRuns, computedRuns, missingRuns, seconds };
}

/** Writes a study's figures and its table of runs. @returns The paths, the main figure first. */
async function writeOutputs(
  study: Study,
  { records }: RunOutcome,
  results: string,
): Promise<string[]> {
  // Loaded here: nothing before needs what draws.
  const { listPictures, writeFigures } = await import("~/lib/figures.ts");
  const { writeFindings } = await import("~/lib/findings.ts");
  const { refreshReport } = await import("~/lib/report.ts");
  const name = studyName(study);
  const table = join(results, `${name}.csv`);
  const runs = study.stops.flatMap((stop) => runsAt(study, records, stop));
  const pictures = name === "standard" ? await listPictures(study, records, results) : [];
  const paths = await writeFigures(study, records, join(results, "figures", name), pictures);
  await writeWhole(table, runsCsv(runs));
  const page = await refreshReport(study, records, results);
  return [...paths, table, await writeFindings(study, records, results), ...(page ? [page] : [])];
}

async function verifyRuns(study: Study, values: Values, options: Options): Promise<object> {
  const count = values.verify!;
  const seed = values["verify-seed"] ?? Math.floor(Date.now() / 1000) % 1e6;
  const { onMessage } = options;
  onMessage(`Verifying ${count} cached runs, chosen by --verify-seed ${seed}`);
  const agreements = await verify(study, { ...options, count, seed });
  if (agreements.length === 0) throw new Error("Cannot verify as no run of this study is cached");
  for (const line of agreements.flatMap(describeAgreement)) onMessage(line);
  return { preset: study.preset, seed, agreements };
}
