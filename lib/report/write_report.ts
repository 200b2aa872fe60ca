/**
 * The page as one file: markup, style, program and data.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { readIfThere, writeWhole } from "~/lib/files/files.ts";
import { ANTITHETIC_MEASURE, LEAD_MEASURE } from "~/lib/findings.ts";
import { currentName } from "~/lib/measure.ts";
import type { ReportData } from "~/lib/report/explore.ts";
import type { Records } from "~/lib/results.ts";
import { type Study, studyFile } from "~/lib/study.ts";

const REPORT = "report.html";

/**
 * Writes the page of a study: `report.html` for the preset that the results are about, else
 * `NAME.report.html`.
 *
 * @param script The page's program: what `deno task bundle:page` prints.
 * @returns Its path.
 */
export async function writeReport(
  study: Study,
  records: Records,
  { script, folder }: { readonly script: string; readonly folder: string },
): Promise<string> {
  const path = studyFile(study, folder, REPORT);
  await writeWhole(path, await reportHtml(study, records, script));
  return path;
}

/** Puts a study's records into its page where there is one. @returns Its path; undefined without one. */
export async function refreshReport(
  study: Study,
  records: Records,
  folder: string,
): Promise<string | undefined> {
  const path = studyFile(study, folder, REPORT);
  const bytes = await readIfThere(path);
  if (bytes === undefined) return undefined;
  const page = new TextDecoder().decode(bytes);
  const fresh = withData(page, study, records);
  if (fresh !== page) await writeWhole(path, fresh);
  return path;
}

/**
 * The page's text. Its policy lets only its own program run, by its hash, and nothing be fetched.
 */
export async function reportHtml(study: Study, records: Records, script: string): Promise<string> {
  if (script.trim() === "") throw new Error("Cannot write the page as its program is empty");
  // The rooms' doors bring modules for files along, none of whose functions are called here.
  const program = `const require = () => ({});\n${script}`
    .replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
  const hash = createHash("sha256").update(program).digest("base64");
  const page = await Deno.readTextFile(new URL("page.html", import.meta.url));
  return withData(page, study, records).replace("HASH", hash)
    .replace("<script></script>", () => `<script>${program}</script>`);
}

/**
 * A page with what it knows of a study, without samples that nothing on it looks at, and with epoch
 * losses to nine digits: see `unpackData`.
 */
function withData(page: string, study: Study, records: Records): string {
  const data: ReportData = { study, records };
  const text = JSON.stringify(data, (key, value) => {
    if (key === "epochLosses") return value.map((loss: number) => Number(loss.toPrecision(9)));
    const isRead = [ANTITHETIC_MEASURE, LEAD_MEASURE].includes(currentName(value?.measure ?? ""));
    return value?.samples === undefined || isRead ? value : { ...value, samples: undefined };
  });
  const packed = gzipSync(text).toString("base64");
  return page.replace(/(?<=id="data">)[^<]*/, () => packed);
}
