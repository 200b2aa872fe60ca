/**
 * Landscapes: loss and accuracy along a line or in a plane through weight space.
 *
 * @module
 */
export * from "~/lib/landscape/pictures.ts";
export * from "~/lib/landscape/span.ts";
export * from "~/lib/landscape/survey.ts";
