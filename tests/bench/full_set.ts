/**
 * What is computed on the full training set: losses around networks, gradients, curvature, measures.
 *
 * @module
 */
import type { Ray } from "~/lib/engine.ts";
import { DIRECTION_SEED, measureNetworks } from "~/lib/measure.ts";
import { countParameters, initialise, MLP_1 } from "~/lib/model.ts";
import type { EngineBench } from "~/tests/bench/bench.ts";
import { medianSeconds, type Row } from "~/tests/bench/row.ts";

/** Networks and directions of the study's sharpness: a group of cells that share directions. */
const GROUP = 18;
const DIRECTIONS = 49;
const RADIUS = 5;

/** Networks that a measure is tried on. */
const MEASURED = 2;

/** The first layer's share of a forward pass. */
const FIRST = MLP_1[0]! * MLP_1[1]! / countParameters(MLP_1);

/** Arithmetic of a gradient in forward passes: three products a layer, but for layer 1's inputs. */
const GRADIENT_ARITHMETIC = 3 - FIRST;

/** Of a product H v: eight products a layer, but three for layer 1, whose inputs have no tangent. */
const PRODUCT_ARITHMETIC = 8 - 5 * FIRST;

/** What the study takes of every network first, and its dearest relative: 5 radii, 2 signs. */
const MEASURES = ["sharpness", "radius-curve(directions=49)"];

/**
 * One row after the other, as they are measured.
 *
 * @param asked Measures by their texts, a row each; by default the group of the study's sharpness, a
 * gradient and a product with the Hessian stand before the usual ones.
 */
export async function* benchFullSet(
  options: EngineBench,
  asked: readonly string[] | undefined,
): AsyncGenerator<Row> {
  const { engine, signal } = options;
  const models = Array.from({ length: GROUP }, (_, seed) => initialise(MLP_1, seed));
  const few = models.slice(0, MEASURED);
  const passSeconds = (): Promise<number> =>
    medianSeconds(
      () => engine.evaluate(MLP_1, few, { split: "train" }),
      signal,
    ).then((seconds) => seconds / few.length);

  /** The seconds of some work in a row, with the forward passes that take as long. */
  async function row(name: string, timed: Timed): Promise<Row> {
    const before = await passSeconds();
    const seconds = await medianSeconds(timed.work, signal);
    // A machine's speed drifts.
    const pass = (before + await passSeconds()) / 2;
    return toRow(options, { ...timed, name, seconds, pass });
  }

  if (asked === undefined) yield* products();
  const networks = few.map((parameters) => ({ sizes: MLP_1, parameters }));
  for (const text of asked ?? MEASURES) {
    yield await row(text, {
      networks: MEASURED,
      work: () => measureNetworks(engine, networks, networks.map(() => [text]), { signal }),
    });
  }

  async function* products(): AsyncGenerator<Row> {
    const rays = Array.from({ length: DIRECTIONS }, (_, direction): Ray => ({
      direction,
      scaling: "global",
      steps: [RADIUS],
    }));
    yield await row("sharpness", {
      networks: GROUP,
      samples: DIRECTIONS,
      arithmetic: 1,
      work: () => engine.perturbedLosses(MLP_1, models, { seed: DIRECTION_SEED, rays, signal }),
    });
    yield await row("gradient", {
      networks: MEASURED,
      arithmetic: GRADIENT_ARITHMETIC,
      work: () => engine.evaluate(MLP_1, few, { split: "train", gradient: "whole", signal }),
    });
    yield await row("H v", {
      networks: MEASURED,
      arithmetic: PRODUCT_ARITHMETIC,
      // Any vectors do: other networks' weights.
      work: async () => {
        for (const [i, model] of few.entries()) {
          const hessian = await engine.openHessian(MLP_1, model, signal);
          await hessian.multiply([models[MEASURED + i]!]);
        }
      },
    });
  }
}

interface Timed {
  readonly networks: number;
  /** What is computed of each network. Default 1. */
  readonly samples?: number;
  /** Of one sample in forward passes, where it is known. */
  readonly arithmetic?: number;
  readonly work: () => Promise<unknown>;
}

function toRow(
  { engine, images, peak }: EngineBench,
  { name, seconds, pass, networks, samples = 1, arithmetic }: Timed & {
    readonly name: string;
    readonly seconds: number;
    /** Seconds of a forward pass. */
    readonly pass: number;
  },
): Row {
  const samplesPerSecond = networks * samples / seconds;
  const flop = 2 * images * countParameters(MLP_1);
  return {
    optimizer: name,
    batchSize: images,
    engine: engine.info.library,
    threads: engine.concurrency,
    images,
    samplesPerSecond,
    ...(arithmetic === undefined ? {} : { peakShare: samplesPerSecond * arithmetic * flop / peak }),
    networks,
    secondsPerNetwork: seconds / networks,
    passes: seconds / networks / pass,
  };
}
