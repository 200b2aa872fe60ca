/**
 * The figures of spectral densities and of landscapes: their marks stand where their points say.
 *
 * @module
 */
import { plotDensities, plotLandscape } from "~/lib/figures.ts";
import type { Landscape } from "~/lib/landscape.ts";
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";

Deno.test("plotDensities() is a density with a bump at every node, parted at 0", () => {
  const probes = [{ nodes: [10, 0, -2], weights: [0.1, 0.8, 0.1] }, { nodes: [8], weights: [1] }];
  const value = { estimate: 0, standardError: null, probes };
  const { panels: [panel], caption, svg } = plotDensities([{ name: "SGD", value }]);
  assertEquals([panel!.heading, panel!.y.scale], ["SGD", "log"]);
  const [zero, below, above] = panel!.layers;
  assertEquals(zero!.rows.map(({ x }) => x), [0]);
  assert(below!.rows.slice(0, -1).every(({ x }) => x <= 0) && above!.rows[0]!.x > 0);
  const rows = [...below!.rows, ...above!.rows.slice(1)];
  const step = rows[1]!.x - rows[0]!.x;
  // Bumps of 3 points each: the trapezoid's error is exponentially small; the tails are 1e-9.
  assertAlmostEquals(rows.reduce((sum, { y }) => sum + (y || 0) * step, 0), 1, 1e-2);
  for (const [node, weight] of [[10, 0.05], [8, 0.5], [0, 0.4], [-2, 0.05]] as const) {
    const near = rows.reduce((a, b) => Math.abs(a.x - node) < Math.abs(b.x - node) ? a : b);
    // 1 % of 12; within half a step of 1/33 of the middle, 0.97 of its height.
    assertAlmostEquals(near.y, weight / 0.12 / Math.sqrt(2 * Math.PI), 0.03 * near.y);
  }
  assert(rows.some(({ y }) => Number.isNaN(y)));
  assertStringIncludes(caption, "2 probes of 1 to 3 nodes");
  assertStringIncludes(svg, "density-0");
});

const point = (x: number, y: number, loss: number | null) => ({
  ...{ x, y, trainLoss: loss, trainAccuracy: 0.5, testLoss: loss, testAccuracy: 0.4 },
});
const common = {
  landscape: 1,
  question: { images: 2000, normalise: "filter", biases: "keep" },
  networks: [{ name: "<a>", x: 0, y: 0 }],
} as const;

Deno.test("plotLandscape() draws lines of both splits, broken where a loss is not finite", () => {
  const found: Landscape = {
    ...common,
    networks: [...common.networks],
    axes: [{ label: "step", ticks: [-1, 0, 1] }],
    points: [point(-1, 0, null), point(0, 0, 1), point(1, 0, 2)],
  };
  const { svg, panels, caption } = plotLandscape(found);
  assertEquals(panels.map(({ heading }) => heading), ["Loss", "Accuracy"]);
  assertEquals(panels[0]!.layers.map(({ name }) => name), ["train-line", "test-line", "network"]);
  assertEquals(panels[0]!.layers[0]!.rows[0], { x: -1, y: NaN });
  assertEquals(panels[0]!.layers[2]!.rows, [{ x: 0, y: 1, text: "<a>" }]);
  assertStringIncludes(caption, "2,000 training");
  assertStringIncludes(caption, "biases stay");
  assertStringIncludes(caption, "Marked");
  const beside = { ...found, points: [point(-1, 0, 3), point(1, 0, 2)] };
  assert(!plotLandscape(beside).caption.includes("Marked"));
  assertStringIncludes(svg, "A line through &lt;a&gt;");
});

Deno.test("plotLandscape() draws contours of a plane, the lowest level over all of it", () => {
  const ticks = [-1, 0, 1];
  const found: Landscape = {
    ...common,
    networks: [...common.networks],
    axes: [{ label: "x", ticks }, { label: "y", ticks }],
    points: ticks.flatMap((y) => ticks.map((x) => point(x, y, 1 + x * x + y * y))),
  };
  const { svg, panels } = plotLandscape(found);
  assertEquals(panels.map(({ heading }) => heading), ["Training loss", "Test loss"]);
  const nowhere = { ...found, points: found.points.map(({ x, y }) => point(x, y, null)) };
  // No band and no legend of losses that nobody saw.
  assert(!/nats|contours/.test(plotLandscape(nowhere).svg));
  const [{ levels = [], rows }] = panels[0]!.layers as [typeof panels[0]["layers"][0]];
  assertEquals([levels[0], levels.length, rows.length], [1, 12, 9]);
  assert(levels.every((level, i) => i === 0 || level > levels[i - 1]!) && levels.at(-1)! < 3);
  assertStringIncludes(svg, "train-contours");
  // Nothing is drawn beyond the outermost points: there is a clip of four corners.
  const [, path = ""] = /<clipPath[^>]*><path d="M([^"]*)Z"/.exec(svg)!;
  const [xs, ys] = [0, 1].map((i) => new Set(path.split("L").map((at) => at.split(",")[i])));
  assertEquals([xs!.size, ys!.size], [2, 2]);
});
