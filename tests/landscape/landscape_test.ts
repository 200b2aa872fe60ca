/** Landscapes against a float64 reference, their geometry, and what is kept of them. @module */
import { UsageError } from "~/lib/domain.ts";
import type { Engine } from "~/lib/engine.ts";
import {
  fillPoint,
  landscapeCsv,
  lineBetween,
  planeThrough,
  randomSpan,
  readLandscape,
  type Span,
  type SpanNetwork,
  survey,
} from "~/lib/landscape.ts";
import { layoutLayers } from "~/lib/model/layout.ts";
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { dataset, network, pytorch, testEngines } from "~/tests/fixtures/curvature_network.ts";
import { stepOf } from "~/tests/fixtures/reference_rays.ts";
import { referencePass } from "~/tests/fixtures/reference_network.ts";
import { withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { referenceSplit, share } from "~/tests/fixtures/tiny_dataset.ts";

const { sizes } = pytorch;
const P = network.parameters.length;
/** A network by its weights, made from those that PyTorch was given. */
const make = (name: string, of: (w: number, i: number) => number): SpanNetwork => (
  { name, sizes, parameters: share(Array.from(network.parameters, of)) }
);
const A = make("a", (w) => w);
const B = make("b", (w, i) => w + Math.sin(i));
const C = make("c", (w, i) => w * Math.cos(i));
const RANDOM = { seed: 3, normalise: "filter", biases: "move", radius: 1, points: [5] } as const;

function pointOf(span: Span, ...at: number[]): Float32Array {
  const out = share(new Float32Array(P));
  fillPoint(out, span, at);
  return out;
}

const norm = (values: ArrayLike<number>): number => Math.hypot(...Array.from(values));

testEngines("survey() has the losses and accuracies of float64 loops", async (engine) => {
  const data = referenceSplit(dataset.train);
  const line = randomSpan(A, RANDOM);
  assertEquals([line.axes[0]!.ticks[2], pointOf(line, 0)], [0, A.parameters]);
  const spans = [
    line,
    // The same without the ray that engines know it by.
    (({ ray: _, ...bare }: Span) => bare)(line),
    randomSpan(A, { ...RANDOM, normalise: "none", radius: 3 }),
    lineBetween(A, B, 5),
    randomSpan(A, { ...RANDOM, normalise: "none", biases: "keep", points: [3, 2] }),
    planeThrough([A, B, C], [2, 3]),
  ];
  for (const span of spans) {
    const { points } = await survey(engine, span, { question: {} });
    const count = span.axes.reduce((product, { ticks }) => product * ticks.length, 1);
    assertEquals(points.length, count);
    for (const { x, y, trainLoss, trainAccuracy, testLoss } of points) {
      const weights = Float64Array.from(
        span.origin,
        (w, i) => w + x * span.axes[0]!.step[i]! + y * (span.axes[1]?.step[i] ?? 0),
      );
      const { loss, outputs } = referencePass(sizes, weights, data);
      assertAlmostEquals(trainLoss!, loss, 1e-6 * Math.max(1, loss));
      // The tiny data set's test split is its training split.
      assertAlmostEquals(testLoss!, loss, 1e-6 * Math.max(1, loss));
      const right = outputs.at(-1)!.filter((row, n) =>
        row.indexOf(Math.max(...row)) === data.labels[n]
      );
      assertAlmostEquals(trainAccuracy!, right.length / data.labels.length, 1e-12);
    }
  }
});

Deno.test("randomSpan() moves filters and biases by their norms, or leaves biases, or none", () => {
  const expected = stepOf(sizes, A.parameters, { direction: 1, scaling: "filter" }, 3);
  const [, second] = randomSpan(A, { ...RANDOM, points: [2, 2] }).axes;
  for (const [i, value] of second!.step.entries()) assertAlmostEquals(value, expected[i]!, 1e-12);
  for (const normalise of ["filter", "none"] as const) {
    const { step } = randomSpan(A, { ...RANDOM, normalise, biases: "keep" }).axes[0]!;
    for (const { bias, outputs } of layoutLayers(sizes)) {
      assert(step.subarray(bias, bias + outputs).every((value) => value === 0));
    }
    if (normalise === "none") assertAlmostEquals(norm(step), 1, 1e-12);
  }
  const { step } = randomSpan(A, { ...RANDOM, normalise: "none" }).axes[0]!;
  const unit = stepOf(sizes, A.parameters, { direction: 0, scaling: "global" }, 3);
  for (const [i, value] of step.entries()) assertAlmostEquals(value, unit[i]!, 1e-12);
});

Deno.test("lineBetween() and planeThrough() pass through their networks, in their distances", () => {
  const line = lineBetween(A, B, 5);
  assertEquals([pointOf(line, 0), pointOf(line, 1)], [A.parameters, B.parameters]);
  assertEquals(line.axes[0]!.ticks, [-0.5, 0, 0.5, 1, 1.5]);
  // Where even points pass between the networks.
  assertEquals(lineBetween(A, B, 3).axes[0]!.ticks, [-0.5, 0, 0.5, 1, 1.5]);
  // One point adds none to them; alone it is the network.
  assertEquals(lineBetween(A, B, 1).axes[0]!.ticks, [0, 1]);
  assertEquals(randomSpan(A, { ...RANDOM, points: [1] }).axes[0]!.ticks, [0]);
  const plane = planeThrough([A, B, C], [4, 3]);
  for (const [i, { parameters }] of [A, B, C].entries()) {
    const { x, y } = plane.networks[i]!;
    // Of float32 weights up to 2.
    for (const [j, w] of pointOf(plane, x, y).entries()) {
      assertAlmostEquals(w, parameters[j]!, 5e-7);
    }
  }
  const [, b, c] = plane.networks;
  const distance = (p: SpanNetwork, q: SpanNetwork): number =>
    norm(Array.from(p.parameters, (w, i) => w - q.parameters[i]!));
  assertAlmostEquals(b!.x, distance(A, B), 1e-5);
  assertAlmostEquals(Math.hypot(c!.x, c!.y), distance(A, C), 1e-5);
  assertAlmostEquals(Math.hypot(c!.x - b!.x, c!.y), distance(B, C), 1e-5);
});

Deno.test("networks that span nothing, or have other layers, are refused", () => {
  const other = { ...A, name: "d", sizes: [4, 2] };
  assertThrows(
    () => lineBetween(A, other, 5),
    UsageError,
    "Cannot go from a to d as networks must have the same layers: sizes are " +
      `${sizes.join(", ")} and 4, 2`,
  );
  assertThrows(() => lineBetween(A, { ...A, name: "e" }, 5), UsageError, "are the same network");
  assertThrows(
    () => planeThrough([A, B, { ...B, name: "f" }], [2, 2]),
    UsageError,
    "Cannot draw a plane as f must not lie on the line of the other two networks",
  );
});

/** An engine whose loss is the first weight; NaN where that is above 1. */
function counting(asked: number[]): Engine {
  return {
    evaluate: (_sizes: unknown, [weights]: Float32Array[]) => {
      const first = weights![0]!;
      asked.push(first);
      return Promise.resolve([{ loss: first > 1 ? NaN : first, accuracy: 0.5, gradientNorm: NaN }]);
    },
  } as unknown as Engine;
}

Deno.test("survey() goes on from its file, row by row, and asks anew where the question is another", () =>
  withFolder(async (folder) => {
    const path = `${folder}/l.json`;
    const span = randomSpan(A, { ...RANDOM, points: [4, 3] });
    const question = { images: 7 };
    const controller = new AbortController();
    const reason = new Error("enough");
    const half: number[] = [];
    const error = await assertRejects(() =>
      survey(counting(half), span, {
        ...{ question, path, signal: controller.signal },
        onProgress: (done) => done === 6 && controller.abort(reason),
      })
    );
    assert(error === reason);
    // One row of four; two points of the second are lost.
    assertEquals((await readLandscape(path))!.points.length, 4);
    const rest: number[] = [];
    const whole = await survey(counting(rest), span, { question, path });
    // Two splits a point.
    assertEquals([half.length, rest.length], [12, 16]);
    assertEquals(whole, await survey(counting([]), span, { question }));
    assertEquals(await readLandscape(path), whole);
    assertEquals(whole.points.slice(0, 5).map(({ y }) => y), [-1, -1, -1, -1, 0]);
    const again: number[] = [];
    await survey(counting(again), span, { question: { images: 8 }, path });
    assertEquals(again.length, 24);
    await Deno.writeTextFile(path, "{}");
    await assertRejects(
      () => survey(counting([]), span, { question, path }),
      UsageError,
      `Cannot write ${path} as what is there is no landscape: move it away`,
    );
    assertEquals(await Deno.readTextFile(path), "{}");
  }));

Deno.test("landscapeCsv() has a row a point, and nothing where a loss is not finite", async () => {
  const bare: SpanNetwork = { name: "x", sizes: [1, 1], parameters: share([0, 0]) };
  const to: SpanNetwork = { ...bare, name: "y", parameters: share([1, 0]) };
  const found = await survey(counting([]), lineBetween(bare, to, 3), { question: {} });
  assertEquals(
    landscapeCsv(found),
    "x,trainLoss [nats],trainAccuracy [fraction],testLoss [nats],testAccuracy [fraction]\n" +
      "-0.5,-0.5,0.5,-0.5,0.5\n0,0,0.5,0,0.5\n0.5,0.5,0.5,0.5,0.5\n1,1,0.5,1,0.5\n1.5,,0.5,,0.5\n",
  );
});
