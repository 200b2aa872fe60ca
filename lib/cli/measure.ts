/**
 * `deno task measure` and `deno task sharpness`: measures of one trained network.
 *
 * @module
 */
import { readModelFile, studyFrom } from "~/lib/cli/asked.ts";
import type { Main } from "~/lib/cli/main.ts";
import { startMeter } from "~/lib/files/progress.ts";
import {
  DIRECTION_SEED,
  formatMeasurement,
  type MeasuredNetwork,
  measureNetworks,
  type MeasureValue,
  parseMeasure,
  validateAvailable,
} from "~/lib/measure.ts";
import type { ModelFile } from "~/lib/model.ts";
import { openEngineOnData } from "~/lib/reproduce.ts";
import { presets } from "~/lib/study.ts";

/** A measure's value with what says how it came about. */
type Taken = MeasureValue & {
  readonly unit: string;
  readonly protocol: Readonly<Record<string, number | boolean>>;
};

/** Takes measures, or samples of sharpness. */
export const main: Main<"model"> = async (values, { name, signal, display }) => {
  const isSharpness = name === "sharpness";
  const { measures: { first: texts } } = studyFrom(values, {
    ...presets.standard,
    measures: { first: ["sharpness"], others: [] },
  });
  const { sizes, parameters, ...file } = await readModelFile(values.model);
  const asked = { sizes, parameters, ...trajectoryOf(file) };
  // Before minutes are spent on the others.
  validateAvailable(texts.map(parseMeasure), asked, ` of ${values.model}`);
  const { engine } = await openEngineOnData(values.images ?? 50_000, {
    ...{ ...values, signal, ...display },
  });
  const network = { trainLoss: NaN, trainAccuracy: NaN, testLoss: NaN, testAccuracy: NaN };
  const taken: Record<string, Taken> = {};
  try {
    // Sharpness brings the training loss along.
    for (const split of isSharpness ? [] : ["train", "test"] as const) {
      const [found] = await engine.evaluate(sizes, [parameters], { split, gradient: false });
      network[`${split}Loss`] = found!.loss;
      network[`${split}Accuracy`] = found!.accuracy;
    }
    const meter = startMeter(1);
    let reported = 0;
    const [found] = await measureNetworks(engine, [{ ...asked, ...network }], [texts], {
      ...{ seed: DIRECTION_SEED, signal },
      onProgress(done): void {
        meter.add(done - reported);
        reported = done;
        display.onProgress(meter.report(`measures of ${values.model}`));
      },
    });
    for (const [place, text] of texts.entries()) {
      const { unit, parameters } = parseMeasure(text);
      const protocol = { ...parameters, directionSeed: DIRECTION_SEED };
      taken[text] = { ...found![place]!, unit, protocol };
    }
  } finally {
    await engine.close();
  }
  const { trainLoss: loss } = network;
  for (const [text, value] of Object.entries(taken)) {
    display.onMessage(
      `${text} ${formatMeasurement(value, value.unit)}; loss ${
        Number(value.loss ?? loss).toFixed(5)
      }`,
    );
  }
  const about = { engine: engine.info, seconds: performance.now() / 1000 };
  if (!isSharpness) return { loss, measures: taken, ...about };
  const { estimate: mean, standardError, loss: own, samples, protocol } = taken[texts[0]!]!;
  const { directions, radius } = protocol;
  return { loss: own, samples, mean, standardError, radius, directions, ...about };
};

/** What one of our own files says of the trajectory that its network is on. */
function trajectoryOf(
  { metadata, state }: Pick<ModelFile, "metadata" | "state">,
): Pick<MeasuredNetwork, "optimizer" | "learningRate" | "state"> {
  if (metadata.trajectory === undefined) return {};
  try {
    const { optimizer, learningRate } = JSON.parse(metadata.trajectory);
    return { optimizer, learningRate, ...(state.length > 0 ? { state } : {}) };
  } catch {
    return {};
  }
}
