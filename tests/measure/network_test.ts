/**
 * Measures of real networks on the CPU engine: PyTorch's curvature, and what theory asks for.
 *
 * @module
 */
import type { Engine } from "~/lib/engine/engine.ts";
import { openEngine } from "~/lib/engine/open_engine.ts";
import { lanczos } from "~/lib/measure/lanczos.ts";
import { MEASURE_NAMES, type MeasuredNetwork, measureNetworks } from "~/lib/measure.ts";
import { countParameters, initialise, layoutLayers } from "~/lib/model/layout.ts";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { dot, measured, measureOne, share, stepOf } from "~/tests/fixtures/function_engine.ts";
import { makeDataset, makeSplit, randomDataset } from "~/tests/fixtures/tiny_dataset.ts";

const pytorch: {
  readonly sizes: number[];
  readonly pixels: number[][];
  readonly labels: number[];
  readonly parameters: number[];
  readonly trace: number;
  readonly eigenvalues: number[];
} = JSON.parse(
  Deno.readTextFileSync(new URL("../fixtures/pytorch_curvature.json", import.meta.url)),
);
const fixture = measured(pytorch.parameters, { sizes: pytorch.sizes });

/** A test on every kind of engine. */
function testEngines(
  name: string,
  run: (engine: Engine) => Promise<void>,
  dataset = makeDataset(makeSplit(pytorch.pixels.flat(), pytorch.labels)),
): void {
  for (const kind of (Deno.env.get("KINDS") ?? "cpu,tensorflow:cpu").split(",") as any) {
    Deno.test(`${name} (${kind})`, async () => {
      const engine = await openEngine(kind, { dataset, threads: 1 });
      try {
        await run(engine);
      } finally {
        await engine.close();
      }
    });
  }
}

testEngines(
  "trace is within its standard error of PyTorch's, and each sample P u'Hu",
  async (engine) => {
    const { estimate, standardError, samples } = await measureOne<{ samples: number[] }>(
      engine,
      fixture,
      { text: "trace(directions=1000,radius=0.1)" },
    );
    console.log(estimate, standardError, pytorch.trace);
    assert(Math.abs(estimate - pytorch.trace) < 4 * standardError!);
    const P = pytorch.parameters.length;
    const u = [0, 1, 2, 3].map((direction) =>
      share(stepOf(pytorch.sizes, pytorch.parameters, { direction, scaling: "global" }, 3))
    );
    const [products] = await engine.hessianProducts(pytorch.sizes, [fixture.parameters], [u]);
    for (const [k, product] of products!.entries()) {
      console.log(samples[k], P * dot(u[k]!, product));
    }
  },
);

testEngines(
  "lanczos() has PyTorch's five largest eigenvalues from the engine's products",
  async (engine) => {
    const found = await lanczos(
      async (vector) => {
        const [products] = await engine.hessianProducts(pytorch.sizes, [fixture.parameters], [[
          vector,
        ]]);
        return products![0]!;
      },
      share(stepOf(pytorch.sizes, pytorch.parameters, { direction: 0, scaling: "global" }, 3)),
      { iterations: 219, tolerance: 1e-6, count: 5 },
    );
    console.log(found.iterations, found.converged, found.residuals);
    for (const [i, value] of found.values.entries()) {
      console.log(value, pytorch.eigenvalues[i]);
    }
    const value = await measureOne(engine, fixture, { text: "lambda-max" });
    console.log(value);
  },
);
