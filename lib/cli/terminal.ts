/**
 * Progress on stderr: a bar in a terminal, plain lines elsewhere.
 *
 * @module
 */
import cliProgress from "cli-progress";
import { type OnProgress, type Progress } from "~/lib/files/progress.ts";
import { formatSeconds } from "~/lib/files/text.ts";

/** Seconds between plain lines: a log of a long study stays readable. */
const LINE_SECONDS = 10;

/** A display of progress and messages. */
export interface Display {
  readonly onProgress: OnProgress;
  readonly onMessage: (message: string) => void;
  /** Leaves the terminal as it was. */
  close(): void;
}

/** Opens a display that fits stderr. */
export function openDisplay(): Display {
  return Deno.stderr.isTerminal() ? openBar() : openLines();
}

function openBar(): Display {
  const bar = new cliProgress.SingleBar({
    format: "{bar} {percent} {left} {message}",
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    stopOnComplete: false,
    linewrap: false,
    barCompleteChar: "█",
    barIncompleteChar: "░",
  });
  let started = false;
  function hide(): void {
    if (started) bar.stop();
    started = false;
  }
  return {
    onProgress(progress): void {
      const { done = 0, total = 1, message } = progress;
      const fields = { message, left: timeLeft(progress), percent: percentage(progress) };
      if (!started) bar.start(total, done, fields);
      started = true;
      bar.setTotal(total);
      bar.update(done, fields);
    },
    onMessage(message): void {
      hide();
      console.error(message);
    },
    close: hide,
  };
}

function openLines(): Display {
  let last = -Infinity;
  return {
    onProgress(progress): void {
      const now = performance.now();
      if (now - last < 1000 * LINE_SECONDS) return;
      last = now;
      const parts = [percentage(progress), timeLeft(progress), progress.message];
      console.error(parts.filter((part) => part !== "").join("  "));
    },
    onMessage: (message) => console.error(message),
    close: () => {},
  };
}

function percentage({ done, total }: Progress): string {
  return done === undefined || !total ? "" : `${Math.floor(100 * done / total)} %`.padStart(5);
}

function timeLeft({ secondsLeft }: Progress): string {
  return secondsLeft === undefined ? "" : `${formatSeconds(secondsLeft)} left`;
}
