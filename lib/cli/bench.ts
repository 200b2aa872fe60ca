/**
 * `deno task bench`: images and samples a second on this machine, and the share of what its matrix
 * library reaches.
 *
 * @module
 */
import { benchFullSet } from "~/lib/cli/bench/full_set.ts";
import { describeRow, type Row } from "~/lib/cli/bench/row.ts";
import type { EngineBench } from "~/lib/cli/bench/timing.ts";
import { benchTraining } from "~/lib/cli/bench/training.ts";
import { type Command, runCommand } from "~/lib/cli/command.ts";
import { dataOption } from "~/lib/cli/common_options.ts";
import { openDisplay } from "~/lib/cli/terminal.ts";
import { choicesOption, numberOption, numbersOption, textsOption } from "~/lib/cli/values.ts";
import { firstRows, loadImagesLabels } from "~/lib/dataset.ts";
import { batchSize as batchSizeDomain, images as imagesDomain, threads } from "~/lib/domain.ts";
import { createCpuEngine, GEMM_LIBRARIES, type GemmLibraryName } from "~/lib/engine.ts";
import { partProgress } from "~/lib/files/progress.ts";
import { demandAvailable, openMeasure, type UnevaluatedNetwork } from "~/lib/measure.ts";
import { MLP_1 } from "~/lib/model.ts";
import { openOptimizer } from "~/lib/optimizer.ts";

/** Whole batches of every usual size, and a fifth of the set: the rates are those of all images. */
const TRAINING_IMAGES = 10_240;

/** Four blocks of rows: what random directions cost is a tenth more here than on all images. */
const FULL_SET_IMAGES = 2048;

/** What the study takes of every network first, and its dearest relative: 5 radii, 2 signs. */
const MEASURES = ["sharpness", "radius-curve(directions=49)"];

/** What is known of the networks that are measured: they are on no trajectory. */
const UNTRAINED: UnevaluatedNetwork = {
  sizes: MLP_1,
  parameters: new Float32Array(new SharedArrayBuffer(4)),
};

/** Its options. */
export const COMMAND: Command = {
  name: "bench",
  summary: "Measures training, sharpness and curvature on the CPU, medians of 5.",
  options: {
    libraries: { value: "LIST", help: "blas,onnxruntime (default: the one fast here)" },
    threads: { value: "N", help: "threads, one network each (default: the machine's cores)" },
    optimizers: { value: "LIST", help: "default SGD,AdaGrad" },
    "batch-sizes": { value: "LIST", help: "default 32,128,1024" },
    measures: { value: "LIST", help: `measures with a row of their own (default ${MEASURES})` },
    images: {
      value: "N",
      help:
        `training images (default ${TRAINING_IMAGES} to train, ${FULL_SET_IMAGES} as a full set)`,
    },
    data: { value: "DIR", help: "CIFAR-10 that is there already: its folder or tarball" },
    json: { help: "print one JSON document on stdout; messages go to stderr" },
  },
};

if (import.meta.main) {
  await runCommand(COMMAND, async (values, signal) => {
    const workers = numberOption(values, "threads", threads);
    const libraries = choicesOption(values, "libraries", GEMM_LIBRARIES) ?? [undefined];
    const optimizers = textsOption(values, "optimizers", openOptimizer) ?? ["SGD", "AdaGrad"];
    const batchSizes = numbersOption(values, "batch-sizes", batchSizeDomain) ?? [32, 128, 1024];
    const measures = textsOption(values, "measures", openMeasure) ?? MEASURES;
    demandAvailable(measures.map(openMeasure), UNTRAINED);
    const images = numberOption(values, "images", imagesDomain);
    const directory = dataOption(values);
    const { onProgress, onMessage, close } = openDisplay();
    const rows: Row[] = [];
    try {
      const whole = await loadImagesLabels(Math.ceil((images ?? TRAINING_IMAGES) / 10_000), {
        ...(directory === undefined ? {} : { directory }),
        onProgress: partProgress({ onProgress, onMessage }),
        signal,
      });
      const add = (row: Row): void => {
        rows.push(row);
        onMessage(describeRow(row));
      };
      /** One engine at a time, all on the same images: memory does not add up. */
      const bench = async (
        { library, count }: { library: GemmLibraryName | undefined; count: number },
        run: (on: EngineBench) => Promise<void>,
      ): Promise<void> => {
        const engine = await createCpuEngine({
          dataset: { ...whole, train: firstRows(whole.train, count) },
          ...(workers === undefined ? {} : { threads: workers }),
          onMessage,
        }, library);
        await run({ engine, images: count, peak: await engine.peak(), signal });
        await engine.close();
      };
      for (const library of libraries) {
        await bench({ library, count: images ?? TRAINING_IMAGES }, async (on) => {
          for (const batchSize of batchSizes) {
            for (const optimizer of optimizers) {
              add(await benchTraining({ ...on, optimizer, batchSize }));
            }
          }
        });
        await bench({ library, count: images ?? FULL_SET_IMAGES }, async (on) => {
          for await (const row of benchFullSet({ ...on, measures })) add(row);
        });
      }
    } finally {
      close();
    }
    if (values.json) console.log(JSON.stringify(rows));
  });
}
