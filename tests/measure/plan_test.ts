/**
 * What goes through the engine together.
 *
 * @module
 */
import type { Ray } from "~/lib/engine/engine.ts";
import { measureNetworks, measurePasses } from "~/lib/measure.ts";
import { assertAlmostEquals, assertEquals } from "@std/assert";
import {
  type Asked,
  functionEngine,
  measured,
  quadratic,
} from "~/tests/fixtures/function_engine.ts";

const P = 12;
const of = quadratic(Array.from({ length: P }, (_, i) => 1 + i));
const network = measured(new Float32Array(P).fill(0.5));

async function calls(measures: string[][]): Promise<Asked> {
  const asked: Asked = [];
  const networks = measures.map(() => network);
  await measureNetworks(functionEngine(of, asked), networks, measures, { seed: 1 });
  return asked;
}

function ray(direction: number, ...steps: number[]): Ray {
  return { direction, scaling: "global", steps };
}

Deno.test("measureNetworks() computes points that measures have in common once, for all networks", async () => {
  const measures = [
    "sharpness",
    "antithetic",
    "radius-curve(directions=49)",
    "sharpness(directions=2)",
  ];
  const [call, ...others] = await calls([measures, measures, measures]);
  assertEquals(others, []);
  assertEquals(call!.models, 3);
  assertEquals(
    call!.options.rays,
    Array.from({ length: 49 }, (_, k) => ray(k, -10, -5, -2, -1, -0.5, 0.5, 1, 2, 5, 10)),
  );
  assertEquals([call!.options.seed, call!.options.frozen], [1, false]);
});

Deno.test("measureNetworks() asks for kept statistics only where a measure reads them", async () => {
  const [kept] = await calls([["sharpness", "frozen-batchnorm"]]);
  assertEquals(kept!.options.frozen, true);
  assertEquals(kept!.options.rays.length, 49);
});

Deno.test("measureNetworks() asks the engine nothing that the evaluation says", async () => {
  assertEquals(await calls([["generalization-gap", "weight-norm"], []]), []);
});

Deno.test("measureNetworks() leaves networks apart that are asked for other rays, of other shapes or kept statistics", async () => {
  const few = ["antithetic(directions=16)"];
  const asked = await calls([["antithetic"], few, ["antithetic", "trace"], few, ["weight-norm"]]);
  assertEquals(asked.map(({ models }) => models), [1, 2, 1]);
  assertEquals(asked[1]!.options.rays, Array.from({ length: 16 }, (_, k) => ray(k, -5, 5)));
  const shapes: Asked = [];
  const other = measured(network.parameters, { sizes: [5, 2] });
  await measureNetworks(
    functionEngine(of, shapes),
    [network, other, network],
    [["sharpness"], ["sharpness"], ["frozen-batchnorm"]],
    { seed: 1 },
  );
  assertEquals(shapes.map(({ models, options }) => [models, options.frozen]), [
    [1, false],
    [1, false],
    [1, true],
  ]);
});

Deno.test("measurePasses() counts shared directions once and each network's own work", () => {
  const text = "antithetic(directions=16)";
  // A direction's product with the images, L(w), and a tenth of a pass a point.
  assertAlmostEquals(measurePasses([text], 1), 16 + 1 + 3.2, 1e-12);
  assertAlmostEquals(measurePasses([text, "sharpness(directions=2)"], 3), 16 + 3 * 4.2, 1e-12);
  const own = measurePasses(["worst-case"], 1) + measurePasses(["lambda-max"], 1);
  assertAlmostEquals(measurePasses(["worst-case", "lambda-max", "weight-norm"], 2), 2 * own, 1e-9);
});
