/**
 * `deno task measure` and `deno task sharpness`: measures of one trained network.
 *
 * @module
 */
import { readModelFile, studyFrom } from "~/lib/cli/asked.ts";
import type { Main } from "~/lib/cli/main.ts";
import { Meter } from "~/lib/files/progress.ts";
import {
  DIRECTION_SEED,
  formatMeasurement,
  type MeasuredNetwork,
  measureNetworks,
  parseMeasure,
  validateAvailable,
} from "~/lib/measure.ts";
import type { ModelFile } from "~/lib/model.ts";
import { withEngine } from "~/lib/reproduce.ts";
import { presets } from "~/lib/study.ts";

/** Takes measures, or samples of sharpness. */
export const main: Main<"model"> = async (values, { name, signal, display }) => {
  const { images, measures: { first } } = studyFrom(values, {
    ...presets.standard,
    measures: { first: ["sharpness"], others: [] },
  });
  const measures = first.map(parseMeasure);
  const { sizes, parameters, ...file } = await readModelFile(values.model);
  const asked = { sizes, parameters, ...trajectoryOf(file) };
  // Before minutes are spent on the others.
  validateAvailable(measures, asked, ` of ${values.model}`);
  return await withEngine(images, { ...values, signal, ...display }, async ({ engine }) => {
    const network = { trainLoss: NaN, trainAccuracy: NaN, testLoss: NaN, testAccuracy: NaN };
    // Sharpness brings the training loss along.
    for (const split of name === "sharpness" ? [] : ["train", "test"] as const) {
      const [found] = await engine.evaluate(sizes, [parameters], { split, gradient: false });
      network[`${split}Loss`] = found!.loss;
      network[`${split}Accuracy`] = found!.accuracy;
    }
    const meter = new Meter();
    meter.expect(first, 1);
    let reported = 0;
    const [found] = await measureNetworks(engine, [{ ...asked, ...network }], [first], {
      ...{ seed: DIRECTION_SEED, signal },
      onProgress(done): void {
        meter.add(first, done - reported);
        reported = done;
        display.onProgress(meter.report(`measures of ${values.model}`));
      },
    });
    const taken = measures.map(({ unit, parameters }, place) => {
      const protocol = { ...parameters, directionSeed: DIRECTION_SEED };
      return { ...found![place]!, unit, protocol };
    });
    for (const [place, value] of found!.entries()) {
      const { text, unit } = measures[place]!;
      const loss = Number(value.loss ?? network.trainLoss).toFixed(5);
      display.onMessage(`${text} ${formatMeasurement(value, unit)}; loss ${loss}`);
    }
    const about = { engine: engine.info, seconds: performance.now() / 1000 };
    if (name !== "sharpness") {
      const byText = Object.fromEntries(first.map((text, place) => [text, taken[place]]));
      return { loss: network.trainLoss, measures: byText, ...about };
    }
    const { estimate: mean, standardError, loss, samples } = found![0]!;
    const { directions, radius } = measures[0]!.parameters;
    return { loss, samples, mean, standardError, radius, directions, ...about };
  });
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
