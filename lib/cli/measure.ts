/**
 * `deno task measure` and `deno task sharpness`: measures of one trained network.
 *
 * @module
 */
import { imagesFor, readModelFile, studyFrom } from "~/lib/cli/asked.ts";
import type { Main } from "~/lib/cli/main.ts";
import { unitAfter } from "~/lib/files/numbers.ts";
import { Meter } from "~/lib/files/progress.ts";
import {
  isLowerBound,
  measureNetworks,
  type MeasureValue,
  parseMeasure,
  protocolOf,
  validateAvailable,
} from "~/lib/measure.ts";
import { withEngine } from "~/lib/reproduce.ts";
import { meanInterval } from "~/lib/statistics.ts";
import { presets } from "~/lib/study.ts";

export const main: Main<"model"> = async (values, about) => {
  const { measures: { first } } = studyFrom(values, {
    ...presets.standard,
    measures: { first: ["sharpness"], others: [] },
  });
  const measures = first.map(parseMeasure);
  const file = await readModelFile(values.model);
  const { sizes, parameters, state, trajectory } = file;
  const asked = { ...trajectory, sizes, parameters, state };
  // Before minutes are spent on the others.
  validateAvailable(measures, asked, ` of ${values.model}`);
  const images = imagesFor(values, file, about.onMessage);
  return await withEngine(images, { ...values, ...about }, async ({ engine }) => {
    // Sharpness brings the training loss along.
    const isSampled = about.name === "sharpness";
    const evaluations = [];
    for (const split of isSampled ? [] : ["train", "test"] as const) {
      evaluations.push(...await engine.evaluate(sizes, [parameters], { split }));
    }
    const [train, test] = evaluations;
    const network = {
      ...{ ...asked, trainLoss: train?.loss, trainAccuracy: train?.accuracy },
      ...{ testLoss: test?.loss, testAccuracy: test?.accuracy },
    };
    const meter = new Meter();
    meter.expect(first, 1);
    const [found] = await measureNetworks(engine, [network], [first], {
      signal: about.signal,
      onProgress(share): void {
        meter.add(first, share);
        about.onProgress(meter.report(`measures of ${values.model}`));
      },
    });
    for (const [place, value] of found!.entries()) {
      const { text, unit } = measures[place]!;
      const loss = Number(value.loss ?? train?.loss).toFixed(5);
      about.onMessage(`${text} ${formatMeasurement(value, unit)}; loss ${loss}`);
    }
    const work = { engine: engine.info, seconds: performance.now() / 1000 };
    if (!isSampled) {
      const taken = measures.map((each, place) => {
        const about = { unit: each.unit, protocol: protocolOf(each) };
        return [each.text, { ...found![place]!, ...about }] as const;
      });
      return { loss: train!.loss, measures: Object.fromEntries(taken), ...work };
    }
    const { estimate: mean, standardError, loss, samples } = found![0]!;
    const { directions, radius } = measures[0]!.parameters;
    return { loss, samples, mean, standardError, radius, directions, ...work };
  });
};

/**
 * A value with its unit, its error and the 95 % t interval of its samples, or its residual and whether
 * it converged: what must stand wherever a value does.
 */
export function formatMeasurement(value: MeasureValue, unit: string): string {
  const { estimate, standardError, samples, converged, iterations, residual } = value;
  const short = (number: number, digits: number): string =>
    String(Number(number.toPrecision(digits)));
  const drawn = Array.isArray(samples) && samples.length > 1 ? meanInterval(samples) : undefined;
  const ends = drawn?.interval?.map((end) => short(end, 4)).join(" to ");
  return [
    short(estimate, 6) + unitAfter("value", unit),
    standardError !== null && `standard error ${short(standardError, 2)}`,
    drawn && `95 % ${ends} (t over ${drawn.n} samples)`,
    converged === false && `not converged after ${iterations} products`,
    typeof residual === "number" &&
    `residual ${residual.toPrecision(2)}${isLowerBound(value) ? ": a lower bound" : ""}`,
  ].filter(Boolean).join(", ");
}
