/**
 * How our cells agree with the published ones, in a sentence an effect.
 *
 * @module
 */
import { plurals, significant } from "~/lib/files/numbers.ts";
import { type PublishedComparison, publishedOrder } from "~/lib/findings/compare_published.ts";
import { PUBLISHED_PROTOCOL } from "~/lib/findings/published_cells.ts";
import { enumerate } from "~/lib/findings/words.ts";
import { EFFECTS, effectValue } from "~/lib/study.ts";

/**
 * One sentence an effect and optimizer: how many cells agree with the published mean, which do not
 * where some do, Kendall's tau with the published order, and at which stop. Empty where nothing can
 * be compared at all.
 */
export function publishedSentences(rows: readonly PublishedComparison[]): string[] {
  if (rows.every(({ ours }) => ours === null)) return [];
  return publishedOrder(rows).map((order) => {
    const { effect, optimizer, stop, cells, within, tau } = order;
    const own = rows.filter((row) => row.effect === effect && row.optimizer === optimizer);
    const subject = `${optimizer}, ${EFFECTS[effect].label}, at ${stop}`;
    if (cells === 0) return `${subject}: none of ${own.length} cells has a result yet.`;
    const valueOf = (row: PublishedComparison): string => EFFECTS[effect].format(effectValue(row));
    const off = own.filter((row) => row.within === false).map(valueOf);
    const absent = own.filter((row) => row.ours === null).map(valueOf);
    const seeds = own.filter(({ n }) => n > 0).map(({ n }) => n);
    const note = stop === PUBLISHED_PROTOCOL.stop
      ? ""
      : ` (published at ${PUBLISHED_PROTOCOL.stop})`;
    return [
      `${subject}${note}: ${within} of ${cells} cells lie ` +
      "within twice the published half-width or 10 % of the published mean",
      within > 0 && off.length > 0 && `; not ${enumerate(off)}`,
      tau !== null && `; Kendall's tau with the published order is ${significant(tau, 2)}`,
      `; n = ${plurals(seeds, "seed")}.`,
      absent.length > 0 && ` Missing: ${enumerate(absent)}.`,
    ].filter(Boolean).join("");
  });
}
