/**
 * The font of all figures, from a package.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** DejaVu Sans in two weights. */
export const FONT_FILES = {
  normal: pathOf("DejaVuSans.ttf"),
  bold: pathOf("DejaVuSans-Bold.ttf"),
} as const;

function pathOf(file: string): string {
  return fileURLToPath(import.meta.resolve(`dejavu-fonts-ttf/ttf/${file}`));
}
