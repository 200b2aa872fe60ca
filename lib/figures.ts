/**
 * The figures of a study, as SVG, PNG and PDF.
 *
 * @module
 */
export * from "~/lib/figures/curves_figure.ts";
export * from "~/lib/figures/edge_figure.ts";
export * from "~/lib/figures/layout.ts";
export * from "~/lib/figures/list_figures.ts";
export { renderPdf } from "~/lib/figures/pdf.ts";
export { renderPng } from "~/lib/figures/png.ts";
export * from "~/lib/figures/published_figure.ts";
export * from "~/lib/figures/rank_figure.ts";
export * from "~/lib/figures/ratio_figure.ts";
export * from "~/lib/figures/rescaling_figure.ts";
export * from "~/lib/figures/sharpness_figure.ts";
export type { Figure } from "~/lib/figures/stack.ts";
