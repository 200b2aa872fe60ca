/**
 * Whether notebooks that were executed again show what is committed; run by hand or by CI.
 *
 * Cells tagged "machine" compute for themselves: their last digits are this machine's, and are passed
 * over.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../../notebooks/", import.meta.url));

/** A notebook's text without what may differ from machine to machine. */
function comparable(text: string): string {
  const { cells } = JSON.parse(text) as {
    cells: { metadata: { tags?: string[] }; source: unknown; outputs?: unknown }[];
  };
  return JSON.stringify(cells.map(({ metadata, source, outputs }) => (
    { source, outputs: metadata.tags?.includes("machine") ? "" : outputs }
  )));
}

const differing = [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
  .filter((name) => name.endsWith(".ipynb")).filter((name) => {
    const git = new Deno.Command("git", {
      args: ["show", `HEAD:./${name}`],
      cwd: FOLDER,
    }).outputSync();
    const committed = new TextDecoder().decode(git.stdout);
    return !git.success ||
      comparable(committed) !== comparable(Deno.readTextFileSync(FOLDER + name));
  });
for (const name of differing) {
  console.error(`${name}: its outputs are not those that are committed`);
}
Deno.exit(differing.length === 0 ? 0 : 1);
