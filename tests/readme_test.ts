import { assertEquals } from "@std/assert";
import { listFindings } from "~/lib/findings.ts";
import { run } from "~/lib/reproduce.ts";
import { presets } from "~/lib/study.ts";
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
  const { records } = await run(presets.standard, { cachedOnly: true });
  const { effects, optimizers } = listFindings(presets.standard, records);
  const found = [
    ...effects.map(({ summary }) => summary),
    ...optimizers.find(({ effect }) => effect === "learning-rate")!.findings.map(({ text }) =>
      text
    ),
  ];
  assertEquals(
    sentencesOf(readme, "found: standard"),
    found.map((text) => text.replace(/\s+/g, " ")),
  );
});

Deno.test("results/ hold the whole of quick: a first reproduce draws and computes nothing", async () => {
  const { missingRuns } = await run(presets.quick, { cachedOnly: true });
  assertEquals(missingRuns, 0);
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
