/**
 * `deno task measure`: any measures of one trained network.
 *
 * @module
 */
import { type Command, runCommand } from "~/lib/cli/command.ts";
import { ENGINE_OPTIONS, engineOptions, imagesOption } from "~/lib/cli/common_options.ts";
import { measureFile } from "~/lib/cli/measure_file.ts";
import { required, textOption, textsOption } from "~/lib/cli/values.ts";
import { formatMeasurement, MEASURE_NAMES, measureHelp, openMeasure } from "~/lib/measure.ts";

/** Its options. */
export const COMMAND: Command = {
  name: "measure",
  summary: "Measures a trained network: sharpness, curvature, generalisation.",
  options: {
    model: { value: "FILE", help: "safetensors with PyTorch's names and layout, required" },
    measures: { value: "LIST", help: `of ${MEASURE_NAMES.join(", ")}, required` },
    images: { value: "N", help: "use the first N training images (default 50000)" },
    ...ENGINE_OPTIONS,
  },
  notes: ["Measures:", ...measureHelp().map((line) => `  ${line}`)],
};

if (import.meta.main) {
  await runCommand(COMMAND, async (values, signal) => {
    const start = performance.now();
    const path = required(textOption(values, "model"), "model");
    const texts = required(textsOption(values, "measures", openMeasure), "measures");
    const images = imagesOption(values);
    const options = { ...engineOptions(values), signal };
    const { loss, taken, engine } = await measureFile(path, texts, {
      images,
      ...options,
      evaluate: true,
    });
    for (const [text, value] of Object.entries(taken)) {
      console.error(`${text} ${formatMeasurement(value, value.unit)}`);
    }
    if (values.json) {
      const seconds = (performance.now() - start) / 1000;
      console.log(JSON.stringify({ loss, measures: taken, engine, seconds }));
    }
  });
}
