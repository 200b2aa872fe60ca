/**
 * Progress on stderr: a bar in a terminal, plain lines elsewhere.
 *
 * @module
 */
import { formatProgress, type OnProgress } from "~/lib/files/progress.ts";

/** A display of progress and messages. */
export interface Display {
  readonly onProgress: OnProgress;
  readonly onMessage: (message: string) => void;
  /** Leaves the terminal as it was. */
  close(): void;
}

/** Opens a display that fits stderr. */
export function openDisplay(): Display {
  const isTerminal = Deno.stderr.isTerminal();
  // Plain lines are few: a log of a long study stays readable.
  const interval = isTerminal ? 100 : 10_000;
  let last = -Infinity;
  const rewrite = (line: string): void => {
    Deno.stderr.writeSync(new TextEncoder().encode(`\r${line}\x1b[K`));
  };
  const close = (): void => {
    if (isTerminal && last > 0) rewrite("");
  };
  return {
    onProgress(progress): void {
      const now = performance.now();
      if (now - last < interval) return;
      last = now;
      if (!isTerminal) console.error(formatProgress(progress, { bar: 0 }));
      else rewrite(formatProgress(progress).slice(0, Deno.consoleSize().columns - 1));
    },
    onMessage(message): void {
      close();
      console.error(message);
    },
    close,
  };
}
