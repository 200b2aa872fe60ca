/**
 * Findings: sentences and comparisons that are computed from results.
 *
 * @module
 */
export * from "~/lib/findings/compare_published.ts";
export * from "~/lib/findings/curves.ts";
export * from "~/lib/findings/edge.ts";
export * from "~/lib/findings/effect_at_stop.ts";
export * from "~/lib/findings/equal_loss.ts";
export * from "~/lib/findings/equal_ratio.ts";
export * from "~/lib/findings/finding.ts";
export * from "~/lib/findings/list_findings.ts";
export * from "~/lib/findings/missing.ts";
export * from "~/lib/findings/optimizer_effect.ts";
export * from "~/lib/findings/other_measure.ts";
export * from "~/lib/findings/published_cells.ts";
export * from "~/lib/findings/published_text.ts";
export * from "~/lib/findings/radius_table.ts";
export * from "~/lib/findings/rank_measures.ts";
export * from "~/lib/findings/tables.ts";
export * from "~/lib/findings/verdict.ts";
export * from "~/lib/findings/words.ts";
