/**
 * What goes through the engine together.
 *
 * @module
 */
import type { Ray } from "~/lib/engine/engine.ts";
import { groupPasses, groupRays, uniteRays } from "~/lib/measure/plan.ts";
import { measureNetworks, measurePasses, openMeasure } from "~/lib/measure.ts";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
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

Deno.test("uniteRays() asks each direction and scaling once, each step once", () => {
  const filter: Ray = { direction: 0, scaling: "filter", steps: [1] };
  assertEquals(
    uniteRays([ray(1, 5), ray(0, 5, -5), filter, ray(0, 1, 5), ray(1, 5)]),
    [filter, ray(0, -5, 1, 5), ray(1, 5)],
  );
});

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

Deno.test("groupRays() leaves networks of unlike needs apart where joining costs more", async () => {
  const rich = ["sharpness", "antithetic", "radius-curve", "trace", "relative-tensor"];
  const poor = ["antithetic(directions=16)"];
  const asked = await calls([rich, poor, rich, poor, poor]);
  assertEquals(asked.map(({ models }) => models), [2, 3]);
  assertEquals(asked[1]!.options.rays, Array.from({ length: 16 }, (_, k) => ray(k, -5, 5)));
});

Deno.test("groupRays() joins networks of unlike needs where the directions saved outweigh it", async () => {
  const asked = await calls([["antithetic"], ["sharpness"]]);
  assertEquals(asked.map(({ models }) => models), [2]);
  assertEquals(asked[0]!.options.rays, Array.from({ length: 49 }, (_, k) => ray(k, -5, 5)));
});

Deno.test("groupRays() never joins networks of different shapes, and loses none", () => {
  const rays = [ray(0, 1), ray(1, 1)];
  const groups = groupRays([
    { sizes: [4, 2], rays, frozen: false },
    { sizes: [4, 3], rays, frozen: false },
    { sizes: [4, 2], rays: [], frozen: false },
    { sizes: [4, 2], rays, frozen: true },
  ]);
  assertEquals(groups.map(({ networks }) => networks), [[0, 3], [1]]);
  assertEquals(groups.map(({ frozen }) => frozen), [true, false]);
});

Deno.test("measurePasses() counts shared directions once and each network's own work", () => {
  const text = "antithetic(directions=16)";
  const alone = openMeasure(text).passes;
  assertAlmostEquals(measurePasses([[text]]), alone, 1e-12);
  const three = measurePasses([[text], [text], [text]]);
  assert(three > alone && three < 2 * alone);
  const own = openMeasure("worst-case").passes + openMeasure("lambda-max").passes;
  assertAlmostEquals(
    measurePasses([[text, "worst-case", "generalization-gap"], [text, "lambda-max"]]),
    measurePasses([[text], [text]]) + own,
    1e-9,
  );
  // In general: never more than every network by itself.
  const group = { networks: [0, 1], rays: [ray(0, 1, 2)], frozen: false };
  assert(groupPasses(group) < 2 * groupPasses({ ...group, networks: [0] }));
});
