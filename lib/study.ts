/**
 * Studies: presets, the grid, and what is asked of its trajectories.
 *
 * @module
 */
export * from "~/lib/study/check_study.ts";
export * from "~/lib/study/presets.ts";
export * from "~/lib/study/study.ts";
export * from "~/lib/study/study_name.ts";
