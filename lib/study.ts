/**
 * Studies: presets, the grid, and what is asked of its trajectories.
 *
 * @module
 */
export * from "~/lib/study/fields.ts";
export * from "~/lib/study/presets.ts";
export * from "~/lib/study/study.ts";
