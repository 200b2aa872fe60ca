/**
 * Networks: layer sizes, the layout of their parameters, initial weights, and files of them.
 *
 * @module
 */
export * from "~/lib/model/layout.ts";
export * from "~/lib/model/model_file.ts";
