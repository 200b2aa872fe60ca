/**
 * Measures of a network that a command line names.
 *
 * @module
 */
import { readModelFile } from "~/lib/cli/common_options.ts";
import { openDisplay } from "~/lib/cli/terminal.ts";
import type { Engine, EngineInfo, SharedFloats } from "~/lib/engine.ts";
import { startMeter } from "~/lib/files/progress.ts";
import {
  demandAvailable,
  DIRECTION_SEED,
  type MeasuredNetwork,
  measureNetworks,
  type MeasureValue,
  openMeasure,
} from "~/lib/measure.ts";
import type { LayerSizes, ModelFile } from "~/lib/model.ts";
import { openEngineOnData, type RunOptions } from "~/lib/reproduce.ts";

/** A measure's value with what says how it came about. */
export type Taken = MeasureValue & {
  readonly unit: string;
  readonly protocol: Readonly<Record<string, number | boolean>>;
};

/** How to measure a file. */
export interface MeasureFileOptions extends RunOptions {
  readonly images: number;
  /** Whether a measure needs the losses on both splits; without it they are NaN. */
  readonly evaluate: boolean;
}

/** Losses and accuracies of a network that nobody evaluated. */
const UNKNOWN = { trainLoss: NaN, trainAccuracy: NaN, testLoss: NaN, testAccuracy: NaN };

/** Reads a network and takes measures of it, by their canonical texts. */
export async function measureFile(
  path: string,
  texts: readonly string[],
  { images, evaluate, ...options }: MeasureFileOptions,
): Promise<{ loss: number; taken: Readonly<Record<string, Taken>>; engine: EngineInfo }> {
  const { sizes, parameters, ...file } = await readModelFile(path, "model");
  const asked = { sizes, parameters, ...trajectoryOf(file) };
  // Before minutes are spent on the others.
  demandAvailable(texts.map(openMeasure), asked, ` of ${path}`);
  const display = openDisplay();
  try {
    const { engine } = await openEngineOnData(images, { ...options, ...display });
    try {
      const network: MeasuredNetwork = {
        ...asked,
        ...(evaluate ? await evaluationOf(engine, asked) : UNKNOWN),
      };
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

async function evaluationOf(
  engine: Engine,
  { sizes, parameters }: { sizes: LayerSizes; parameters: SharedFloats },
): Promise<typeof UNKNOWN> {
  const [train] = await engine.evaluate(sizes, [parameters], { split: "train", gradient: false });
  const [test] = await engine.evaluate(sizes, [parameters], { split: "test", gradient: false });
  return {
    trainLoss: train!.loss,
    trainAccuracy: train!.accuracy,
    testLoss: test!.loss,
    testAccuracy: test!.accuracy,
  };
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
