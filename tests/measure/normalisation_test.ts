/**
 * What the logits' normalisation does to measures of a real network: no scale, and statistics to keep.
 *
 * @module
 */
import { openEngine } from "~/lib/engine/open_engine.ts";
import { type MeasuredNetwork, measureNetworks } from "~/lib/measure.ts";
import { layoutLayers } from "~/lib/model/layout.ts";
import { assert, assertAlmostEquals } from "@std/assert";
import {
  dataset,
  network,
  pytorch,
  ROUNDING,
  testEngines,
} from "~/tests/fixtures/curvature_network.ts";
import { dot, measured, measureOne, stepOf } from "~/tests/fixtures/function_engine.ts";
import { referencePass } from "~/tests/fixtures/reference_network.ts";
import { referenceSplit } from "~/tests/fixtures/tiny_dataset.ts";

const { sizes } = pytorch;

/** Layer `l` times c, and the biases after it: ReLU and the normalisation undo it. */
function rescale({ parameters }: MeasuredNetwork, l: number, c: number): MeasuredNetwork {
  const scaled = parameters.slice();
  for (const [layer, { weight, bias, outputs }] of layoutLayers(sizes).entries()) {
    for (let i = layer === l ? weight : bias; layer >= l && i < bias + outputs; i++) {
      scaled[i]! *= c;
    }
  }
  return measured(scaled, { sizes });
}

testEngines(
  "scale-free measures do not change when a layer is rescaled, sharpness does",
  async (engine) => {
    // Logits of hundreds, so that the normalisation's epsilon counts for 1e-5 / 1e4 at most.
    const last = layoutLayers(sizes).at(-1)!;
    const large = measured(network.parameters.map((w, i) => i < last.weight ? w : 1000 * w), {
      sizes,
    });
    const free = ["relative-tensor", "relative-filter", "adaptive-worst-case"];
    const texts = [...free, "sharpness", "antithetic(directions=4,radius=0.5)"];
    const networks = [
      large,
      ...[0, 1, 2].flatMap((l) => [0.1, 10].map((c) => rescale(large, l, c))),
    ];
    const values = await measureNetworks(engine, networks, networks.map(() => texts), { seed: 3 });
    const [first, ...others] = values;
    const changes = others.map((row) => {
      for (const [i, text] of free.entries()) {
        const usual = first![i]!.estimate;
        assert(Math.abs(usual) > 0.01, text);
        // Both losses round, and 10 is no power of two: every weight rounds.
        assertAlmostEquals(row[i]!.estimate, usual, 1e-3 * Math.abs(usual), text);
        assertAlmostEquals(row[i]!["loss"] as number, first![i]!["loss"] as number, 5 * ROUNDING);
      }
      return Math.abs(Math.log10(Math.abs(row[4]!.estimate / first![4]!.estimate)));
    });
    // By a factor of 3 at least, from one layer or another.
    assert(Math.max(...changes) > Math.log10(3), `${changes}`);
  },
);

Deno.test("frozen-batchnorm takes the mean and variance at w, as float64 loops do", async () => {
  // Independent of engines' own test: logits before normalisation from a pass whose normalisation is
  // undone, statistics at w, cross-entropy by hand.
  const data = referenceSplit(dataset.train);
  const engine = await openEngine("cpu", { dataset, threads: 1 });
  const { samples } = await measureOne<{ samples: number[] }>(engine, network, {
    text: "frozen-batchnorm(directions=3,radius=2)",
  });
  await engine.close();
  const raw = (w: ArrayLike<number>): number[][] => {
    const { weight, bias, inputs, outputs } = layoutLayers(sizes).at(-1)!;
    return referencePass(sizes, w, data).outputs.at(-2)!.map((hidden) =>
      Array.from({ length: outputs }, (_, o) => {
        const row = Array.from(w).slice(weight + o * inputs, weight + (o + 1) * inputs);
        return dot(row, hidden) + w[bias + o]!;
      })
    );
  };
  const at = raw(network.parameters);
  const mean = at[0]!.map((_, c) => at.reduce((sum, row) => sum + row[c]!, 0) / at.length);
  const deviation = mean.map((m, c) =>
    Math.sqrt(at.reduce((sum, row) => sum + (row[c]! - m) ** 2, 0) / at.length + 1e-5)
  );
  const loss = (w: ArrayLike<number>): number =>
    raw(w).reduce((sum, row, n) => {
      const z = row.map((value, c) => (value - mean[c]!) / deviation[c]!);
      return sum + Math.log(z.reduce((all, value) => all + Math.exp(value), 0)) -
        z[data.labels[n]!]!;
    }, 0) / at.length;
  for (const [direction, sample] of samples.entries()) {
    const step = stepOf(sizes, network.parameters, { direction, scaling: "global" }, 3);
    const moved = network.parameters.map((value, i) => value + 2 * step[i]!);
    assertAlmostEquals(sample, loss(moved) - loss(network.parameters), 5 * ROUNDING);
  }
});
