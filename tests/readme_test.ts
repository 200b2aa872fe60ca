import { basename } from "node:path";
import { forColumn, listFigures, listPictures } from "~/lib/figures.ts";
import {
  againstText,
  comparisonText,
  describeFinding,
  edgeCells,
  edgeTable,
  FEWEST_SEEDS,
  type Finding,
  findingsMarkdown,
  isWhole,
  LEAD_MEASURE,
  listFindings,
  optimizerSentences,
} from "~/lib/findings.ts";
import { significant } from "~/lib/files/numbers.ts";
import { run } from "~/lib/reproduce.ts";
import { runsAt, runsCsv, summariseCells } from "~/lib/results.ts";
import { presets, studyFile } from "~/lib/study.ts";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ROOT } from "~/tests/fixtures/script.ts";

/** Studies whose figures and findings are committed. */
const STUDIES = [presets.standard, presets.quick];
/** What is committed of each. */
const OUTCOMES = await Promise.all(STUDIES.map((study) => run(study, { cachedOnly: true })));

Deno.test("results/ hold what was found, word for word; every column of a CSV has a value", async () => {
  for (const [index, study] of STUDIES.entries()) {
    const { records } = OUTCOMES[index]!;
    const path = studyFile(study, `${ROOT}results`, "findings.md");
    assert(await Deno.readTextFile(path) === findingsMarkdown(study, records), basename(path));
    const csv = runsCsv(study.stops.flatMap((stop) => runsAt(study, records, stop)));
    assert(await Deno.readTextFile(`${ROOT}results/${study.preset}.csv`) === csv, study.preset);
    assert(/[^\n]\n$/.test(csv));
    const [, ...lines] = csv.trimEnd().split("\n").map((line) => line.split(","));
    lines[0]!.forEach((_, i) => assert(lines.some((line) => line[i] !== ""), `column ${i}`));
  }
});

Deno.test("README says of the results what the verdicts say, number by number", async () => {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const block = readme.split("<!-- found -->")[1]!.split("<!-- -->")[0]!.replace(/\s+/g, " ");
  const [findings, quick] = STUDIES.map((study, i) => listFindings(study, OUTCOMES[i]!.records));
  const found = (
    effect: string,
    where: string,
    optimizers = ["SGD", "AdaGrad"],
    of = findings!,
  ): Finding[] =>
    of.filter((each) =>
      each.effect === effect && each.where === where && !each.isAgainst &&
      each.comparisons.length > 0 && optimizers.includes(each.optimizer) &&
      (where === "stop" || each.measure === LEAD_MEASURE)
    );
  const verdicts = (...of: Parameters<typeof found>): Set<string> =>
    new Set(found(...of).map(({ verdict }) => verdict));
  const ratio = (
    ...[effect, where, optimizer, level]: [string, string, string, number?]
  ): string => {
    const all = found(effect, where, [optimizer]).filter((each) => each.level === level);
    assert(all.length === 1 && isWhole(all[0]!));
    return comparisonText(all[0]!).replace("ratio ", "");
  };
  const [batches] = found("batch-size", "stop", ["SGD"]);
  const losses = batches!.comparisons.flatMap(({ first, last }) => [first.loss!, last.loss!])
    .map((loss) => significant(loss)).join(" to ");
  const [lowest] = found("learning-rate", "loss", ["AdaGrad"]).filter(({ level }) => level === 1.5);
  const [, turn] = /It is lowest at 10⁻²: .* to there, (.*) from there\./.exec(
    describeFinding(lowest!),
  )!;
  const edge = edgeTable(
    edgeCells(presets.standard, OUTCOMES[0]!.records).filter((cell) =>
      cell.optimizer === "SGD" && cell.effect === "learning-rate" && cell.learningRate >= 1e-3
    ),
  );
  const edges = (edge.array("learning rate × λ max") as string[])
    .map((text) => text.match(/[\d.]+/g)!.map(Number));
  const [means, ends] = [edges.map(([mean]) => mean!), edges.flatMap(([, ...each]) => each)];
  const numbers = [
    `falls to ${ratio("learning-rate", "stop", "SGD")} of its value with SGD, to ` +
    `${ratio("learning-rate", "stop", "AdaGrad")} with AdaGrad.`,
    `falls to ${ratio("learning-rate", "loss", "SGD", 1.5)} with SGD, to ` +
    `${ratio("learning-rate", "loss", "AdaGrad", 1.5)} with AdaGrad.`,
    `with SGD only**, to ${ratio("learning-rate", "measure", "SGD")}. With AdaGrad it is not ` +
    `settled: ratio ${ratio("learning-rate", "measure", "AdaGrad")}.`,
    `the loss rises from ${losses} nats, and sharpness falls to ${
      ratio("batch-size", "stop", "SGD")
    }.`,
    `lowest at 10⁻², and ${turn!.replace("ratio ", "")} times that at 10⁻¹.`,
    `is ${significant(Math.min(...means))} to ${
      significant(Math.max(...means))
    } (intervals within ` +
    `${significant(Math.min(...ends))} to ${significant(Math.max(...ends))}).`,
  ];
  for (const text of numbers) assertStringIncludes(block, text);
  assertEquals(block.match(/ \[\d[^\]]*\](?!\()/g)?.length, 8);
  // A larger learning rate ends flatter. It is highest at 5×10⁻⁴.
  assertEquals(verdicts("learning-rate", "stop"), new Set(["falls"]));
  for (const finding of found("learning-rate", "stop")) {
    assertStringIncludes(describeFinding(finding), "It is highest at 5×10⁻⁴: ");
  }
  // SGD's larger rates end near the edge of stability.
  const cells = edgeCells(presets.standard, OUTCOMES[0]!.records)
    .filter((cell) => cell.optimizer === "SGD" && cell.effect === "learning-rate");
  assertEquals(
    edgeTable(cells).array("against 2"),
    cells.map(({ learningRate }) => learningRate < 1e-3 ? "below" : "not told apart"),
  );
  assertEquals(cells.map(({ bySeed }) => bySeed.size), cells.map(() => 3));
  // So it does at equal training loss: with SGD at two of five losses, with AdaGrad at
  // three of four. Where training stops it falls with SGD only.
  for (const optimizer of ["SGD", "AdaGrad"]) {
    const settled = found("learning-rate", "loss", [optimizer])
      .filter(({ verdict }) => verdict !== "inconclusive");
    assert(settled.some(({ verdict }) => verdict === "survives"));
    const compared = found("learning-rate", "loss", [optimizer])
      .filter(({ comparisons: [each] }) => each!.n >= FEWEST_SEEDS);
    assertEquals([settled.length, compared.length], optimizer === "SGD" ? [2, 5] : [3, 4]);
    assert(optimizer === "SGD" || compared.filter(isWhole).length === 1);
    assert(
      settled.every(({ verdict, comparisons: [each] }) =>
        verdict !== "negligible" && each!.sign < 0
      ),
    );
  }
  assertEquals(verdicts("learning-rate", "measure", ["SGD"]), new Set(["survives"]));
  assert(!verdicts("learning-rate", "measure", ["AdaGrad"]).has("survives"));
  // Larger batches of SGD stop at a higher loss. At equal loss, from 32 to 8192, no fall is seen.
  assertEquals(found("batch-size", "loss", ["SGD"])[0]!.comparisons[0]!.last.name, "8192");
  // On 10,000 images at 10⁻² it rises with SGD.
  assertEquals(presets.quick.grid.baseLearningRate, 1e-2);
  const rising = found("batch-size", "loss", ["SGD"], quick)
    .filter(({ comparisons: [each] }) => each!.n >= FEWEST_SEEDS);
  assertEquals(new Set(rising.map(({ verdict }) => verdict)), new Set(["rises"]));
  for (const { ends } of found("batch-size", "stop", ["SGD"])) {
    assert(ends.every(({ loss }, i) => i === 0 || loss! > ends[i - 1]!.loss!));
  }
  assertEquals(verdicts("batch-size", "stop", ["SGD"]), new Set(["falls"]));
  for (const where of ["stop", "measure", "loss"]) {
    assertEquals(verdicts("batch-size", where, ["AdaGrad"]), new Set(["inconclusive"]));
  }
  for (const { comparisons: [each] } of found("batch-size", "loss")) {
    // One seed has no interval: it shows neither a fall nor that there is none.
    assert(each!.scale === "ratio" && (each!.interval?.[1] ?? 1) >= 1);
  }
  const [against] = optimizerSentences(findings!);
  assertStringIncludes(against!, "By learning rate, at 1.5 nats, it is alike at ");
  assertStringIncludes(against!, ", lower at 10⁻³, 5×10⁻³ and 10⁻², higher at 10⁻¹. By");
  const [atStop] = findings!.filter((each) => each.isAgainst && each.where === "stop");
  assertEquals(againstText(atStop!), "lower at 10⁻⁴, 5×10⁻⁴, 10⁻³, 5×10⁻³, 10⁻², 5×10⁻² and 10⁻¹");
  const { testAccuracy } = summariseCells(
    presets.standard,
    runsAt(presets.standard, OUTCOMES[0]!.records),
  )
    .find(({ optimizer, batchSize }) => optimizer === "SGD" && batchSize === 50_000)!;
  assertStringIncludes(readme, `stops at ${(100 * testAccuracy!).toFixed(1)} % test accuracy`);
});

Deno.test("README is short, of plain sentences, and its links lead somewhere", async () => {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  // What was found takes the lines that it takes.
  const own = readme.replace(/<!-- found -->.*?<!-- -->/s, "");
  assert(own.split("\n").length <= 120 && readme.split(/\s+/).length <= 1000);
  assert(own.split("\n").findIndex((line) => line.startsWith("npx -y deno task")) < 40);
  const prose = readme.replace(/```.*?```|^\|.*$|^ {4}.*$/gms, "");
  for (const sentence of prose.split(/(?<=[.:?])\s+|\n\n|\n- /)) {
    assert(sentence.split(/\s+/).length <= 30, sentence);
  }
  for (const [, path = ""] of readme.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
    assert((await Deno.stat(ROOT + path)).isFile, path);
  }
});

Deno.test("results/figures are what reproduce --preset draws of each, the README's first one too", async () => {
  for (const [index, study] of STUDIES.entries()) {
    const { records } = OUTCOMES[index]!;
    const pictures = study === presets.standard
      ? await listPictures(study, records, `${ROOT}results`)
      : [];
    const figures = [...listFigures(study, records), ...pictures];
    for (const figure of [...figures, ...figures.map(forColumn)]) {
      const path = `results/figures/${study.preset}/${figure.name}.svg`;
      // Not by assertEquals: what differs would be thousands of lines.
      assert(await Deno.readTextFile(ROOT + path) === figure.svg, path);
    }
  }
});

Deno.test("results/ hold all of quick and standard: a first reproduce computes nothing", () => {
  assertEquals(OUTCOMES.map(({ missingRuns }) => missingRuns), STUDIES.map(() => 0));
});

Deno.test("notebooks: every sentence about an effect is an output, none stands in the prose", async () => {
  for await (const { name } of Deno.readDir(`${ROOT}notebooks`)) {
    if (!name.endsWith(".ipynb")) continue;
    const { cells } = JSON.parse(await Deno.readTextFile(`${ROOT}notebooks/${name}`));
    const prose = cells.filter((cell: { cell_type: string }) => cell.cell_type === "markdown")
      .flatMap((cell: { source: string[] }) => cell.source).join("");
    // A decimal fraction is a measured number; learning rates and years stand in other forms.
    assertEquals(prose.match(/\d\.\d+(?!\d*e|\d{4})(?= nats| ±| \[| of its)/g), null, name);
  }
});

Deno.test("README: no paragraph stands twice", async () => {
  const paragraphs = (await Deno.readTextFile(`${ROOT}README.md`)).split(/\n\n+/)
    .map((text) => text.slice(0, 60)).filter((text) => !text.startsWith("<!--"));
  assertEquals(paragraphs.filter((text, i) => paragraphs.indexOf(text) < i), []);
});
