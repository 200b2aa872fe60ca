/**
 * The figure of spectral densities: what stands in it adds up to 1, and says what lies below 0.
 *
 * @module
 */
import { plotDensities } from "~/lib/figures.ts";
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
