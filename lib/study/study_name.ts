/**
 * The name of a study's figures and tables: its preset, and whatever differs from it.
 *
 * @module
 */
import { join } from "node:path";
import { sha256 } from "~/lib/files/files.ts";
import { presets } from "~/lib/study/presets.ts";
import type { PresetName, Study } from "~/lib/study/study.ts";

/** What a name may tell of a study. */
const PARTS: Readonly<Record<string, (study: Study) => unknown>> = {
  effects: ({ grid }) => grid.effects,
  optimizers: ({ grid }) => grid.optimizers,
  "learning-rates": ({ grid }) => grid.learningRates,
  "batch-sizes": ({ grid }) => grid.batchSizes,
  "base-learning-rate": ({ grid }) => grid.baseLearningRate,
  "base-batch-size": ({ grid }) => grid.baseBatchSize,
  cells: ({ grid }) => grid.pairs.map((pair) => `${pair.learningRate}:${pair.batchSize}`),
  seeds: ({ grid }) => grid.seeds,
  layers: ({ sizes }) => sizes,
  images: ({ images }) => images,
  "max-epochs": ({ maxEpochs }) => maxEpochs,
  stops: ({ stops }) => stops,
  measures: ({ measures }) => measures.first,
  "other-measures": ({ measures }) => measures.others,
  init: ({ init }) => init,
  order: ({ order }) => order,
};

/**
 * Names a study: "quick", or "quick,seeds=0,1,images=5000".
 *
 * Trajectories and their results have no part in it: they belong to every study that asks for them.
 */
export function studyName(study: Study): string {
  const usual = presets[study.preset as PresetName];
  const differing = Object.entries(PARTS)
    .filter(([, of]) => JSON.stringify(of(study)) !== JSON.stringify(of(usual)))
    .map(([key, of]) => `${key}=${of(study)}`);
  const whole = [study.preset, ...differing].join(",").replaceAll(/[:/]/g, "_");
  // File systems take 255 bytes a name.
  return whole.length <= 150 ? whole : `${whole.slice(0, 140)}-${sha256(whole).slice(0, 8)}`;
}

/** What is written about a study: `NAME` for the preset that the results are about, else `STUDY.NAME`. */
export function studyFile(study: Study, folder: string, name: string): string {
  const own = studyName(study);
  return join(folder, own === "standard" ? name : `${own}.${name}`);
}
