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
  rangeText,
} from "~/lib/findings.ts";
import { significant } from "~/lib/files/numbers.ts";
import { run } from "~/lib/reproduce.ts";
import { type CellSummary, type NetworkRecord, runsAt, runsCsv } from "~/lib/results.ts";
import { meanInterval } from "~/lib/statistics.ts";
import { equalRatioStudy, presets, studyFile } from "~/lib/study.ts";
import { trajectoryPath } from "~/lib/trainer.ts";
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

const { records } = OUTCOMES[0]!;
const README = await Deno.readTextFile(`${ROOT}README.md`);
const [findings, quick] = STUDIES.map((study, i) => listFindings(study, OUTCOMES[i]!.records));
/** Findings about one factor and the lead measure, at the stop the first one, too. */
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
/** "0.094 [0.045, 0.194], p = 0.067", of the first and the last cell, or of those named. */
const ratio = (
  ...[effect, where, optimizer, level, range]: [string, string, string, number?, string?]
): string => {
  const all = found(effect, where, [optimizer]).filter((each) => each.level === level);
  assertEquals(all.length, 1);
  assert(range === undefined ? isWhole(all[0]!) : rangeText(all[0]!) === range);
  return comparisonText(all[0]!).replace("ratio ", "");
};
const runs = runsAt(presets.standard, records);
/** SGD by learning rate, AdaGrad by batch size. */
const [edged, preconditioned] = [["SGD", "learning-rate"], ["AdaGrad", "batch-size"]].map((of) =>
  edgeCells(presets.standard, records)
    .filter(({ optimizer, effect }) => String([optimizer, effect]) === String(of))
) as [CellSummary[], CellSummary[]];

Deno.test("README says of the results what the verdicts say, number by number", async () => {
  const block = README.split("<!-- found -->")[1]!.split("<!-- -->")[0]!.replace(/\s+/g, " ");
  const lossesOf = (optimizer: string, first = 0): string[] => {
    const [{ ends }] = found("batch-size", "stop", [optimizer]) as [Finding];
    return [ends[first]!, ends.at(-1)!].map(({ loss }) => significant(loss!));
  };
  const table = edgeTable(edged.filter(({ learningRate }) => learningRate >= 1e-3));
  const edges = (table.array("learning rate × λ max") as string[])
    .map((text) => text.match(/[\d.]+/g)!.map(Number));
  const [means, ends] = [edges.map(([mean]) => mean!), edges.flatMap(([, ...each]) => each)];
  const pairs = equalRatioStudy(presets.standard, [128, 512, 2048, 8192]);
  const [ofPairs] = listFindings(pairs, (await run(pairs, { cachedOnly: true })).records)
    .filter((each) => each.effect === "pairs" && each.level === 1.5);
  assertEquals([ofPairs!.measure, ofPairs!.verdict], [LEAD_MEASURE, "negligible"]);
  assertEquals(rangeText(ofPairs!), "128 to 2048");
  const [alone] = listFindings({
    ...presets.standard,
    grid: {
      ...presets.standard.grid,
      ...{ effects: ["learning-rate"], optimizers: ["SGD"], learningRates: [1e-4, 1e-3] },
    },
  }, records).filter((each) => each.level === 1.5 && each.measure === LEAD_MEASURE);
  const networksOf = (optimizer: string, rate: number): NetworkRecord[] =>
    runs.filter(({ config }) =>
      config.optimizer === optimizer && config.batchSize === 128 && config.learningRate === rate
    ).map(({ network }) => network!);
  const accuracies = [1e-4, 1e-1].map((rate) =>
    networksOf("SGD", rate).map(({ testAccuracy }) => 100 * testAccuracy)
  );
  const worse = meanInterval(accuracies[0]!.map((before, seed) => before - accuracies[1]![seed]!));
  const [short, long] = [1e-4, 1e-1].map((rate) =>
    meanInterval(networksOf("AdaGrad", rate).map(({ weightNorm }) => weightNorm)).mean
  );
  const unsettled = (...of: Parameters<typeof ratio>): string => {
    const [text, p] = ratio(...of).split(", p = ");
    assert(p !== undefined);
    return text!;
  };
  const [smallest, largest] = [preconditioned[0]!, preconditioned.at(-1)!].map((cell) =>
    String(edgeTable([cell]).get("learning rate × λ max", 0))
  );
  const rises = found("batch-size", "loss", ["SGD"], quick)
    .flatMap(({ comparisons: [each] }) => each!.n >= FEWEST_SEEDS ? each!.estimate : []);
  const numbers = [
    `falls to ${ratio("learning-rate", "stop", "SGD")} of its value with SGD, to ` +
    `${ratio("learning-rate", "stop", "AdaGrad")} with AdaGrad.`,
    `AdaGrad's weights end ${(long! / short!).toFixed(0)} times as long.`,
    `falls to ${ratio("learning-rate", "loss", "SGD", 1.5)} at 1.5 nats, to ` +
    `${unsettled("learning-rate", "loss", "SGD", 1.3)} at 1.3 and ` +
    `${unsettled("learning-rate", "loss", "SGD", 1.1)} at 1.1 (not settled).`,
    `falls to ${ratio("learning-rate", "loss", "AdaGrad", 1.5)} at 1.5 and, from 5×10⁻⁴ on, to ` +
    `${ratio("learning-rate", "loss", "AdaGrad", 1.1, "5×10⁻⁴ to 10⁻¹")} at 1.1.`,
    `falls with SGD**, to ${ratio("learning-rate", "measure", "SGD")}; with AdaGrad it is not ` +
    `settled (${unsettled("learning-rate", "measure", "AdaGrad")}).`,
    `from ${smallest!.split(" ")[0]} at 32 images to ${largest} at 50,000.`,
    `it rises from ${
      lossesOf("SGD").join(" to ")
    } nats with SGD; with AdaGrad from 4096 on, from ` +
    `${lossesOf("AdaGrad", 7).join(" to ")}. SGD's sharpness falls to ` +
    `${ratio("batch-size", "stop", "SGD")}.`,
    `it is ${Math.min(...rises).toFixed(1)} to ${Math.max(...rises).toFixed(1)} times as high`,
    `has the ${comparisonText(ofPairs!)} at 1.5 nats.`,
    `from 10⁻⁴ to 10⁻³, makes it ${comparisonText(alone!).replace("ratio ", "")}.`,
    `is ${significant(Math.min(...means))} to ${
      significant(Math.max(...means))
    } (intervals within ` +
    `${significant(Math.min(...ends))} to ${significant(Math.max(...ends))}).`,
    `is ${worse.mean.toFixed(1)} points [${
      worse.interval!.map((end) => end.toFixed(1)).join(", ")
    }] below`,
  ];
  for (const text of numbers) assertStringIncludes(block, text);
  assertEquals(block.match(/ \[\d[^\]]*\](?!\()/g)?.length, 14);
  // None of these networks is shown to be a minimum.
  const later = runsAt({ ...presets.standard, stops: ["cumulative:1e-4"] }, records);
  const lower = later.filter(({ config, network }) =>
    runs.some((run) =>
      trajectoryPath(run.config) === trajectoryPath(config) &&
      run.network!.trainLoss > network!.trainLoss
    )
  );
  assertStringIncludes(
    README.replace(/\s+/g, " "),
    `of ${later.length} trained on, ${lower.length} went lower`,
  );
});

Deno.test("README says what a larger learning rate and a larger batch do as the verdicts do", () => {
  // A larger learning rate ends flatter. Up to 5×10⁻⁴ it rises: 10⁻⁴ stops at a higher loss.
  assertEquals(verdicts("learning-rate", "stop"), new Set(["falls"]));
  for (const finding of found("learning-rate", "stop")) {
    assertStringIncludes(describeFinding(finding), "It is highest at 5×10⁻⁴: ");
    const [first, second] = finding.cells.map((cell) => finding.valuesOf(cell).loss!);
    assert(first! > second!);
  }
  // So it does at equal loss, less so as training goes on: as far as both ends are the same.
  for (const [optimizer, range] of [["SGD", "10⁻⁴ to 10⁻¹"], ["AdaGrad", "5×10⁻⁴ to 10⁻¹"]]) {
    const sizes = found("learning-rate", "loss", [optimizer!])
      .filter((each) => rangeText(each) === range)
      .map(({ comparisons: [each] }) => each!.estimate);
    assert(sizes.length >= 2 && sizes.every((size, i) => size < 1 && size > (sizes[i - 1] ?? 0)));
  }
  for (const optimizer of ["SGD", "AdaGrad"]) {
    const [at15] = found("learning-rate", "loss", [optimizer]).filter(({ level }) => level === 1.5);
    assertEquals(at15!.verdict, "survives");
  }
  assertEquals(verdicts("learning-rate", "measure", ["SGD"]), new Set(["survives"]));
  assertEquals(verdicts("learning-rate", "measure", ["AdaGrad"]), new Set(["inconclusive"]));
  // SGD's larger rates end near the edge of stability.
  assertEquals(
    edgeTable(edged).array("against 2"),
    edged.map(({ learningRate }) => learningRate < 1e-3 ? "below" : "not told apart"),
  );
  const growing = preconditioned.map(({ value }) => value!.mean);
  assert(growing.length === 12 && growing.every((value, i) => value > (growing[i - 1] ?? 0)));
  for (const { bySeed } of [...edged, ...preconditioned]) assertEquals(bySeed.size, 3);
  // Larger batches of SGD stop at a higher loss; at equal loss they are about a tenth sharper.
  for (const [optimizer, first] of [["SGD", 0], ["AdaGrad", 7]] as const) {
    const [{ ends }] = found("batch-size", "stop", [optimizer]) as [Finding];
    const losses = ends.map(({ loss }) => loss!);
    assert(losses.every((loss, i) => i <= first || loss > losses[i - 1]!));
    // AdaGrad's are below that of 32 before 4096, or less than a hundredth of a nat above.
    assert(losses.slice(0, first).every((loss) => loss < losses[0]! + 0.01));
    assertEquals(ends[first]!.name, first === 0 ? "32" : "4096");
  }
  assertEquals(verdicts("batch-size", "stop"), new Set(["falls", "inconclusive"]));
  const tenths = found("batch-size", "loss", ["SGD"])
    .filter(({ comparisons: [each] }) => each!.n >= FEWEST_SEEDS);
  assertEquals(tenths.map(({ verdict }) => verdict), Array(5).fill("inconclusive"));
  for (const { comparisons: [each] } of tenths) {
    assert(each!.interval![0] > 1 && Math.abs(each!.estimate - 1.11) < 0.02);
    assert(each!.first.name === "32" && Number(each!.last.name) >= 128);
  }
  // On 10,000 images at 10⁻² it rises with SGD.
  assertEquals(presets.quick.grid.baseLearningRate, 1e-2);
  const rising = found("batch-size", "loss", ["SGD"], quick)
    .filter(({ comparisons: [each] }) => each!.n >= FEWEST_SEEDS);
  assertEquals(new Set(rising.map(({ verdict }) => verdict)), new Set(["rises"]));
});

Deno.test("README says which optimizer is flatter as the verdicts do", () => {
  const against = (effect: string, where: string, measure: string, level?: number): string =>
    againstText(
      findings!.find((each) =>
        each.isAgainst && each.effect === effect && each.where === where &&
        each.measure === measure && each.level === level
      )!,
    );
  assertEquals(
    against("learning-rate", "stop", "sharpness"),
    "lower at 10⁻⁴ to 10⁻¹",
  );
  assertEquals(
    against("batch-size", "stop", "sharpness"),
    "lower at 32 to 128, higher at 256 to 50000",
  );
  assertStringIncludes(
    against("learning-rate", "measure", LEAD_MEASURE),
    ", higher at 5×10⁻³ to 10⁻¹",
  );
  assertStringIncludes(
    against("learning-rate", "loss", LEAD_MEASURE, 1.5),
    ", lower at 10⁻³ to 10⁻², higher at 10⁻¹",
  );
});

Deno.test("README is short, of plain sentences, and its links lead somewhere", async () => {
  // What was found takes the lines that it takes.
  const own = README.replace(/<!-- found -->.*?<!-- -->/s, "");
  assert(own.split("\n").length <= 120 && README.split(/\s+/).length <= 1000);
  assert(own.split("\n").findIndex((line) => line.startsWith("npx -y deno task")) < 40);
  const prose = README.replace(/```.*?```|^\|.*$|^ {4}.*$/gms, "");
  for (const sentence of prose.split(/(?<=[.:?])\s+|\n\n|\n- /)) {
    assert(sentence.split(/\s+/).length <= 30, sentence);
  }
  for (const [, path = ""] of README.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
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

Deno.test("README: no paragraph stands twice", () => {
  const paragraphs = README.split(/\n\n+/)
    .map((text) => text.slice(0, 60)).filter((text) => !text.startsWith("<!--"));
  assertEquals(paragraphs.filter((text, i) => paragraphs.indexOf(text) < i), []);
});
