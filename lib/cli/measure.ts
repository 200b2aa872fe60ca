/**
 * `deno task measure` and `deno task sharpness`: measures of one trained network.
 *
 * @module
 */
import { engineOptions, readModelFile, sampled } from "~/lib/cli/asked.ts";
import type { Main } from "~/lib/cli/main.ts";
import { openDisplay } from "~/lib/cli/terminal.ts";
import type { EngineInfo } from "~/lib/engine.ts";
import { startMeter } from "~/lib/files/progress.ts";
import {
  demandAvailable,
  DIRECTION_SEED,
  formatMeasurement,
  type MeasuredNetwork,
  measureNetworks,
  type MeasureValue,
  openMeasure,
} from "~/lib/measure.ts";
import type { ModelFile } from "~/lib/model.ts";
import { openEngineOnData, type RunOptions } from "~/lib/reproduce.ts";

/** Losses and accuracies of a network that nobody evaluated. */
const UNKNOWN = { trainLoss: NaN, trainAccuracy: NaN, testLoss: NaN, testAccuracy: NaN };

/** Takes measures, or samples of sharpness, and prints them. */
export const main: Main<"model"> = async (values, { name, signal }) => {
  const start = performance.now();
  const isSharpness = name === "sharpness";
  const texts = isSharpness ? [sampled("sharpness", values)] : values.measures!;
  const { loss, taken, engine } = await measureFile(values.model, texts, {
    images: values.images ?? 50_000,
    ...engineOptions(values),
    signal,
    // Its samples bring the training loss along.
    evaluate: !isSharpness,
  });
  for (const [text, value] of Object.entries(taken)) {
    console.error(`${text} ${formatMeasurement(value, value.unit)}; loss ${value.loss ?? loss}`);
  }
  if (!values.json) return;
  const seconds = (performance.now() - start) / 1000;
  if (!isSharpness) return console.log(JSON.stringify({ loss, measures: taken, engine, seconds }));
  const [{ estimate: mean, standardError, loss: own, samples, protocol }] = Object.values(
    taken,
  ) as [
    Taken,
  ];
  const { directions, radius } = protocol;
  const fields = { loss: own, samples, mean, standardError, radius, directions };
  console.log(JSON.stringify({ ...fields, engine, seconds }));
};

/** A measure's value with what says how it came about. */
type Taken = MeasureValue & {
  readonly unit: string;
  readonly protocol: Readonly<Record<string, number | boolean>>;
};

/** Reads a network and takes measures of it, by their canonical texts. */
async function measureFile(
  path: string,
  texts: readonly string[],
  { images, evaluate, ...options }: RunOptions & {
    readonly images: number;
    /** Whether a measure needs the losses on both splits; without it they are NaN. */
    readonly evaluate: boolean;
  },
): Promise<{ loss: number; taken: Readonly<Record<string, Taken>>; engine: EngineInfo }> {
  const { sizes, parameters, ...file } = await readModelFile(path, "model");
  const asked = { sizes, parameters, ...trajectoryOf(file) };
  // Before minutes are spent on the others.
  demandAvailable(texts.map(openMeasure), asked, ` of ${path}`);
  const display = openDisplay();
  try {
    const { engine } = await openEngineOnData(images, { ...options, ...display });
    try {
      const evaluated = { ...UNKNOWN };
      for (const split of evaluate ? ["train", "test"] as const : []) {
        const [found] = await engine.evaluate(sizes, [parameters], { split, gradient: false });
        evaluated[`${split}Loss`] = found!.loss;
        evaluated[`${split}Accuracy`] = found!.accuracy;
      }
      const network: MeasuredNetwork = { ...asked, ...evaluated };
      const meter = startMeter(1);
      let reported = 0;
      const [values] = await measureNetworks(engine, [network], [texts], {
        seed: DIRECTION_SEED,
        ...(options.signal ? { signal: options.signal } : {}),
        onProgress(done): void {
          meter.add(done - reported);
          reported = done;
          display.onProgress(meter.report(`measures of ${path}`));
        },
      });
      const taken = Object.fromEntries(texts.map((text, place) => {
        const { unit, parameters } = openMeasure(text);
        const protocol = { ...parameters, directionSeed: DIRECTION_SEED };
        return [text, { ...values![place]!, unit, protocol }];
      }));
      return { loss: network.trainLoss, taken, engine: engine.info };
    } finally {
      await engine.close();
    }
  } finally {
    display.close();
  }
}

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
