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

/** Shows progress once in so many milliseconds at most. */
export function throttled(milliseconds: number, show: OnProgress): OnProgress {
  let last = -Infinity;
  return (progress) => {
    const now = performance.now();
    if (now - last < milliseconds) return;
    last = now;
    show(progress);
  };
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
export class Meter<Work = unknown> {
  readonly #start = performance.now();
  readonly #left = new Map<Work, number>();
  #done = 0;

  /** Sets what is left of a work; 0 where nothing more is expected of it. */
  expect(work: Work, cost: number): void {
    this.#left.set(work, cost);
  }

  /** Counts what was done of a work, also beyond what was expected. */
  add(work: Work, cost: number): void {
    this.#done += cost;
    this.expect(work, Math.max(0, (this.#left.get(work) ?? 0) - cost));
  }

  /** The state as a display wants it. */
  report(message: string): Progress {
    const left = this.#left.values().reduce((sum, cost) => sum + cost, 0);
    const [done, total] = [this.#done, this.#done + left];
    const seconds = (performance.now() - this.#start) / 1000;
    // The first moments say little about the rest.
    const isKnown = done > 0.002 * total && seconds > 2;
    return { message, done, total, ...(isKnown ? { secondsLeft: seconds * left / done } : {}) };
  }
}
