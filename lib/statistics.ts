/**
 * Means with their intervals, several tests at once, and rank correlation.
 *
 * @module
 */
export * from "~/lib/statistics/intervals.ts";
export * from "~/lib/statistics/ranks.ts";
