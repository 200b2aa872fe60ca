import { forColumn, listFigures } from "~/lib/figures.ts";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  comparePublished,
  edgeAtStop,
  type Findings,
  findingsTable,
  listFindings,
  publishedSentences,
} from "~/lib/findings.ts";
import { run } from "~/lib/reproduce.ts";
import { runsAt } from "~/lib/results.ts";
import { type EffectName, EFFECTS, equalRatioStudy, presets } from "~/lib/study.ts";
import { ROOT } from "~/tests/fixtures/script.ts";

/** What stands between a mark and the next one. */
function blockOf(text: string, mark: string): string {
  return ((text.split(`<!-- ${mark} -->`)[1] ?? "").split("<!--")[0] ?? "").trim();
}

/** A list's items, lines joined. */
function itemsOf(block: string): string[] {
  return block.split(/\n- |^- /).filter(Boolean).map((part) => part.replace(/\s+/g, " ").trim());
}

/** A Markdown table's cells but for the line under its head. */
function cellsOf(block: string): string[][] {
  const rows = block.split("\n").map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );
  return rows.filter((_, i) => i !== 1);
}

/** The same of what was found. */
function cellsIn(found: Findings): string[][] {
  const table = findingsTable(found);
  return [
    table.columnNames(),
    ...table.objects().map((row) => Object.values(row).map((cell) => String(cell ?? ""))),
  ];
}

Deno.test("README: what was found is what results/ say, sentence by sentence", async () => {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const { standard } = presets;
  const { records } = await run(standard, { cachedOnly: true });
  const found = listFindings(standard, records);
  const ratioStudy = equalRatioStudy(standard);
  const ratio = await run(ratioStudy, { cachedOnly: true });
  const { atEqualRatio } = listFindings(ratioStudy, ratio.records);
  // As the first screen says.
  assertEquals(atEqualRatio.map(({ kind }) => kind), ["survives", "vanishes"]);
  assertEquals(cellsOf(blockOf(readme, "found")), cellsIn(found));
  const sentences = [
    ...[...found.effects, ...found.optimizers]
      .flatMap(({ atStop, scaleFree, atEqualLoss }) =>
        [atStop, scaleFree ?? [], atEqualLoss].flat()
      )
      .map(({ text }) => text),
    ...edgeAtStop(standard, runsAt(standard, records), { effect: "learning-rate" }),
    ...publishedSentences(comparePublished(standard, records)),
    ...atEqualRatio.map(({ text }) => text),
  ];
  assertEquals(
    itemsOf(blockOf(readme, "sentences")),
    sentences.map((text) => text.replace(/\s+/g, " ")),
  );
});

Deno.test("README: what was found at the published stop is what results/ say", async () => {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const { paper } = presets;
  const grid = { ...paper.grid, effects: ["learning-rate" as const], seeds: [0, 1, 2] };
  const study = { ...paper, grid };
  const { records } = await run(study, { cachedOnly: true });
  assertEquals(cellsOf(blockOf(readme, "published stop")), cellsIn(listFindings(study, records)));
});

Deno.test("README: how many cells agree with the published ones is what results/ say", async () => {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const { records } = await run(presets.standard, { cachedOnly: true });
  const rows = comparePublished(presets.standard, records);
  const count = (name: EffectName): string => {
    const own = rows.filter(({ effect }) => effect === name);
    const within = own.filter((row) => row.within);
    const there = own.filter(({ ours }) => ours !== null);
    return `${within.length} of ${there.length} cells by ${EFFECTS[name].label} agree` +
      (there.length < own.length ? ` so far, of ${own.length}` : "");
  };
  assertStringIncludes(
    readme.replace(/\s+/g, " "),
    `at its own stop for an effect where ours have got that far: ${count("learning-rate")}, ` +
      `${count("batch-size")}.`,
  );
});

Deno.test("results/figures are what is drawn from results/, the README's first one too", async () => {
  for (const study of [presets.standard, presets.quick]) {
    const { records } = await run(study, { cachedOnly: true });
    const figures = listFigures(study, records);
    for (const figure of [...figures, ...figures.map(forColumn)]) {
      const path = `results/figures/${study.preset}/${figure.name}.svg`;
      // Not by assertEquals: what differs would be thousands of lines.
      assert(await Deno.readTextFile(ROOT + path) === figure.svg, path);
    }
  }
});

Deno.test("results/ hold all of quick and standard: a first reproduce computes nothing", async () => {
  for (const study of [presets.quick, presets.standard]) {
    const { missingRuns } = await run(study, { cachedOnly: true });
    assertEquals(missingRuns, 0, study.preset);
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

Deno.test("README: no paragraph stands twice", async () => {
  const paragraphs = (await Deno.readTextFile(`${ROOT}README.md`)).split(/\n\n+/)
    .map((text) => text.slice(0, 60)).filter((text) => !text.startsWith("<!--"));
  assertEquals(paragraphs.filter((text, i) => paragraphs.indexOf(text) < i), []);
});
