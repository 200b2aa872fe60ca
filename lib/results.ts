/**
 * Results: the records of trajectories, and what a study's cells say together.
 *
 * @module
 */
export * from "~/lib/results/cells.ts";
export * from "~/lib/results/record.ts";
export * from "~/lib/results/run_result.ts";
export * from "~/lib/results/tables.ts";
