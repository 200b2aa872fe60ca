/**
 * `deno task sharpness`: the sharpness of one trained network.
 *
 * @module
 */
import { type Command, runCommand } from "~/lib/cli/command.ts";
import { ENGINE_OPTIONS, engineOptions, imagesOption } from "~/lib/cli/common_options.ts";
import { measureFile } from "~/lib/cli/measure_file.ts";
import { numberOption, required, textOption } from "~/lib/cli/values.ts";
import * as domain from "~/lib/domain.ts";
import { openMeasure } from "~/lib/measure.ts";

const usual = openMeasure("sharpness").parameters;

/** Its options. */
export const COMMAND: Command = {
  name: "sharpness",
  summary: "Samples the rise in training loss at random points around a trained network.",
  options: {
    model: { value: "FILE", help: "safetensors with PyTorch's names and layout, required" },
    directions: { value: "K", help: `samples (default ${usual.directions})` },
    radius: { value: "R", help: `length of the step in parameter space (default ${usual.radius})` },
    images: { value: "N", help: "use the first N training images (default 50000)" },
    ...ENGINE_OPTIONS,
  },
};

if (import.meta.main) {
  await runCommand(COMMAND, async (values, signal) => {
    const start = performance.now();
    const path = required(textOption(values, "model"), "model");
    const directions = numberOption(values, "directions", domain.directions) ?? usual.directions;
    const radius = numberOption(values, "radius", domain.radius) ?? usual.radius;
    const images = imagesOption(values);
    const { text } = openMeasure(`sharpness(directions=${directions},radius=${radius})`);
    const options = { ...engineOptions(values), images, signal, evaluate: false };
    const { taken, engine } = await measureFile(path, [text], options);
    const { estimate: mean, standardError, loss, samples } = taken[text]!;
    console.error(
      `sharpness ${mean} nats, standard error ${standardError ?? "unknown"} over ${directions} ` +
        `directions at r = ${radius}; loss ${loss}`,
    );
    if (values.json) {
      const seconds = (performance.now() - start) / 1000;
      const fields = { loss, samples, mean, standardError, radius, directions };
      console.log(JSON.stringify({ ...fields, engine, seconds }));
    }
  });
}
