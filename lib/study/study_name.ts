/**
 * The name of a study's figures and tables: its preset, and whatever differs from it.
 *
 * @module
 */
import { sha256 } from "~/lib/files/files.ts";
import { MLP_1 } from "~/lib/model.ts";
import { presets } from "~/lib/study/presets.ts";
import type { Pair, PresetName, Study } from "~/lib/study/study.ts";

/**
 * Names a study: "quick", or "quick,seeds=0,1,images=5000".
 *
 * Trajectories and their results have no part in it: they belong to every study that asks for them.
 */
export function studyName(study: Study): string {
  const usual = presets[study.preset as PresetName];
  const name = [study.preset];
  const differing = (key: string, value: unknown, expected: unknown): void => {
    if (JSON.stringify(value) === JSON.stringify(expected)) return;
    name.push(`${key}=${Array.isArray(value) ? value.join(",") : value}`);
  };
  const { grid } = study;
  const text = (pairs: readonly Pair[]): string[] =>
    pairs.map(({ learningRate, batchSize }) => `${learningRate}:${batchSize}`);
  differing("effects", grid.effects, usual.grid.effects);
  differing("optimizers", grid.optimizers, usual.grid.optimizers);
  differing("learning-rates", grid.learningRates, usual.grid.learningRates);
  differing("batch-sizes", grid.batchSizes, usual.grid.batchSizes);
  differing("base-learning-rate", grid.baseLearningRate, usual.grid.baseLearningRate);
  differing("base-batch-size", grid.baseBatchSize, usual.grid.baseBatchSize);
  differing("cells", text(grid.pairs), text(usual.grid.pairs));
  differing("seeds", grid.seeds, usual.grid.seeds);
  differing("layers", study.sizes, MLP_1);
  differing("images", study.images, usual.images);
  differing("max-epochs", study.maxEpochs, usual.maxEpochs);
  differing("stops", study.stops, usual.stops);
  differing("measures", study.measures.first, usual.measures.first);
  differing("other-measures", study.measures.others, usual.measures.others);
  differing("init", study.init, usual.init);
  differing("order", study.order, usual.order);
  const whole = name.join(",").replaceAll(":", "_").replaceAll("/", "_");
  // File systems take 255 bytes a name.
  return whole.length <= 150 ? whole : `${whole.slice(0, 140)}-${sha256(whole).slice(0, 8)}`;
}
