/**
 * A study on a cluster: an array job that Slurm runs over shared folders.
 *
 * @module
 */
export * from "~/lib/cluster/shared_folder.ts";
export * from "~/lib/cluster/slurm.ts";
