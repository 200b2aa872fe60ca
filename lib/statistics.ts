/**
 * Means with their intervals, paired differences, and rank correlation.
 *
 * @module
 */
export * from "~/lib/statistics/statistics.ts";
