/**
 * How sentences name values, intervals, and what is missing.
 *
 * @module
 */
import { toSpread } from "~/lib/files/numbers.ts";
import type { CellSummary, Interval } from "~/lib/results.ts";
import { EFFECTS, effectValue, type Study } from "~/lib/study.ts";

/** " nats", as it follows a number; nothing for a pure one. */
export function unitAfter(unit: string): string {
  return unit === "1" ? "" : ` ${unit.replace("^2", "²")}`;
}

/** "[−1.31, −1.25]", to two digits of its width. */
export function formatInterval([low, high]: Interval): string {
  return `[${toSpread(low, (high - low) / 2)}, ${toSpread(high, (high - low) / 2)}]`;
}

/** A mean to the digits that its interval leaves meaning, or to three where there is none. */
export function formatMean(mean: number, interval: Interval | null): string {
  return toSpread(mean, interval === null ? 0 : (interval[1] - interval[0]) / 2);
}

/** "a, b and c". */
export function enumerate(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** What a stop is, in a few words. */
export function stopInWords(stop: string): string {
  const [rule, value, count = "five"] = stop.split(":");
  switch (rule) {
    case "cumulative":
      return `${count} epochs, wherever they lay, changed the epoch loss by less than ${value} nats`;
    case "consecutive":
      return `${count} epochs in a row changed the epoch loss by less than ${value} nats`;
    case "loss":
      return `the epoch loss has come down to ${value} nats`;
    default:
      return `after ${value} epochs`;
  }
}

/** " Missing: 10⁻⁴ and 10⁻³ (seeds 1, 2); 5×10⁻⁴." of a series' values, or nothing. */
export function missingSeeds(
  { grid }: Study,
  values: readonly { readonly name: string; readonly bySeed: ReadonlyMap<number, unknown> }[],
): string {
  const text = listed(
    grid.seeds,
    values.map(({ name, bySeed }) => ({ name, seeds: grid.seeds.filter((s) => !bySeed.has(s)) })),
  );
  return text === "" ? "" : ` Missing: ${text}.`;
}

/**
 * The cells in which a seed has no value of the measure, and those whose training diverged, series by
 * series: " Missing: AdaGrad, batch size: 32 and 64 (seeds 1 to 5). Diverged: ...", or nothing.
 */
export function missingText({ grid }: Study, cells: readonly CellSummary[]): string {
  const series = [...Map.groupBy(cells, ({ optimizer, effect }) => (
    `${optimizer}, ${EFFECTS[effect].label}`
  ))];
  const say = (word: string, seedsOf: (cell: CellSummary) => readonly number[]): string => {
    const parts = series.flatMap(([name, own]) => {
      const text = listed(
        grid.seeds,
        own.map((cell) => (
          { name: EFFECTS[cell.effect].format(effectValue(cell)), seeds: seedsOf(cell) }
        )),
      );
      return text === "" ? [] : [series.length === 1 ? text : `${name}: ${text}`];
    });
    return parts.length === 0 ? "" : ` ${word}: ${parts.join("; ")}.`;
  };
  return say("Missing", ({ bySeed, diverged }) => {
    const had = bySeed.filter(({ value }) => value !== null).map(({ seed }) => seed);
    return grid.seeds.filter((seed) => !had.includes(seed) && !diverged.includes(seed));
  }) + say("Diverged", ({ diverged }) => diverged);
}

/** Names that lack seeds, those that lack the same ones together. */
function listed(
  all: readonly number[],
  values: readonly { readonly name: string; readonly seeds: readonly number[] }[],
): string {
  const groups = Map.groupBy(
    values.filter(({ seeds }) => seeds.length > 0),
    ({ seeds }) => seeds.length === all.length ? "" : ` (${formatSeeds(seeds)})`,
  );
  return [...groups].map(([seeds, own]) =>
    (own.length > 1 && own.length === values.length
      ? "every value"
      : enumerate(own.map(({ name }) => name))) + seeds
  ).join("; ");
}

/** "seed 2", "seeds 0, 2", "seeds 1 to 5". */
function formatSeeds(seeds: readonly number[]): string {
  const sorted = seeds.toSorted((a, b) => a - b);
  const [first, last] = [sorted[0]!, sorted.at(-1)!];
  if (seeds.length === 1) return `seed ${first}`;
  const isRun = seeds.length > 2 && last - first === seeds.length - 1;
  return `seeds ${isRun ? `${first} to ${last}` : sorted.join(", ")}`;
}
