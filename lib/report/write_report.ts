/**
 * The page as one file: markup, style, program and data.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { readIfThere, writeWhole } from "~/lib/files/files.ts";
import { CURVE_MEASURE, LEAD_MEASURE } from "~/lib/findings.ts";
import { currentName } from "~/lib/measure.ts";
import type { ReportData } from "~/lib/report/explore.ts";
import type { Records } from "~/lib/results.ts";
import { type Study, studyFile } from "~/lib/study.ts";

const REPORT = "report.html";

/**
 * Writes the page of a study: `report.html` for the preset that the results are about, else
 * `NAME.report.html`.
 *
 * @param script The page's program: see `bundlePage`.
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
  const data = dataOf(study, records);
  const fresh = page.replace(/(?<=id="data">)[^<]*/, () => data);
  if (fresh !== page) await writeWhole(path, fresh);
  return path;
}

/** Bundles the page's program, in under a second. @throws {Error} If Deno cannot. */
export async function bundlePage(): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "bundle:page"],
    cwd: new URL("../..", import.meta.url),
  }).output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new Error(`Cannot bundle the page: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
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
  const data = dataOf(study, records);
  const page = await Deno.readTextFile(new URL("page.html", import.meta.url));
  return page.replace("HASH", hash)
    .replace('id="data">', (start) => start + data)
    .replace("<script></script>", () => `<script>${program}</script>`);
}

/**
 * A page within another, without its rights; below it a picture, for where frames are taken out.
 *
 * @param still A PNG in base64, and what it shows.
 */
export function frameOf(page: string, still: { picture: string; title: string }): string {
  const inside = page.replaceAll("&", "&amp;").replaceAll("'", "&#39;");
  const alt = still.title.replaceAll("'", "&#39;");
  return "<iframe sandbox='allow-scripts allow-downloads' title='The study, to explore' " +
    `style='width: 100%; height: 50rem; border: 0' srcdoc='${inside}'></iframe>` +
    `<details><summary>As a picture</summary><img alt='${alt}' ` +
    `src='data:image/png;base64,${still.picture}'></details>`;
}

/** What the page knows of a study, without samples that nothing on it looks at: see `unpackData`. */
function dataOf(study: Study, records: Records): string {
  const data: ReportData = { study, records };
  const text = JSON.stringify(data, (_, value) => {
    const isRead = [CURVE_MEASURE, LEAD_MEASURE].includes(currentName(value?.measure ?? ""));
    return value?.samples === undefined || isRead ? value : { ...value, samples: undefined };
  });
  return gzipSync(text).toString("base64");
}
