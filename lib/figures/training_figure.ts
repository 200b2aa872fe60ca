/**
 * The figure of training losses: effects below each other, optimizers side by side.
 *
 * @module
 */
import { summariseCells } from "~/lib/results.ts";
import { lossAxis } from "~/lib/figures/axis.ts";
import { trainingCaption } from "~/lib/figures/caption.ts";
import { valueColors } from "~/lib/figures/colors.ts";
import { type Place, placeOf } from "~/lib/figures/place.ts";
import { beside, type Figure, stack } from "~/lib/figures/stack.ts";
import { type Piece, text, translate } from "~/lib/figures/svg.ts";
import { FONT_SIZE } from "~/lib/figures/theme.ts";
import { type LossLine, lossPanel } from "~/lib/figures/training_loss.ts";
import type { RunResult } from "~/lib/results.ts";
import { type Cell, EFFECTS, listCells, type Study, trajectoryOf } from "~/lib/study.ts";
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
    const { valueOf, format, label } = placeOf(study, effect);
    const values = [
      ...new Set(
        listCells({ grid: { ...grid, effects: [effect] } }).map(valueOf),
      ),
    ].sort((a, b) => a - b);
    const colors = valueColors(values);
    const panels = grid.optimizers.map((optimizer) => {
      const lines = listCells({ grid: { ...grid, effects: [effect], optimizers: [optimizer] } })
        .flatMap((cell) =>
          grid.seeds.flatMap((seed): LossLine[] => {
            const result = byPath.get(pathOf(cell, seed));
            return result === undefined ? [] : [{ result, color: colors.get(valueOf(cell))! }];
          })
        );
      return framed(lossPanel(lines, shared), `${optimizer}, ${EFFECTS[effect].other(study)}`);
    });
    return beside([...panels, key(colors, { label, format })], 10);
  });
  return stack(rows, {
    name: "training-loss",
    title: "Training loss of every run",
    caption: trainingCaption(study, cells, lossAxis(shared.losses, shared)),
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
function key(
  colors: ReadonlyMap<number, string>,
  { label, format }: Pick<Place, "label" | "format">,
): Piece {
  const words = label.split(" ");
  const top = HEADING + 10;
  const leading = Math.min(15, (PANEL.height - 30) / colors.size);
  const title = [words.slice(0, 2).join(" "), words.slice(2).join(" ")].filter(Boolean);
  const entries = [...colors].map(([value, color], i) => {
    const y = top + 16 * title.length + leading * i;
    return `<path d="M0,${y - 4}h16" stroke="${color}" stroke-width="2"/>` +
      text(format(value), { x: 22, y, size: FONT_SIZE.tick });
  });
  return {
    svg: title.map((line, i) => text(line, { x: 0, y: top + 14 * i, size: FONT_SIZE.tick }))
      .join("") + entries.join(""),
    width: KEY_WIDTH,
    height: HEADING + PANEL.height,
  };
}

/** Smallest and largest; empty for none. */
function extent(values: readonly number[]): number[] {
  return values.length === 0 ? [] : [-maximum(values.map((value) => -value)), maximum(values)];
}

/** Not Math.max(...values): a long list of arguments overflows the stack. */
function maximum(values: readonly number[]): number {
  return values.reduce((largest, value) => Math.max(largest, value), -Infinity);
}
