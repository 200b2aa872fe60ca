/**
 * The figures of a study, as SVG, PNG and PDF.
 *
 * @module
 */
export { type Figure, forColumn } from "~/lib/figures/compose.ts";
export * from "~/lib/figures/axes_figure.ts";
export * from "~/lib/figures/curves_figure.ts";
export * from "~/lib/figures/density_figure.ts";
export * from "~/lib/figures/edge_figure.ts";
export * from "~/lib/figures/landscape_figure.ts";
export * from "~/lib/figures/order_figure.ts";
export { renderPlot } from "~/lib/figures/layers.ts";
export * from "~/lib/figures/levels_figure.ts";
export * from "~/lib/figures/list_figures.ts";
export * from "~/lib/figures/published_figure.ts";
export * from "~/lib/figures/rank_figure.ts";
export { renderPdf, renderPng } from "~/lib/figures/render.ts";
export * from "~/lib/figures/series_figure.ts";
export * from "~/lib/figures/results_figure.ts";
export * from "~/lib/figures/training_figure.ts";
