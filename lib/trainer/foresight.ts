/**
 * When a stop will be reached, guessed from how the epoch loss has changed so far.
 *
 * @module
 */
import { normalBetween } from "~/lib/statistics.ts";

/** The fewest changes of the loss that say something of the next ones. */
const FEWEST = 5;

/** What ends training: so many changes of the epoch loss below a criterion. */
export interface Flatness {
  /** In nats. */
  readonly criterion: number;
  /** Epochs with a change below it. */
  readonly needed: number;
  /** Whether they must lie in a row. */
  readonly consecutive: boolean;
}

/** How the epoch loss falls now: in epoch k by `rate / k` nats, with a standard deviation. */
interface Fall {
  readonly rate: number;
  readonly deviation: number;
}

/**
 * The epoch at which as many changes below the criterion are expected as are needed, beyond those
 * that there are; for epochs in a row, at which one such row is.
 *
 * @param seen Changes below the criterion that count already.
 * @returns Undefined where too few losses are known, or where that is not to be before `limit`.
 */
export function foreseeFlat(
  losses: readonly number[],
  { criterion, needed, consecutive, seen, limit }: Flatness & { seen: number; limit: number },
): number | undefined {
  const fall = fallOf(losses);
  if (fall === undefined) return undefined;
  let expected = consecutive ? 0 : seen;
  const enough = consecutive ? 1 : needed;
  for (let epoch = losses.length + 1; epoch <= limit; epoch++) {
    const mean = fall.rate / epoch;
    const share = normalBetween([-criterion, criterion], { mean, deviation: fall.deviation });
    expected += consecutive ? share ** needed : share;
    if (expected >= enough) return epoch;
  }
  return undefined;
}

/** The epoch at which the epoch loss falls to a level; undefined as for `foreseeFlat`. */
export function foreseeLevel(losses: readonly number[], level: number): number | undefined {
  const fall = fallOf(losses);
  if (fall === undefined || fall.rate <= 0) return undefined;
  // Falls of rate / k add up to rate ln(k / n).
  return Math.ceil(losses.length * Math.exp((losses.at(-1)! - level) / fall.rate));
}

/** From the last quarter of the changes. */
function fallOf(losses: readonly number[]): Fall | undefined {
  const count = Math.max(FEWEST, losses.length >> 2);
  if (losses.length < count + 2) return undefined;
  const last = losses.slice(-count - 1);
  const mean = (last[0]! - last.at(-1)!) / count;
  const before = losses.length - count;
  const rate = mean * (before + count / 2);
  // From the law and not from the mean, as the fall itself is no noise.
  const variance = last.slice(1).reduce(
    (sum, loss, i) => sum + (last[i]! - loss - rate / (before + i + 1)) ** 2 / count,
    0,
  );
  return Number.isFinite(variance) ? { rate, deviation: Math.sqrt(variance) } : undefined;
}
