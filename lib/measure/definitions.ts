/**
 * Every measure: a new one is an export of a file that stands here.
 *
 * @module
 */
export * from "~/lib/measure/along_rays.ts";
export * from "~/lib/measure/curvature.ts";
export * from "~/lib/measure/evaluation.ts";
export * from "~/lib/measure/worst_case.ts";
