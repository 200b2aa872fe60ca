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
import { PROJECT_FOLDERS, run } from "~/lib/reproduce.ts";

export const main: Main = async (values, { onMessage }) => {
  const study = studyFrom(values);
  const { results: folder = PROJECT_FOLDERS.results } = values;
  const folders = { ...PROJECT_FOLDERS, results: folder };
  const { records } = await run(study, { cachedOnly: true, folders, onMessage });
  if (records.length === 0) {
    throw new Error(`Cannot write the page as ${folder} has no result of ${study.preset} yet`);
  }
  const script = await new Response(Deno.stdin.readable).text();
  const path = await writeReport(study, records, { script, folder });
  console.log(`${path} has ${plural(records.length, "record")}`);
};
