import { formatLogTick, formatTick, lossAxis, lossFloor, valueAxis } from "~/lib/figures/axis.ts";
import { text, textWidth, wrap } from "~/lib/figures/svg.ts";
import { labelValues } from "~/lib/figures/value_labels.ts";
import { plotResults2 } from "~/lib/figures.ts";
import { EFFECTS, presets } from "~/lib/study.ts";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { inkOf, marks, numbers, PIXELS } from "~/tests/fixtures/svg_marks.ts";
import { syntheticResults } from "~/tests/fixtures/synthetic_results.ts";

const { quick } = presets;

Deno.test("valueAxis() is linear, logarithmic, or symmetric about 0 where values span decades", () => {
  const typeOf = (...points: number[]): unknown => valueAxis({ points }).scale.type;
  assertEquals(typeOf(0.2, 0.4), "linear");
  assertEquals(typeOf(-0.2, 0.4), "linear");
  assertEquals(typeOf(0.001, 0.4), "log");
  assertEquals(typeOf(-0.0001, 0.001, 0.4), "symlog");
  assertEquals(typeOf(0, 0.001, 0.4), "symlog");
  assertEquals(typeOf(), "linear");
  assertEquals(typeOf(0, 0), "linear");
});

Deno.test("valueAxis() ends a symmetric logarithm's linear part below what is told from 0", () => {
  // -0.0003 and 0.00002 are not told from 0: the decade of 0.002 is the last one.
  const { scale, ticks, format } = valueAxis({
    points: [-0.0003, 0.00002, 0.002, 0.5],
    resolved: [0.002, 0.5],
  });
  assertEquals([scale.type, scale.constant], ["symlog", 1e-3]);
  const shown = (ticks as readonly number[]).filter((tick) => tick >= 0);
  assertEquals(shown, [0, 1e-3, 1e-2, 1e-1]);
  assertEquals(shown.map(format), ["0", "10⁻³", "10⁻²", "10⁻¹"]);
});

Deno.test("plotResults2() puts decades at even distances where values span them", () => {
  const study = { ...quick, grid: { ...quick.grid, effects: ["learning-rate" as const] } };
  const figure = plotResults2(
    study,
    syntheticResults(study, ({ learningRate, seed }) => ({
      samples: [1e3 * learningRate ** 2 * (1 + 0.9 * seed)],
    })),
  );
  const [first, second, third] = numbers(marks(figure, "SGD-mean-sharpness"), "cy");
  assertAlmostEquals(second! - first!, third! - second!, 2 * PIXELS);
  // Means are 1.9 times 1e-3, 0.1, 10 and s = 0.9: intervals reach below 0, where no cap is drawn.
  assertEquals(marks(figure, "SGD-t-interval-over-seeds").length, 3 + 3);
  assert(figure.caption.includes("Intervals that reach below the axis end at it."));
});

Deno.test("lossAxis() uses its height, and shows a reference only where losses come close", () => {
  const { scale, references } = lossAxis([1, 1.4], { classes: 10 });
  // 0.12 of the span on both sides.
  assertEquals((scale.domain as number[]).map((end) => end.toFixed(3)), ["0.952", "1.448"]);
  assertEquals(references, []);
  assertEquals(lossAxis([0.3, 1], { classes: 10 }).references, [lossFloor(10)]);
  assertEquals(lossAxis([1.9, 2.29], { classes: 10 }).references, [Math.log(10)]);
});

Deno.test("lossFloor() is the least cross-entropy of standardised logits", () => {
  // PROTOCOL: 0.278439 for 10 classes. For 2 classes logits are +-1: ln(1 + e^-2).
  assertAlmostEquals(lossFloor(10), 0.278439, 5e-7);
  assertAlmostEquals(lossFloor(2), Math.log(1 + Math.exp(-2)), 1e-12);
});

Deno.test("textWidth() is at least the width that DejaVu Sans takes, and near it", () => {
  const caption = plotResults2(quick, syntheticResults(quick)).caption;
  for (
    const line of [
      ...wrap(caption, 10, 400),
      "10⁻¹ 5×10⁻²³⁴⁵⁶⁷⁸⁹⁰ ×≥−–=%()[]/&;:!?'\"*_ QWERTYUIOPASDFGHJKLZXCVBNM",
    ]
  ) {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="900" height="40" ` +
      `font-family="DejaVu Sans">${text(line, { x: 20, y: 20, size: 10 })}</svg>`;
    const { width } = inkOf(svg)!;
    // Ink lacks the space at both ends of a line: up to a tenth of the size each.
    assert(textWidth(line, 10) >= width, line);
    assert(textWidth(line, 10) <= 1.1 * width + 3, line);
  }
});

Deno.test("labelValues() leans labels that would touch and drops those without room, ends never", () => {
  const format = (value: number): string => EFFECTS["learning-rate"].format(value);
  const upright = labelValues(format, [1e-3, 1e-2, 1e-1], { pixels: 288 });
  assertEquals(upright, { labels: ["10⁻³", "10⁻²", "10⁻¹"], leaning: false, height: 20 });
  const close = labelValues(String, [100, 101, 50000], { pixels: 288 });
  assertEquals([close.labels, close.leaning], [["100", "", "50000"], true]);
  assertEquals(labelValues(String, [100, 49000, 50000], { pixels: 288 }).labels, [
    "100",
    "",
    "50000",
  ]);
  assertEquals(labelValues(String, [64], { pixels: 288 }).labels, ["64"]);
});

Deno.test("formatValue(), formatTick() and formatLogTick() are short and exact", () => {
  assertEquals([5e-4, 1e-1, 0.0125, 2, 1.5, 2000].map((v) => EFFECTS["learning-rate"].format(v)), [
    "5×10⁻⁴",
    "10⁻¹",
    "1.25×10⁻²",
    "2",
    "1.5",
    "2×10³",
  ]);
  assertEquals(EFFECTS["batch-size"].format(50000), "50000");
  assertEquals([0, 0.30000000000000004, -0.2, 1e4, -25e5, 1e-4, -15e-4].map(formatTick), [
    "0",
    "0.3",
    "−0.2",
    "10⁴",
    "−2.5×10⁶",
    "0.0001",
    "−0.0015",
  ]);
  assertEquals([-1e-3, 0, 1, 30, 100].map(formatLogTick), ["−10⁻³", "0", "1", "30", "10²"]);
});
