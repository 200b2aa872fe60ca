/** Tables as other programs read them. @module */
import { fromCSV } from "arquero";
import { createRequire } from "node:module";
import { assert, assertEquals } from "@std/assert";
import { ROOT } from "~/tests/fixtures/script.ts";

type Row = Readonly<Record<string, unknown>>;

/** What d3 and with it Observable Plot's users read a file with. */
const d3: { csvParse(text: string, row: unknown): Row[]; autoType: unknown } = createRequire(
  import.meta.resolve("@observablehq/plot"),
)("d3");

Deno.test("Arquero and d3 read back every number of results/*.csv, and no more rows", async () => {
  for (const preset of ["quick", "standard"]) {
    const text = await Deno.readTextFile(`${ROOT}results/${preset}.csv`);
    // No cell holds a comma; both give null for an empty one.
    const expected = text.trimEnd().split("\n").slice(1).map((line) =>
      line.split(",").map((cell) => {
        if (cell === "" || cell === "true" || cell === "false") return JSON.parse(cell || "null");
        return Number.isNaN(Number(cell)) ? cell : Number(cell);
      })
    );
    const readers = {
      Arquero: fromCSV(text).objects() as Row[],
      d3: d3.csvParse(text, d3.autoType),
    };
    for (const [name, rows] of Object.entries(readers)) {
      const found = rows.map((row) => Object.keys(rows[0]!).map((column) => row[column] ?? null));
      // Not by assertEquals: what differs would be thousands of lines.
      assertEquals(found.length, expected.length, name);
      assert(JSON.stringify(found) === JSON.stringify(expected), `${name}, ${preset}`);
    }
  }
});
