/**
 * Whether a record says whole how it came about.
 *
 * @module
 */
import type { TrajectoryRecord } from "~/lib/results/record.ts";

/**
 * Looks for trainings that overlap or leave a gap, and for work of a revision that nobody knows.
 *
 * A training that was repeated for a network that was not kept is no part of it: "trained again".
 *
 * @returns What is wrong; undefined where nothing is.
 */
export function checkProvenance({ content, provenance }: TrajectoryRecord): string | undefined {
  const nameless = provenance.find(({ revision }) => !/^[0-9a-f]+$/.test(revision));
  if (nameless !== undefined) {
    return `the revision that ${nameless.did} must be known: it is ${nameless.revision}`;
  }
  let trained = 0;
  for (const { did, from = 0, to } of provenance) {
    if (did !== "trained") continue;
    if (from !== trained) {
      const what = from < trained ? "overlap" : "leave a gap";
      return `its trainings ${what}: one begins after epoch ${from}, the one before ended at ${trained}`;
    }
    trained = to;
  }
  const { epochLosses: { length }, diverged } = content;
  // A network that is not finite ends a record before the epoch that was trained last.
  return trained === length || (diverged && trained > length)
    ? undefined
    : `its trainings end at epoch ${trained} and its losses at ${length}`;
}
