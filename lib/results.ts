/**
 * Results: the records of trajectories, and what a study's cells say together.
 *
 * @module
 */
export * from "~/lib/results/cells.ts";
export * from "~/lib/results/check_provenance.ts";
export * from "~/lib/results/columns.ts";
export * from "~/lib/results/value_summary.ts";
export * from "~/lib/results/record.ts";
export * from "~/lib/results/record_store.ts";
export * from "~/lib/results/run_result.ts";
export * from "~/lib/results/tables.ts";
