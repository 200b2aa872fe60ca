/**
 * Stops: functions from a trajectory's epoch losses to an epoch.
 *
 * @module
 */
import { count, epochs, nats, readNumber, UsageError, validate } from "~/lib/domain.ts";
import { plural } from "~/lib/files/numbers.ts";

/** Epochs without progress that end training, where a stop does not say how many. */
const FLAT_EPOCHS = 5;

/** A question to a trajectory: at which epoch is this reached? */
export interface Stop {
  /** Canonical: "cumulative:1e-3", "loss:1.5", "epochs:10". */
  readonly text: string;
  /**
   * Of a study's stops those of the lowest rank end training, the others are passed. 0: a number of
   * epochs or of flat ones; 1: flat epochs in a row, which noise may never allow; 2: a loss.
   */
  readonly rank: 0 | 1 | 2;
  /** "after 10 epochs": what it is, in a few words. */
  readonly words: string;
  /** Whether reaching it is to have converged. */
  readonly isCriterion: boolean;
  /** The first epoch at which it is reached, given every epoch's loss so far in nats. */
  epoch(losses: readonly number[]): number | undefined;
}

/** What a stop's text may be, for help and messages. */
export const STOP_HELP =
  "consecutive:NATS[:EPOCHS], cumulative:NATS[:EPOCHS], loss:NATS or epochs:N";

/**
 * Reads a stop. The epoch loss is the mean over an epoch's batches, each just before its step.
 *
 * - `consecutive:c` (the original's text): the epoch loss changed by less than c nats in each of 5
 *   epochs in a row; `consecutive:c:n` for n of them.
 * - `cumulative:c` (the original's program): it changed by less than c in 5 epochs from the third
 *   on, in a row or not.
 * - `loss:x`: the epoch loss is at or below x nats.
 * - `epochs:n`: n epochs.
 *
 * @throws {UsageError} If the text is none of these.
 *
 * @example
 * ```ts
 * import { parseStop } from "~/lib/trainer.ts";
 *
 * const flat = [2, 1, 1.0001, 0.9, 0.9001];
 * if (parseStop("consecutive:1e-3:2").epoch(flat) !== undefined) throw new Error("not in a row");
 * if (parseStop("cumulative:0.001:2").epoch(flat) !== 5) throw new Error("two flat epochs");
 * if (parseStop("loss:1").epoch(flat) !== 2) throw new Error("the first at or below");
 * ```
 */
export function parseStop(text: string): Stop {
  const [kind = "", value = "", number, ...rest] = text.trim().split(":");
  const what = (part: string): string => `Cannot use stop ${text.slice(0, 100)} as ${part}`;
  const isCriterion = kind === "consecutive" || kind === "cumulative";
  if (
    !(isCriterion || kind === "loss" || kind === "epochs") || rest.length > 0 ||
    (number !== undefined && !isCriterion)
  ) throw new UsageError(`${what("it")} must be ${STOP_HELP}`);
  const given = readNumber(value);
  if (kind === "epochs") {
    const last = validate(epochs, given, what("its epochs"));
    const epoch: Stop["epoch"] = (losses) => losses.length >= last ? last : undefined;
    const words = `after ${plural(last, "epoch")}`;
    return { text: `epochs:${last}`, words, rank: 0, isCriterion, epoch };
  }
  if (kind === "loss") {
    const level = validate(nats, given, what("its loss"));
    const epoch: Stop["epoch"] = (losses) =>
      losses.findIndex((loss) => loss <= level) + 1 || undefined;
    const text = formatNumber(level);
    const words = `the epoch loss has come down to ${text} nats`;
    return { text: `loss:${text}`, words, rank: 2, isCriterion, epoch };
  }
  const criterion = validate(nats, given, what("its criterion"));
  const needed = number === undefined
    ? FLAT_EPOCHS
    : validate(count, readNumber(number), what("its epochs"));
  const inARow = kind === "consecutive";
  const size = formatNumber(criterion);
  const isUsual = needed === FLAT_EPOCHS;
  const flat = needed === 1 ? "1 epoch" : `each of ${isUsual ? "five" : needed} epochs`;
  const where = needed === 1 ? "" : inARow ? " in a row" : ", in a row or not,";
  return {
    text: `${kind}:${size}${isUsual ? "" : `:${needed}`}`,
    words: `${flat}${where} changed the epoch loss by less than ${size} nats`,
    rank: inARow ? 1 : 0,
    isCriterion,
    epoch: (losses) => flatEpoch(losses, { criterion, needed, inARow }),
  };
}

/** Whether a trajectory has gone far enough for all that is asked of it. */
export function isFarEnough(stops: readonly Stop[], losses: readonly number[]): boolean {
  return drivingStops(stops).every((stop) => stop.epoch(losses) !== undefined);
}

/** The stops that training goes on to: those of the lowest rank. */
export function drivingStops(stops: readonly Stop[]): readonly Stop[] {
  return stops.filter((stop) => !isPassed(stop, stops));
}

/** Whether training with these stops only passes a stop, and does not go on for it. */
export function isPassed({ rank }: Stop, stops: readonly Stop[]): boolean {
  return stops.some((other) => other.rank < rank);
}

/** The epoch of the last change below the criterion that is needed. */
function flatEpoch(
  losses: readonly number[],
  { criterion, needed, inARow }: { criterion: number; needed: number; inARow: boolean },
): number | undefined {
  let flat = 0;
  // The original's program compares from the third epoch on.
  for (let index = inARow ? 1 : 2; index < losses.length; index++) {
    if (Math.abs(losses[index]! - losses[index - 1]!) < criterion) flat++;
    else if (inARow) flat = 0;
    if (flat === needed) return index + 1;
  }
  return undefined;
}

/** "1e-3", "0.05", "1.5": short, and the same for the same number. */
function formatNumber(value: number): string {
  return value === 0 || value >= 0.01 ? String(value) : value.toExponential();
}
