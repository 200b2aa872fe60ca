/**
 * The figure of a landscape: its marks stand where its points say.
 *
 * @module
 */
import { plotLandscape } from "~/lib/figures.ts";
import type { Landscape } from "~/lib/landscape.ts";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";

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
  const [{ levels = [], rows }] = panels[0]!.layers as [typeof panels[0]["layers"][0]];
  assertEquals([levels[0], levels.length, rows.length], [1, 12, 9]);
  assert(levels.every((level, i) => i === 0 || level > levels[i - 1]!) && levels.at(-1)! < 3);
  assertStringIncludes(svg, "train-contours");
});
