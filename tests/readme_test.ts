import { assert, assertArrayIncludes, assertEquals } from "@std/assert";
import { listFindings } from "~/lib/findings.ts";
import { run } from "~/lib/reproduce.ts";
import { type PresetName, presets } from "~/lib/study.ts";
import { ROOT } from "~/tests/fixtures/script.ts";

/** The sentences that stand between a mark and the next one, lines joined. */
function sentencesOf(text: string, mark: string): string[] {
  const [block = ""] = (text.split(`<!-- ${mark} -->`)[1] ?? "").split("<!--");
  return block.trim().split(/\n- |^- /).filter(Boolean).map((part) =>
    part.replace(/\s+/g, " ").trim()
  );
}

Deno.test("README: what was found is what results/ say, sentence by sentence", async () => {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const stated = [...readme.matchAll(/<!-- found: (\w+) -->/g)].map(([, preset]) => preset!);
  assertEquals(stated, ["standard", "quick"]);
  for (const preset of stated as PresetName[]) {
    const { records, missingRuns } = await run(presets[preset], { cachedOnly: true });
    if (preset === "quick") assertEquals(missingRuns, 0, "results/ must hold the whole of quick");
    const { effects } = listFindings(presets[preset], records);
    const all = effects.map(({ summary }) => summary.replace(/\s+/g, " "));
    const found = sentencesOf(readme, `found: ${preset}`);
    assert(found.length >= 2, preset);
    for (const sentence of found) assertArrayIncludes(all, [sentence], preset);
  }
});

Deno.test("notebooks: every sentence about an effect is an output, none stands in the prose", async () => {
  for await (const { name } of Deno.readDir(`${ROOT}notebooks`)) {
    if (!name.endsWith(".ipynb")) continue;
    const { cells } = JSON.parse(await Deno.readTextFile(`${ROOT}notebooks/${name}`));
    const prose = cells.filter((cell: { cell_type: string }) => cell.cell_type === "markdown")
      .flatMap((cell: { source: string[] }) => cell.source).join("");
    // A decimal fraction is a measured number; learning rates and years stand in other forms.
    assertEquals(prose.match(/\d\.\d+(?!\d*e|\d{4})(?= nats| ±)/g), null, name);
  }
});
