/** The committed records, and where a browser is looked for. @module */
import { readRecord, type TrajectoryRecord } from "~/lib/results.ts";
import { listTrajectories, presets, type Study } from "~/lib/study.ts";
import { ROOT } from "~/tests/fixtures/script.ts";

/** Debian's. */
export const BROWSER = "/usr/bin/chromium";

export const STUDY: Study = presets.standard;

export const RECORDS: readonly TrajectoryRecord[] = (await Promise.all(
  listTrajectories(STUDY).map((trajectory) => readRecord(`${ROOT}results`, trajectory, undefined)),
)).filter((record) => record !== undefined);
