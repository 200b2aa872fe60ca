/**
 * `deno task sharpness`: the sharpness of one trained network.
 *
 * @module
 */
import { type Command, runCommand } from "~/lib/cli/command.ts";
import {
  ENGINE_OPTIONS,
  engineOptions,
  imagesOption,
  readModelFile,
} from "~/lib/cli/common_options.ts";
import { openDisplay } from "~/lib/cli/terminal.ts";
import { DIRECTIONS, NON_NEGATIVE, numberOption, required, textOption } from "~/lib/cli/values.ts";
import { startMeter } from "~/lib/files/progress.ts";
import { openEngineOnData } from "~/lib/reproduce.ts";
import { sampleSharpness } from "~/lib/measure.ts";
import { meanInterval } from "~/lib/statistics.ts";
import { presets } from "~/lib/study.ts";

/** Its options. */
export const COMMAND: Command = {
  name: "sharpness",
  summary: "Samples the rise in training loss at random points around a trained network.",
  options: {
    model: { value: "FILE", help: "safetensors with PyTorch's names and layout, required" },
    directions: { value: "K", help: "samples (default 49)" },
    radius: { value: "R", help: "length of the step in parameter space (default 5)" },
    images: { value: "N", help: "use the first N training images (default 50000)" },
    ...ENGINE_OPTIONS,
  },
};

if (import.meta.main) {
  await runCommand(COMMAND, async (values, signal) => {
    const start = performance.now();
    const usual = presets.standard.sharpness;
    const path = required(textOption(values, "model"), "model");
    const directions = numberOption(values, "directions", DIRECTIONS) ?? usual.directions;
    const radius = numberOption(values, "radius", NON_NEGATIVE) ?? usual.radius;
    const training = { ...presets.standard.training, images: imagesOption(values) };
    const options = engineOptions(values);
    const { sizes, parameters } = await readModelFile(path, "model");
    const display = openDisplay();
    try {
      const { onProgress } = display;
      const { engine } = await openEngineOnData({ training }, { ...options, onProgress });
      try {
        const meter = startMeter(1);
        let reported = 0;
        const [measured] = await sampleSharpness(engine, {
          ...usual,
          sizes,
          models: [parameters],
          radius,
          directions,
        }, {
          signal,
          onProgress(done, total): void {
            meter.add(done / total - reported);
            reported = done / total;
            onProgress(meter.report(`loss ${done} of ${total}`));
          },
        });
        const { loss, samples } = measured!;
        const { mean, standardError } = meanInterval(samples);
        const seconds = (performance.now() - start) / 1000;
        display.onMessage(
          `sharpness ${mean} nats, standard error ${standardError} over ${directions} directions ` +
            `at r = ${radius}; loss ${loss}`,
        );
        if (values.json) {
          const fields = { loss, samples, mean, standardError, radius, directions };
          console.log(JSON.stringify({ ...fields, engine: engine.info, seconds }));
        }
      } finally {
        await engine.close();
      }
    } finally {
      display.close();
    }
  });
}
