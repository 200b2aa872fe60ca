import { formatProgress } from "~/lib/files/progress.ts";
import { showProgress, showSentences, showTable } from "~/lib/notebook.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { table } from "arquero";

Deno.test("formatProgress() shows a bar, a share and the time left where they are known", () => {
  assertEquals(
    formatProgress({ message: "training", done: 3, total: 4, secondsLeft: 150 }),
    // 0.75 * 30 = 22.5 rounds to 23.
    `${"█".repeat(23)}${"░".repeat(7)} 75 %  3 min left  training`,
  );
  assertEquals(formatProgress({ message: "loading" }), "loading");
  assertEquals(formatProgress({ message: "", done: 9, total: 4 }), "█".repeat(30) + " 100 %");
});

Deno.test("showSentences() and showProgress() fail outside a notebook, not on import", async () => {
  await assertRejects(() => showSentences(["x"]));
  await assertRejects(() => showProgress("x").close());
});

Deno.test("showTable() shows nothing of a table without rows", async () => {
  await assertRejects(() => showTable(table({ seed: [0] })));
  await showTable(table({ seed: [] }));
});
