/**
 * Landscapes of a study's networks: computed once, kept, and of the networks that records name.
 *
 * @module
 */
import { plotField, plotLines } from "~/lib/figures.ts";
import { LINES, type Picture, pictureFile, PLANES, readLandscape } from "~/lib/landscape.ts";
import { PROJECT_FOLDERS, surveyPicture } from "~/lib/reproduce.ts";
import { readRecord } from "~/lib/results.ts";
import { presets, trajectoryOf } from "~/lib/study.ts";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { marks, texts } from "~/tests/fixtures/svg_marks.ts";
import { alone, withPlace } from "~/tests/fixtures/tiny_study.ts";

Deno.test("surveyPicture() trains the networks of a line, meets their losses and is kept", async () => {
  const study = { ...alone("SGD"), stops: ["epochs:3"] };
  const [first, last] = [20, 32].map((batchSize) => (
    { optimizer: "SGD", learningRate: 0.1, batchSize, name: String(batchSize) }
  ));
  const line: Picture = {
    ...{ name: "tiny-line", heading: "20 to 32", stop: "epochs:2", seed: 0, points: 5 },
    networks: [first!, last!],
  };
  const plane: Picture = { ...line, name: "tiny-plane", networks: [first!], points: 3 };
  await withPlace(async ({ options }) => {
    const asked = { ...options, study };
    assertEquals(await surveyPicture(line, { ...asked, cachedOnly: true }), undefined);
    const found = (await surveyPicture(line, asked))!;
    assertEquals(found.points.map(({ x }) => x), [-0.5, 0, 0.5, 1, 1.5]);
    for (const [i, { batchSize }] of [first!, last!].entries()) {
      const trajectory = trajectoryOf(study, { ...first!, batchSize }, 0);
      const record = await readRecord(options.folders.results, trajectory, undefined);
      const network = record!.content.networks.find(({ epoch }) => epoch === 2)!;
      assertEquals((found.question["networks"] as string[])[i], network.sha256);
      assertAlmostEquals(found.points[1 + 2 * i]!.trainLoss!, network.trainLoss, 1e-6);
    }
    assertEquals(await surveyPicture(line, { ...asked, cachedOnly: true }), found);
    const others = { ...study, images: study.images - 1 };
    assertEquals(
      await surveyPicture(line, { ...asked, study: others, cachedOnly: true }),
      undefined,
    );
    // Of another number of points nothing is taken over; both networks are met.
    const finer = { ...line, points: 8 };
    assertEquals(await surveyPicture(finer, { ...asked, cachedOnly: true }), undefined);
    const eight = (await surveyPicture(finer, asked))!;
    assertEquals(eight.points.map(({ x }) => x), eight.axes[0]!.ticks);
    assertEquals([eight.points.length, eight.points.filter(({ x }) => x === 0 || x === 1).length], [
      10,
      2,
    ]);
    assertEquals(await surveyPicture(finer, { ...asked, cachedOnly: true }), eight);
    const around = (await surveyPicture(plane, asked))!;
    assertEquals(around.points.length, 9);
    const lines = plotLines([{ heading: line.heading, found }]);
    assert(texts(lines).includes("20 to 32"));
    assertEquals(marks(lines, "network").length, 2);
    const field = plotField([1, 2].map((n) => ({ heading: `Plane ${n}`, found: around })));
    assertEquals(field.panels.length, 2);
    assertEquals(field.panels[0]!.layers[0]!.rows[4]!.x, 0);
  });
});

Deno.test("committed landscapes are whole, and of networks that the records name", async () => {
  const { results } = PROJECT_FOLDERS;
  let count = 0;
  for (const picture of [...LINES, ...PLANES]) {
    const { name, networks, stop, seed, points } = picture;
    const found = await readLandscape(pictureFile(picture, results));
    if (found === undefined) continue;
    count++;
    assertEquals(found.points.length, networks.length === 1 ? points ** 2 : points, name);
    const hashes = found.question["networks"] as string[];
    for (const [i, network] of networks.entries()) {
      const trajectory = trajectoryOf(presets.standard, network!, seed);
      const { content } = (await readRecord(results, trajectory, undefined))!;
      const named = content.networks.find(({ epoch }) => epoch === content.stops[stop]);
      assertEquals(hashes[i], named?.sha256, `${name}, ${network!.name}`);
    }
  }
  assert(count > 0);
});
