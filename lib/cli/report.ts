/**
 * `deno task report`: the page of a study. Its program comes in by stdin, from `deno task
 * bundle:page`, so that this command may start no program.
 *
 * @module
 */
import { studyFrom } from "~/lib/cli/asked.ts";
import type { Main } from "~/lib/cli/main.ts";
import { plural } from "~/lib/files/numbers.ts";
import { writeReport } from "~/lib/report.ts";
import { PROJECT_FOLDERS } from "~/lib/reproduce.ts";
import { readRecord } from "~/lib/results.ts";
import { listTrajectories } from "~/lib/study.ts";

/** Writes the page, and says where. */
export const main: Main = async (values) => {
  const study = studyFrom(values);
  const { results: folder = PROJECT_FOLDERS.results } = values;
  const found = await Promise.all(
    listTrajectories(study).map((trajectory) => readRecord(folder, trajectory, undefined)),
  );
  const records = found.filter((record) => record !== undefined);
  if (records.length === 0) {
    throw new Error(`Cannot write the page as ${folder} has no result of ${study.preset} yet`);
  }
  const script = await new Response(Deno.stdin.readable).text();
  const path = await writeReport(study, records, { script, folder });
  console.log(`${path} has ${plural(records.length, "record")}`);
};
