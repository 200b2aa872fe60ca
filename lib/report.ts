/**
 * The page: a study in one file, to explore without a network or a server.
 *
 * @module
 */
export * from "~/lib/report/explore.ts";
export * from "~/lib/report/write_report.ts";
