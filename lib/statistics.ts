/**
 * Means with their intervals, paired differences, and rank correlation.
 *
 * @module
 */
export * from "~/lib/statistics/kendall.ts";
export * from "~/lib/statistics/statistics.ts";
export * from "~/lib/statistics/tau_interval.ts";
export * from "~/lib/statistics/two_way.ts";
