/**
 * Progress of long work, and an estimate of the time left.
 *
 * @module
 */
import { formatSeconds } from "~/lib/files/text.ts";

export interface Progress {
  readonly message: string;
  /** Work done and in all, in any unit. */
  readonly done?: number;
  readonly total?: number;
  readonly secondsLeft?: number | undefined;
}

export type OnProgress = (progress: Progress) => void;

/** One line of text, its bar of so many letters: "██████░░░░ 60 %  3 min left  training". */
export function formatProgress(progress: Progress, bar = 30): string {
  const { message, done, total, secondsLeft } = progress;
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

/** Counts work in seconds of a nominal machine and scales by what it really took. */
export class Meter<Work = unknown> {
  readonly #start = performance.now();
  readonly #works = new Map<Work, { readonly done: number; readonly left: number }>();

  /** Sets what is left of a work; 0 where nothing more is expected of it. */
  expect(work: Work, left: number): void {
    this.#works.set(work, { done: this.#works.get(work)?.done ?? 0, left });
  }

  /** Counts what was done of a work; of one that goes beyond what was expected a tenth more is. */
  add(work: Work, cost: number): void {
    const before = this.#works.get(work) ?? { done: 0, left: 0 };
    const [done, left] = [before.done + cost, before.left - cost];
    // What ends as expected does so but for rounding.
    this.#works.set(work, { done, left: left < -1e-6 * done ? done / 10 : Math.max(0, left) });
  }

  report(message: string): Progress {
    let [done, left] = [0, 0];
    for (const work of this.#works.values()) [done, left] = [done + work.done, left + work.left];
    const total = done + left;
    const seconds = (performance.now() - this.#start) / 1000;
    // The first moments say little about the rest.
    const isKnown = done > 0.002 * total && seconds > 2;
    return { message, done, total, secondsLeft: isKnown ? seconds * left / done : undefined };
  }
}
