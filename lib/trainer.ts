/**
 * Training: trajectories, the stops that are asked of them, and the networks that are kept.
 *
 * @module
 */
export * from "~/lib/trainer/learn.ts";
export * from "~/lib/trainer/network_store.ts";
export * from "~/lib/trainer/stop.ts";
export * from "~/lib/trainer/train_stack.ts";
export * from "~/lib/trainer/trajectory.ts";
