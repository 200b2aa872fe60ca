/**
 * Progress of long work, and an estimate of the time left.
 *
 * @module
 */
import { formatSeconds } from "~/lib/files/text.ts";

/** What a display shows. */
export interface Progress {
  readonly message: string;
  /** Work done and in all, in any unit. */
  readonly done?: number;
  readonly total?: number;
  readonly secondsLeft?: number;
}

/** Gets every step of progress. */
export type OnProgress = (progress: Progress) => void;

/**
 * One line of text: "██████░░░░ 60 %  3 min left  training".
 *
 * @param bar Its letters, default 30.
 */
export function formatProgress(
  { message, done, total, secondsLeft }: Progress,
  { bar = 30 }: { readonly bar?: number } = {},
): string {
  const share = done === undefined || !total ? undefined : Math.min(1, Math.max(0, done / total));
  const letters = "█".repeat(Math.round((share ?? 0) * bar)).padEnd(bar, "░");
  return [
    share === undefined ? "" : `${letters} ${Math.floor(100 * share)} %`.trimStart(),
    secondsLeft === undefined ? "" : `${formatSeconds(secondsLeft)} left`,
    message,
  ].filter((part) => part !== "").join("  ");
}

/**
 * Progress in two: what is not counted is said once, as that a file is damaged, and no display may
 * pass over it.
 */
export function partProgress(
  { onProgress, onMessage }: {
    readonly onProgress?: OnProgress | undefined;
    readonly onMessage: (message: string) => void;
  },
): OnProgress {
  return (progress) =>
    progress.done === undefined ? onMessage(progress.message) : onProgress?.(progress);
}

/** Counts work in seconds of a nominal machine and scales by what it really took. */
export interface Meter {
  /** Adds finished work; a negative amount takes some back. */
  add(cost: number): void;
  /** More work than was thought, or less. */
  expect(cost: number): void;
  /** The state as a display wants it. */
  report(message: string): Progress;
}

/** What costs that add up to the total may be above it. */
const ROUNDING = 1e-6;
/** The share that is shown as done while work goes on beyond its estimate. */
const AT_MOST = 0.99;

/** Starts a meter for this much work. */
export function startMeter(expected: number): Meter {
  let total = expected;
  const start = performance.now();
  let done = 0;
  return {
    add(cost): void {
      done += cost;
    },
    expect(cost): void {
      total += cost;
    },
    report(message): Progress {
      const seconds = (performance.now() - start) / 1000;
      // Work that goes on beyond the estimate is not done, and how long it takes nobody knows.
      if (done > total * (1 + ROUNDING)) return { message, done: AT_MOST * total, total };
      const secondsLeft = Math.max(0, seconds * (total - done) / done);
      // The first moments say little about the rest.
      return {
        ...{ message, done, total },
        ...(done > 0.002 * total && seconds > 2 ? { secondsLeft } : {}),
      };
    },
  };
}
