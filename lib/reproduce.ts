/**
 * The whole study headless: plan, train, measure; for the command line, notebooks and cluster jobs.
 *
 * @module
 */
export * from "~/lib/reproduce/model_ready.ts";
export {
  type EngineOnData,
  type Folders,
  PROJECT_FOLDERS,
  type RunOptions,
  withEngine,
} from "~/lib/reproduce/options.ts";
export * from "~/lib/reproduce/order_trace.ts";
export * from "~/lib/reproduce/pictures.ts";
export { type Plan, plan } from "~/lib/reproduce/plan.ts";
export { run, type RunOutcome } from "~/lib/reproduce/run.ts";
export * from "~/lib/reproduce/verify.ts";
