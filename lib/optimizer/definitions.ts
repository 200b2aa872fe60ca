/**
 * Every optimizer: a new one is a file and a line here.
 *
 * @module
 */
export * from "~/lib/optimizer/adagrad.ts";
export * from "~/lib/optimizer/adam.ts";
export * from "~/lib/optimizer/rmsprop.ts";
export * from "~/lib/optimizer/sgd.ts";
