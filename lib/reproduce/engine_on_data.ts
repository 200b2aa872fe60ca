/**
 * An engine on the images of a study.
 *
 * @module
 */
import { firstRows, loadImagesLabels } from "~/lib/dataset.ts";
import { type EngineOptions, openEngine } from "~/lib/engine.ts";
import { partProgress } from "~/lib/files/progress.ts";
import type { EngineOnData, RunOptions } from "~/lib/reproduce/options.ts";

/**
 * Loads the first `images` training images and the test set, and opens an engine on them.
 *
 * @param prefer The matrix library of work that goes on.
 */
export async function openEngineOnData(
  images: number,
  { data: directory, engine = "auto", threads, ...options }: RunOptions,
  prefer?: EngineOptions["prefer"],
): Promise<EngineOnData> {
  const { onProgress, onMessage = console.error } = options;
  const dataset = await loadImagesLabels(Math.ceil(images / 10_000), {
    ...(directory === undefined ? {} : { directory }),
    onProgress: partProgress({ onProgress, onMessage }),
    signal: options.signal,
  });
  return {
    engine: await openEngine(engine, {
      dataset: { ...dataset, train: firstRows(dataset.train, images) },
      ...(threads === undefined ? {} : { threads }),
      prefer,
      onMessage,
    }),
    data: dataset.md5,
  };
}
