/**
 * Numbers as people read them.
 *
 * @module
 */

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** `10⁻³`: the power in Unicode's superscripts, which need no markup. */
function powerOfTen(exponent: number): string {
  const digits = [...String(Math.abs(exponent))].map((digit) => SUPERSCRIPTS[Number(digit)]);
  return `10${exponent < 0 ? "⁻" : ""}${digits.join("")}`;
}

/** A number > 0 as `10⁻⁴` or `5×10⁻⁴`, of at most three digits. */
export function scientific(value: number): string {
  const [digits = "", exponent = ""] = value.toExponential(2).split("e");
  const mantissa = String(Number(digits));
  const power = powerOfTen(Number(exponent));
  return mantissa === "1" ? power : `${mantissa}×${power}`;
}

/** A number with so many significant digits, zeros at the end kept: `0.110`, `−1.28`, `5.00×10⁻⁵`. */
export function significant(value: number, digits = 3): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const [mantissa = "", power = ""] = size.toExponential(digits - 1).split("e");
  const exponent = Number(power);
  const sign = value < 0 ? "−" : "";
  if (exponent < -4 || exponent > 5) return `${sign}${mantissa}×${powerOfTen(exponent)}`;
  return sign + size.toFixed(Math.max(0, digits - 1 - exponent));
}

/** Rounds to the decimals that a spread of this size leaves meaning: two digits of it. */
export function toSpread(value: number, spread: number): string {
  if (!(Number.isFinite(spread) && spread > 0)) return significant(value);
  const decimals = Math.min(12, Math.max(0, 1 - Math.floor(Math.log10(spread))));
  const text = Math.abs(value).toFixed(decimals);
  return (value < 0 && Number(text) !== 0 ? "−" : "") + text;
}

/** `50,000`. */
export function thousands(count: number): string {
  return count.toLocaleString("en-US");
}

/** A unit behind a value, ` nats`, or a name, ` (nats)`; nothing for "1", that of a pure number. */
export function unitAfter(what: "value" | "name", unit: string): string {
  if (unit === "1") return "";
  return what === "value" ? ` ${unit}` : ` (${unit})`;
}

/** `3 seeds`, `2 to 3 seeds`, of counts that may differ; at least one of them. */
export function plurals(counts: readonly number[], noun: string): string {
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  return (fewest === most ? "" : `${thousands(fewest)} to `) + plural(most, noun);
}

/** `1 seed`, `3 seeds`, `20,000 epochs`. */
export function plural(count: number, noun: string): string {
  return `${thousands(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** 1..count, of more than `most` only some, the first and the last included: evenly in their logarithm. */
export function sparse(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, i) => i + 1);
  return [
    ...new Set(Array.from({ length: most }, (_, i) => Math.round(count ** (i / (most - 1))))),
  ];
}

/** A value as tables show it: whole numbers as they are, others to four significant digits. */
export function entryText(value: unknown): string {
  return typeof value === "number" && !Number.isInteger(value)
    ? String(Number(value.toPrecision(4)))
    : String(value ?? "");
}
