/**
 * The figures of a study, as SVG, PNG and PDF.
 *
 * @module
 */
export { type Figure, forColumn } from "~/lib/figures/compose.ts";
export * from "~/lib/figures/effects_figures.ts";
export { plotLevels, plotPublished, plotRanks } from "~/lib/figures/findings_figures.ts";
export * from "~/lib/figures/landscape_figures.ts";
export { renderPlot } from "~/lib/figures/layers.ts";
export * from "~/lib/figures/list_figures.ts";
export { renderPdf, renderPng } from "~/lib/figures/render.ts";
export * from "~/lib/figures/series_figures.ts";
export * from "~/lib/figures/training_figures.ts";
