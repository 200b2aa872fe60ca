/**
 * Results: the records of trajectories, and what a study's cells say together.
 *
 * @module
 */
export * from "~/lib/results/record.ts";
export * from "~/lib/results/runs.ts";
export * from "~/lib/results/tables.ts";
