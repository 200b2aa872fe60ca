/**
 * A study on a cluster: an array job that Slurm runs over shared folders, and what it may take.
 *
 * @module
 */
export * from "~/lib/cluster/makespan.ts";
export * from "~/lib/cluster/shared_folder.ts";
export * from "~/lib/cluster/study_job.ts";
export * from "~/lib/cluster/submit.ts";
export * from "~/lib/cluster/words.ts";
