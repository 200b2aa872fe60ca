/**
 * The figure of training losses: effects below each other, optimizers side by side.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { effectValue, summariseCells } from "~/lib/results.ts";
import { trainingCaption } from "~/lib/figures/caption.ts";
import { beside, type Figure, stack } from "~/lib/figures/stack.ts";
import { type Piece, text, translate } from "~/lib/figures/svg.ts";
import { EFFECT_LABEL, FONT_SIZE } from "~/lib/figures/theme.ts";
import { formatValue, otherFactor } from "~/lib/findings.ts";
import { type LossLine, lossPanel } from "~/lib/figures/training_loss.ts";
import type { RunResult } from "~/lib/results.ts";
import { type Cell, type Effect, listCells, type Study, trajectoryOf } from "~/lib/study.ts";
import { trajectoryPath } from "~/lib/trainer.ts";

const PANEL = { width: 318, height: 216, marginLeft: 44, marginBottom: 24 } as const;
const HEADING = 24;
const AXIS_LABEL = 20;
const KEY_WIDTH = 84;

/** Draws the training loss of every run against its epochs. */
export function trainingLossFigure(study: Study, results: readonly RunResult[]): Figure {
  const { grid } = study;
  const pathOf = (cell: Cell, seed: number): string =>
    trajectoryPath(trajectoryOf(study, cell, seed));
  const cells = summariseCells(study, results);
  const byPath = new Map(results.map((result) => [trajectoryPath(result.config), result]));
  const shown = listCells(study).flatMap((cell) =>
    grid.seeds.flatMap((seed) => byPath.get(pathOf(cell, seed)) ?? [])
  );
  const shared = {
    ...PANEL,
    epochs: maximum([1, ...shown.map((run) => run.training.epochLosses.length)]),
    losses: extent(shown.map((run) => extent(run.training.epochLosses)).flat()),
    classes: study.sizes.at(-1)!,
  };
  const rows = grid.effects.map((effect): Piece => {
    const values = [
      ...new Set(
        listCells({ grid: { ...grid, effects: [effect] } }).map((cell) => effectValue(cell)),
      ),
    ].sort((a, b) => a - b);
    const colors = new Map(values.map((value, i) => [value, lineColor(i, values.length)]));
    const panels = grid.optimizers.map((optimizer) => {
      const lines = listCells({ grid: { ...grid, effects: [effect], optimizers: [optimizer] } })
        .flatMap((cell) =>
          grid.seeds.flatMap((seed): LossLine[] => {
            const result = byPath.get(pathOf(cell, seed));
            return result === undefined ? [] : [{ result, color: colors.get(effectValue(cell))! }];
          })
        );
      return framed(lossPanel(lines, shared), `${optimizer}, ${otherFactor(study, effect)}`);
    });
    return beside([...panels, key(effect, colors)], 10);
  });
  return stack(rows, {
    name: "training-loss",
    title: "Training loss of every run",
    caption: trainingCaption(study, cells),
  });
}

function framed(panel: Piece, heading: string): Piece {
  const middle = (PANEL.marginLeft + panel.width) / 2;
  const height = HEADING + panel.height + AXIS_LABEL;
  return {
    svg: text(heading, { x: middle, y: 16, anchor: "middle", weight: "bold" }) +
      translate(panel.svg, 0, HEADING) +
      text("Epoch", { x: middle, y: height - 8, anchor: "middle" }) +
      text("Epoch loss (nats)", {
        x: 10,
        y: HEADING + (panel.height - PANEL.marginBottom) / 2,
        anchor: "middle",
        rotate: -90,
      }),
    width: panel.width,
    height,
  };
}

/** The colours of a row's values. */
function key(effect: Effect, colors: ReadonlyMap<number, string>): Piece {
  const words = EFFECT_LABEL[effect].split(" ");
  const top = HEADING + 10;
  const leading = Math.min(15, (PANEL.height - 30) / colors.size);
  const title = [words.slice(0, 2).join(" "), words.slice(2).join(" ")].filter(Boolean);
  const entries = [...colors].map(([value, color], i) => {
    const y = top + 16 * title.length + leading * i;
    return `<path d="M0,${y - 4}h16" stroke="${color}" stroke-width="2"/>` +
      text(formatValue(effect, value), { x: 22, y, size: FONT_SIZE.tick });
  });
  return {
    svg: title.map((line, i) => text(line, { x: 0, y: top + 14 * i, size: FONT_SIZE.tick }))
      .join("") + entries.join(""),
    width: KEY_WIDTH,
    height: HEADING + PANEL.height,
  };
}

/** Plasma, https://bids.github.io/colormap, without the yellow end that white drowns. */
function lineColor(index: number, count: number): string {
  const scale = Plot.scale({
    color: {
      type: "linear",
      domain: [0, Math.max(count - 1, 1)],
      scheme: "plasma",
      range: [0, 0.8],
    },
  });
  return scale.apply(index);
}

/** Smallest and largest; empty for none. */
function extent(values: readonly number[]): number[] {
  return values.length === 0 ? [] : [-maximum(values.map((value) => -value)), maximum(values)];
}

/** Not Math.max(...values): a long list of arguments overflows the stack. */
function maximum(values: readonly number[]): number {
  return values.reduce((largest, value) => Math.max(largest, value), -Infinity);
}
