/**
 * A study on a cluster: an array job that Slurm runs over shared folders.
 *
 * @module
 */
export * from "~/lib/cluster/job.ts";
export * from "~/lib/cluster/program.ts";
export * from "~/lib/cluster/shared_folder.ts";
export * from "~/lib/cluster/submit.ts";
