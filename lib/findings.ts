/**
 * Findings: sentences and comparisons that are computed from results.
 *
 * @module
 */
export * from "~/lib/findings/cell_tables.ts";
export * from "~/lib/findings/contrast.ts";
export * from "~/lib/findings/curves.ts";
export * from "~/lib/findings/edge.ts";
export * from "~/lib/findings/explain.ts";
export * from "~/lib/findings/first_screen.ts";
export * from "~/lib/findings/list_findings.ts";
export * from "~/lib/findings/order.ts";
export * from "~/lib/findings/published.ts";
export * from "~/lib/findings/rank_measures.ts";
export * from "~/lib/findings/report.ts";
export * from "~/lib/findings/series.ts";
export * from "~/lib/findings/words.ts";
