/**
 * Text as it may go to a terminal.
 *
 * @module
 */

/** Text as it may go to a terminal: cut, with control and formatting characters escaped. */
export function printable(text: string, atMost = 500): string {
  const kept = text.length > atMost ? `${text.slice(0, atMost)}...` : text;
  return kept.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (letter) => `\\u{${letter.codePointAt(0)!.toString(16)}}`,
  );
}

export function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** "45 s", "12 min", "3 h 20 min". */
export function formatSeconds(seconds: number): string {
  if (seconds < 99.5) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
