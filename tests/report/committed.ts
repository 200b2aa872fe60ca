/** The committed records, and where a browser is looked for. @module */
import { run } from "~/lib/reproduce.ts";
import { presets, type Study } from "~/lib/study.ts";

/** Debian's. */
export const BROWSER = "/usr/bin/chromium";

export const STUDY: Study = presets.standard;

export const { records: RECORDS } = await run(STUDY, { cachedOnly: true });
