/** The page: in a browser, offline; and what it knows without one. @module */
import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  comparePublished,
  describeFinding,
  listFindings,
  LOSS_LEVELS,
  PUBLISHED_CELLS,
  publishedSentences,
} from "~/lib/findings.ts";
import {
  explore,
  measuresOffered,
  refreshReport,
  type ReportData,
  reportHtml,
  unpackData,
  writeReport,
} from "~/lib/report.ts";
import { runsAt, summariseCells, type TrajectoryRecord } from "~/lib/results.ts";
import { presets } from "~/lib/study.ts";
import { ended, startDeno } from "~/tests/fixtures/script.ts";
import { syntheticRecords, vary } from "~/tests/fixtures/synthetic_results.ts";
import { withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { BROWSER, RECORDS, STUDY } from "~/tests/report/committed.ts";

const hasBrowser = await Deno.stat(BROWSER).then(() => true, () => false);
if (!hasBrowser) console.log(`The page is not tested in a browser: there is no ${BROWSER}`);

/** What the page knows. */
async function dataOf(html: string): Promise<ReportData> {
  return await unpackData(/id="data">([^<]*)<\/script>/.exec(html)![1]!);
}

const PAGE = await dataOf(await reportHtml(STUDY, RECORDS, "0"));

Deno.test("reportHtml() keeps what findings need: the same sentences, to the letter", () => {
  assertEquals(PAGE.study, STUDY);
  const texts = (all: readonly TrajectoryRecord[]): string[] =>
    listFindings(STUDY, all).filter(({ where }) => where !== "measure").map(describeFinding);
  assert(texts(PAGE.records).length > 20);
  assertEquals(texts(PAGE.records), texts(RECORDS));
});

Deno.test("explore() has the values of reproduce --json and the sentences of the findings", () => {
  const { records } = PAGE;
  const { optimizers, seeds } = STUDY.grid;
  for (const at of STUDY.stops) {
    const [measure = ""] = measuresOffered(STUDY, records, at);
    const cells = summariseCells(STUDY, runsAt(STUDY, RECORDS, at), measure);
    for (const effect of STUDY.grid.effects) {
      const found = explore(STUDY, records, {
        effect,
        at,
        measure,
        optimizers,
        seeds,
        isPublished: false,
      });
      const expected = cells.filter((cell) => cell.effect === effect && cell.value !== null);
      assertEquals(
        found.cells.map(({ mean, interval, trainLoss }) => ({ mean, interval, trainLoss })),
        expected.map(({ value, trainLoss }) => (
          { mean: value!.mean, interval: value!.interval, trainLoss }
        )),
      );
    }
  }
  // No such trajectory comes as low: it is not told what there is at the first stop instead.
  const [low] = explore(STUDY, records, {
    ...{ effect: "batch-size", at: "loss:0.7", measure: "relative-filter", isPublished: false },
    ...{ optimizers: ["AdaGrad"], seeds },
  }).sentences;
  assertMatch(low!, /, at loss:0\.7: relative sharpness \(filter\) has no two cells to compare\.$/);
  const findings = listFindings(STUDY, RECORDS).map(describeFinding);
  const [at = ""] = STUDY.stops;
  const places = [[at, "sharpness"], [at, "relative-filter"]].concat(
    LOSS_LEVELS.flatMap((level) =>
      ["relative-filter", "antithetic"].map((m) => [String(level), m])
    ),
  ) as [string, string][];
  for (const [at, measure] of places) {
    for (const effect of STUDY.grid.effects) {
      const asked = { effect, at, measure, optimizers, seeds, isPublished: false };
      const { sentences } = explore(STUDY, records, asked);
      assertEquals(sentences.length, 3);
      for (const sentence of sentences) assert(findings.includes(sentence), sentence);
      const [sgd] = explore(STUDY, records, { ...asked, optimizers: ["SGD"] }).sentences;
      assertEquals(sgd, sentences[0]);
    }
  }
});

Deno.test("explore() says of the published values what the findings say, whatever is chosen", () => {
  const study = vary(presets.standard, { learningRates: [1e-4, 1e-2], batchSizes: [128] });
  const publishedAt = (own: string, rate: number): number =>
    PUBLISHED_CELLS.find(({ effect, optimizer, value }) =>
      effect === "learning-rate" && optimizer === own && value === rate
    )!.mean;
  // As published, but for one cell: p = 0.02 alone, which Holm's adjustment for six takes away.
  const records = syntheticRecords(study, ({ optimizer, learningRate, seed }) => {
    const ratio = optimizer === "SGD" && learningRate === 1e-2 ? 1.0865 : 1;
    return {
      samples: [publishedAt(optimizer, learningRate) * ratio * (1 + 0.03 * (seed - 1))],
      epochs: 60,
    };
  });
  const rows = comparePublished(study, records);
  const { p } = rows.find(({ learningRate }) => learningRate === 1e-2)!.ratio!;
  assert(2 * p < 0.05 && 0.05 < rows.length * p, String(p));
  const sentences = publishedSentences(rows);
  for (
    const [effect, optimizers, ...places] of [
      ["learning-rate", ["SGD"], 0],
      ["learning-rate", ["SGD", "AdaGrad"], 0, 1],
      ["batch-size", ["AdaGrad"], 3],
    ] as const
  ) {
    const found = explore(study, records, {
      ...{ effect, optimizers, seeds: study.grid.seeds, at: study.stops[0]!, isPublished: true },
      measure: "sharpness",
    });
    assertEquals(
      found.sentences.filter((text) => text.includes("published")),
      places.map((place) => sentences[place]),
    );
  }
});

Deno.test("reportHtml() escapes what records say, and admits its own program only", async () => {
  const study = vary(presets.quick, { seeds: [0] });
  const evil = "</script><script>alert(1)</script><!--";
  const records = syntheticRecords(study).map((record) => ({
    ...record,
    provenance: [{ did: evil, to: 1, engine: {} }] as unknown as TrajectoryRecord["provenance"],
  }));
  const html = await reportHtml(study, records, `const x = "${evil}";`);
  assertEquals(html.match(/<script/g)!.length - evil.match(/<script/g)!.length, 2);
  assertEquals(html.match(/<\/script/g)!.length, 2);
  assert(!html.includes("<!--"));
  const policy = /content="([^"]*)"/.exec(html)![1]!;
  assertEquals((await dataOf(html)).records[0]!.provenance[0]!.did, evil);
  assertStringIncludes(policy, "default-src 'none'");
  assert(!/unsafe-eval|script-src[^;]*unsafe/.test(policy));
});

Deno.test("refreshReport() puts new records into a page that is there, and makes none", () =>
  withFolder(async (folder) => {
    assertEquals(await refreshReport(STUDY, RECORDS, folder), undefined);
    const path = await writeReport(STUDY, RECORDS.slice(1), { script: "0", folder });
    assertEquals(await refreshReport(STUDY, RECORDS, folder), path);
    assertEquals(await Deno.readTextFile(path), await reportHtml(STUDY, RECORDS, "0"));
  }));

Deno.test({
  name: "the page works in a browser: offline, by keyboard, without a fault that axe finds",
  ignore: !hasBrowser,
  fn: () =>
    withFolder(async (folder) => {
      const { stdout: script } = await ended(startDeno(["task", "--quiet", "bundle:page"]));
      const path = await writeReport(STUDY, RECORDS, { script, folder });
      const quick = syntheticRecords(presets.quick);
      const unmeasured = quick.map(({ content, ...rest }) => ({
        ...rest,
        content: {
          ...content,
          networks: content.networks.map((one) => ({ ...one, measures: [] })),
        },
      }));
      // A cell an optimizer: nothing for a line to go through.
      const single = quick.filter(({ content: { trajectory } }) =>
        trajectory.learningRate === 1e-2 && trajectory.batchSize === 128
      );
      const others = [quick, unmeasured, single].map(async (records, i) => {
        const other = join(folder, `${i}.html`);
        await Deno.writeTextFile(other, await reportHtml(presets.quick, records, script));
        return other;
      });
      const { size } = await Deno.stat(path);
      assert(size <= 2.5e6, `${size} bytes`);
      // Playwright looks into /proc, which takes all permissions.
      const { code, stdout, stderr } = await ended(
        startDeno([
          "run",
          "-A",
          "--quiet",
          "tests/report/browse.ts",
          path,
          ...await Promise.all(others),
        ]),
      );
      assertEquals(code, 0, stderr);
      console.log(`${size} bytes\n${stdout}`);
    }),
});
