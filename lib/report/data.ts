/**
 * The page's data as JSON, long lists of numbers as base64 of float64: exact, 11 letters a number.
 *
 * @module
 */
import type { TrajectoryRecord } from "~/lib/results.ts";
import type { Study } from "~/lib/study.ts";

/** What the page knows. */
export interface ReportData {
  readonly study: Study;
  readonly records: readonly TrajectoryRecord[];
}

const LONG = 8;
const BYTES = "float64:";

/** JSON in which no `<` stands. */
export function packData(data: ReportData): string {
  return JSON.stringify(data, (_, value: unknown) => {
    const isLong = Array.isArray(value) && value.length >= LONG &&
      value.every((each) => typeof each === "number");
    if (!isLong) return value;
    const bytes = new Uint8Array(Float64Array.from(value).buffer);
    return BYTES + btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  }).replaceAll("<", "\\u003c");
}

/** The data again. */
export function unpackData(text: string): ReportData {
  return JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== "string" || !value.startsWith(BYTES)) return value;
    const bytes = Uint8Array.from(atob(value.slice(BYTES.length)), (byte) => byte.charCodeAt(0));
    return [...new Float64Array(bytes.buffer)];
  });
}
