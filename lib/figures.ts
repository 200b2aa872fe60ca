/**
 * The figures of a study, as SVG, PNG and PDF.
 *
 * @module
 */
export * from "~/lib/figures/list_figures.ts";
export { renderPng } from "~/lib/figures/png.ts";
export type { Figure } from "~/lib/figures/stack.ts";
