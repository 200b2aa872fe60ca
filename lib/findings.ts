/**
 * Findings: sentences and comparisons that are computed from results.
 *
 * @module
 */
export * from "~/lib/findings/cell_tables.ts";
export * from "~/lib/findings/contrast.ts";
export * from "~/lib/findings/edge.ts";
export * from "~/lib/findings/summary.ts";
export * from "~/lib/findings/list_findings.ts";
export * from "~/lib/findings/order.ts";
export * from "~/lib/findings/places.ts";
export * from "~/lib/findings/published.ts";
export * from "~/lib/findings/ranks.ts";
export * from "~/lib/findings/report.ts";
export * from "~/lib/findings/words.ts";
