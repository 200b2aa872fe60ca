/**
 * `deno task landscape`: loss and accuracy along a line or in a plane through networks.
 *
 * @module
 */
import { basename } from "node:path";
import { imagesFor, readModelFile } from "~/lib/cli/asked.ts";
import type { Main } from "~/lib/cli/main.ts";
import type { Values } from "~/lib/cli/options.ts";
import { positive, UsageError, validate } from "~/lib/domain.ts";
import { plotLandscape, renderPng } from "~/lib/figures.ts";
import { sha256, writeWhole } from "~/lib/files/files.ts";
import { significant } from "~/lib/files/numbers.ts";
import { Meter } from "~/lib/files/progress.ts";
import {
  type Landscape,
  landscapeCsv,
  lineBetween,
  planeThrough,
  randomSpan,
  readLandscape,
  type Span,
  type SpanNetwork,
  survey,
} from "~/lib/landscape.ts";
import { DIRECTION_SEED } from "~/lib/measure.ts";
import { withEngine } from "~/lib/reproduce.ts";

export const main: Main<"model"> = async (values, about) => {
  if (values.plane !== undefined && values.to !== undefined && values.and === undefined) {
    throw new UsageError("--plane with --to must be given with --and, the third network");
  }
  const paths = [values.model, values.to, values.and].filter((each) => each !== undefined);
  const files = await Array.fromAsync(paths, readModelFile);
  const networks = files.map(({ sizes, parameters }, i): SpanNetwork => (
    { name: basename(paths[i]!).replace(/\.safetensors$/, ""), sizes, parameters }
  ));
  const { span, how } = spanFrom(values, networks);
  const { out } = values;
  const path = out === undefined ? undefined : `${out}.json`;
  if (path !== undefined) await readLandscape(path);
  const images = imagesFor(values, files[0]!, about.onMessage);
  return await withEngine(images, { ...values, ...about }, async ({ engine, engine: { info } }) => {
    const hashes = networks.map(({ parameters }) => sha256(parameters));
    const library = `${info.name}, ${info.library}`;
    const meter = new Meter();
    const found = await survey(engine, span, {
      question: { networks: hashes, ...how, images, engine: library },
      ...{ path, signal: about.signal },
      onProgress(done, total): void {
        meter.expect(span, total - done + 1);
        meter.add(span, 1);
        about.onProgress(meter.report(`point ${done} of ${total}`));
      },
    });
    if (out !== undefined) {
      const figure = plotLandscape(found);
      await writeWhole(`${out}.csv`, landscapeCsv(found));
      await writeWhole(`${out}.svg`, figure.svg);
      await writeWhole(`${out}.png`, await renderPng(figure));
    }
    about.onMessage(summaryOf(found));
    return { ...found, engine: info, seconds: performance.now() / 1000 };
  });
};

/** What is asked for, and what decides it beside the networks. */
function spanFrom(
  values: Values,
  [model, to, and]: readonly SpanNetwork[],
): { span: Span; how: Landscape["question"] } {
  const { points = 51, plane = [25, 25], normalise = "filter", biases = "move" } = values;
  const { radius = normalise === "filter" ? 1 : 5, seed = DIRECTION_SEED } = values;
  if (and !== undefined) {
    return { span: planeThrough([model!, to!, and], plane), how: { plane } };
  }
  if (to !== undefined) return { span: lineBetween(model!, to, points), how: { points } };
  validate(positive, radius, "--radius");
  const how = { normalise, biases, radius, seed, points: values.plane ?? [points] };
  return { span: randomSpan(model!, how), how };
}

function summaryOf({ points, axes }: Landscape): string {
  const known = points.filter(({ trainLoss }) => trainLoss !== null)
    .toSorted((a, b) => a.trainLoss! - b.trainLoss!);
  const describe = ({ trainLoss, x, y }: Landscape["points"][number]): string =>
    `${trainLoss!.toFixed(5)} nats at x = ${significant(x)}` +
    (axes.length === 2 ? `, y = ${significant(y)}` : "");
  const counted = `${known.length} of ${points.length} points have a finite loss`;
  if (known.length === 0) return counted;
  return `${counted}; training loss ${describe(known[0]!)}, the lowest of them, to ` +
    describe(known.at(-1)!);
}
