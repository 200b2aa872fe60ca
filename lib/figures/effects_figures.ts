/**
 * A measure of a study's cells against its effects, and against what may explain it.
 *
 * @module
 */
import {
  cellLayers,
  describeCells,
  describeNetworks,
  effectAxis,
  effectPanels,
  LOST,
  LOST_ROW,
  meanLayers,
  meanRow,
  measureAxis,
  throughPoints,
} from "~/lib/figures/cells.ts";
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Axis, Layer, Panel } from "~/lib/figures/figure.ts";
import { EDGE, lighten, rampOf, SYMBOLS } from "~/lib/figures/theme.ts";
import { scientific } from "~/lib/files/numbers.ts";
import { capitalize } from "~/lib/files/text.ts";
import { edgeCells, edgeMeasure } from "~/lib/findings.ts";
import { parseMeasure } from "~/lib/measure.ts";
import {
  type CellSummary,
  isLost,
  type Records,
  type Runs,
  runsAt,
  summariseCells,
} from "~/lib/results.ts";
import { meanInterval } from "~/lib/statistics.ts";
import { type EffectName, EFFECTS, mainMeasure, type Study } from "~/lib/study.ts";

/**
 * Sharpness against one effect for one optimizer, with the original's intervals, and how far training
 * got: the counterpart of the original's `plot_results`.
 *
 * @param runs Cells without one stay empty. So in all that follow.
 * @throws {RangeError} If the effect or optimizer is not in the study's grid.
 */
export function plotResults(
  study: Study,
  runs: Runs,
  { effect, optimizer }: { readonly effect: EffectName; readonly optimizer: string },
): Figure {
  const { effects, optimizers } = study.grid;
  if (!effects.includes(effect) || !optimizers.includes(optimizer)) {
    throw new RangeError(
      "Cannot plot the study as effect and optimizer must be in its grid " +
        `(${[...effects, ...optimizers].join(", ")}): ` +
        `current values are ${effect} and ${optimizer}`,
    );
  }
  const grid = { ...study.grid, effects: [effect], optimizers: [optimizer] };
  return plotResults2({ ...study, grid }, runs);
}

/**
 * Sharpness against each effect of the study, the optimizers in each panel, and how far training got:
 * the counterpart of the original's `plot_results_2`. The original's intervals stand under those of a
 * single optimizer.
 */
export function plotResults2(study: Study, runs: Runs): Figure {
  const cells = summariseCells(study, runs);
  const measure = mainMeasure(study);
  const { optimizers, effects } = study.grid;
  const losses = effectPanels(
    study,
    cells,
    { label: "Full-set\nloss (nats)" },
    (own) =>
      cellLayers(study, own, "mean-training-loss", ({ trainLoss, unconverged }) => (
        { y: trainLoss ?? NaN, isPale: unconverged.length > 0 }
      )),
  );
  return compose({
    name: "sharpness",
    title: `${capitalize(parseMeasure(measure).label)} against ` +
      effects.map((effect) => EFFECTS[effect].label).join(" and "),
    panels: [
      ...effectPanels(study, cells, measureAxis(measure), (own) => [
        ...cellLayers(study, optimizers.length === 1 ? own : [], "pooled", ({ value }) => (
          { y: value?.mean ?? NaN, interval: value?.pooledInterval ?? null }
        ), { legend: "seeds × directions pooled", radius: 0, width: 5, opacity: 0.3 }),
        ...meanLayers(study, own),
      ]),
      ...losses.map((panel) => ({ ...panel, heading: "How far training got", height: 90 })),
    ],
    caption: describeCells(study, cells),
  });
}

/** Draws every cell at its learning rate / batch size, a panel an optimizer. */
export function plotRatio(study: Study, runs: Runs): Figure {
  const cells = summariseCells(study, runs);
  const xOf = EFFECTS.pairs.valueOf;
  const layersOf = (own: readonly CellSummary[]): Layer[] => {
    const { effect } = own[0]!;
    const { label, symbol } = EFFECTS[effect];
    const style = { symbol, legend: `by ${label}` };
    return meanLayers(study, own, xOf).map((layer) => ({
      ...{ ...layer, ...(layer.kind === "points" ? style : {}), shift: 0 },
      name: layer.name.replace("mean", effect),
      color: lighten(layer.color!, effect === "batch-size" ? 0.45 : 0),
    }));
  };
  // Pairs of one ratio lie on one another: each is named by its batch size.
  const sizes = (own: readonly CellSummary[]): Layer => ({
    ...{ kind: "texts", name: "size" },
    rows: own.filter(({ effect, value }) => effect === "pairs" && value !== null)
      .map((cell) => ({ x: xOf(cell), y: cell.value!.mean, text: String(cell.batchSize) })),
  });
  return compose({
    name: "ratio",
    title: study.grid.effects.length > 1
      ? "Both effects on one axis"
      : `${capitalize(parseMeasure(mainMeasure(study)).label)} against learning rate / batch size`,
    panels: [...Map.groupBy(cells, ({ optimizer }) => optimizer)].map(
      ([optimizer, own]): Panel => ({
        heading: optimizer,
        x: { label: EFFECTS.pairs.axis, scale: "log" },
        y: measureAxis(mainMeasure(study)),
        layers: [
          ...[...Map.groupBy(own, ({ effect }) => effect).values()].flatMap(layersOf),
          sizes(own),
        ],
      }),
    ),
    caption: describeCells(study, cells) +
      " If the noise of the gradient were all that counted, cells of equal learning rate / batch " +
      "size would be equally sharp.",
  });
}

/** Draws the norm of all weights against each effect, the optimizers in each panel. */
export function plotNorms(study: Study, runs: Runs): Figure {
  const cells = summariseCells(study, runs);
  return compose({
    name: "norms",
    title: "Norm of the weights",
    panels: effectPanels(study, cells, { label: "|w|", scale: "log" }, (own) => {
      const means = cellLayers(study, own, "norm", (cell) => {
        const norms = cell.runs.flatMap(({ network }) => network?.weightNorm ?? []);
        const { mean: y, interval } = norms.length === 0
          ? { mean: NaN, interval: null }
          : meanInterval(norms);
        return { y, interval, isHollow: norms.length === 1 };
      });
      return [...throughPoints(means), ...means];
    }),
    caption: describeNetworks(study, cells),
  });
}

/** Where a cell stands in each panel of `plotAxes`. */
const AXES: readonly (Axis & { readonly xOf: (cell: CellSummary) => number })[] = [
  { label: EFFECTS.pairs.axis, scale: "log", xOf: EFFECTS.pairs.valueOf },
  { label: "Learning rate", scale: "log", xOf: ({ learningRate }) => learningRate },
  { label: "Full-set loss (nats)", xOf: ({ trainLoss }) => trainLoss ?? NaN },
];

/**
 * Draws the study's measure of every cell three times: against learning rate / batch size, the learning
 * rate and the loss at the stop. What explains it lies on one line.
 */
export function plotAxes(study: Study, runs: Runs): Figure {
  const cells = summariseCells(study, runs);
  const [rates, sizes] = (["learningRate", "batchSize"] as const).map((factor) =>
    [...new Set(cells.map((cell) => cell[factor]))].sort((a, b) => a - b)
  ) as [number[], number[]];
  const colors = rampOf(rates);
  const [from, to] = [rates[0] ?? 0, rates.at(-1) ?? 0].map(scientific);
  return compose({
    name: "axes",
    title: "Learning rate and batch size at once",
    panels: AXES.map(({ xOf, ...x }): Panel => ({
      ...{ x, y: measureAxis(mainMeasure(study)) },
      layers: [
        ...sizes.map((size, i): Layer => ({
          ...{ kind: "points", name: `batch-${size}`, legend: `Batch size ${size}`, radius: 4 },
          symbol: SYMBOLS[i % SYMBOLS.length]!,
          rows: cells.filter(({ batchSize }) => batchSize === size).map((cell) => (
            { ...meanRow(cell), x: xOf(cell), color: colors.get(cell.learningRate)! }
          )),
        })),
        {
          ...{ ...LOST, name: "diverged" },
          rows: cells.filter(isLost).map((cell) => ({ ...LOST_ROW, x: xOf(cell) })),
        },
        // The colours' legend stands once, on marks that are there already.
        {
          ...{ kind: "lines", name: "rate", rows: [] },
          legend: { from: `Learning rate ${from}`, to: to!, colors: [...colors.values()] },
        },
      ],
    })),
    caption: describeCells(study, cells),
  });
}

/**
 * Draws the largest eigenvalue of every cell, a panel an effect and optimizer, and the edge where the
 * eigenvalue is the one that it bounds: the Hessian's for gradient descent, the preconditioned one for
 * AdaGrad.
 */
export function plotEigenvalues(study: Study, records: Records): Figure {
  const plain = summariseCells(study, runsAt(study, records), edgeMeasure(study)!);
  const edged = edgeCells(study, records);
  const groups = study.grid.optimizers.flatMap((optimizer) =>
    study.grid.effects.map((effect) => {
      const [bounded, others] = [edged, plain].map((cells) =>
        cells.filter((cell) => cell.effect === effect && cell.optimizer === optimizer)
      ) as [CellSummary[], CellSummary[]];
      // Few of a series, as the base cell that both effects share, make none.
      const isEdged = 2 * bounded.length > others.length;
      const cells = isEdged ? [...bounded, ...others.filter(isLost)] : others;
      return { optimizer, effect, hasLine: isEdged && effect !== "pairs", cells };
    })
  );
  const drawn = groups.flatMap(({ cells }) => cells);
  const panels = groups.map(({ optimizer, effect, hasLine, cells }): Panel => {
    const x = effectAxis(study, effect);
    const rows = cells.map((cell) => ({ x: x.valueOf(cell), y: 2 / cell.learningRate }));
    return {
      ...{ heading: `${x.title}, ${optimizer}`, x, y: measureAxis(cells[0]!.measure) },
      layers: [
        // A line through one point would not be seen.
        ...(hasLine ? [{ ...EDGE, kind: rows.length > 1 ? "lines" : "rules", rows } as const] : []),
        ...meanLayers(study, cells),
        ...cellLayers(
          study,
          cells.filter(({ lowerBounds }) => lowerBounds.size > 0),
          "lower-bound",
          ({ lowerBounds }) => ({ y: meanInterval([...lowerBounds.values()]).mean }),
          { symbol: "triangle", opacity: 0.4, legend: undefined },
        ),
      ],
    };
  });
  return compose({
    name: "lambda-max",
    title: "Largest eigenvalue and the edge of stability",
    panels,
    caption: [
      describeCells(study, drawn),
      groups.some(({ hasLine }) => hasLine) &&
      "The edge is that of full-batch training: for SGD in the Hessian's eigenvalue, for AdaGrad in that " +
        "of the preconditioned Hessian. In panels with the edge, means are geometric and intervals " +
        "include the residual, at most 1 %.",
      drawn.some(({ lowerBounds }) => lowerBounds.size > 0) &&
      "Pale triangles: lower bounds, as the residual is above 1 %.",
    ].filter(Boolean).join(" "),
  });
}
