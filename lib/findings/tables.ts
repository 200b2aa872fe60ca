/**
 * Findings as Arquero tables, columns in words with units.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { formatComparison } from "~/lib/findings/contrast.ts";
import { edgeShares } from "~/lib/findings/edge.ts";
import type { Finding } from "~/lib/findings/list_findings.ts";
import type { PublishedComparison } from "~/lib/findings/published.ts";
import { formatTau, type MeasureRank } from "~/lib/findings/rank_measures.ts";
import { type Columns, type RunResult, summariseCells, tableOf } from "~/lib/results.ts";
import { EFFECTS, measureNamed, type Study } from "~/lib/study.ts";

/** One row a finding: where, from what to what, the ratio or the count of cells, and the verdict. */
export function findingsTable(findings: readonly Finding[]): ColumnTable {
  return tableOf<Finding>({
    "what is compared": ({ subject }) => subject,
    measure: ({ label }) => label,
    where: ({ place }) => place,
    "from, to": ({ isAgainst, comparisons: [found] }) =>
      isAgainst || found === undefined ? "" : `${found.first.name}, ${found.last.name}`,
    "last / first": ({ isAgainst, brief, comparisons: [found] }) =>
      isAgainst ? brief : found === undefined ? "" : formatComparison(found),
    verdict: ({ kind }) => kind,
    seeds: ({ n }) => n,
  }, findings);
}

/** One row a published cell: both means with their intervals in nats, their ratio, and whether they agree. */
export function publishedTable(rows: readonly PublishedComparison[]): ColumnTable {
  return tableOf<PublishedComparison>({
    effect: ({ effect }) => EFFECTS[effect].label,
    optimizer: ({ optimizer }) => optimizer,
    "learning rate": ({ learningRate }) => learningRate,
    "batch size": ({ batchSize }) => batchSize,
    "our stop": ({ stop }) => stop,
    seeds: ({ n }) => n,
    "ours (nats)": ({ ours }) => ours?.mean ?? null,
    "ours, low": ({ ours }) => ours?.interval?.[0] ?? null,
    "ours, high": ({ ours }) => ours?.interval?.[1] ?? null,
    "ours, train loss": ({ trainLoss }) => trainLoss,
    "published (nats)": ({ theirs }) => theirs.mean,
    "published, low": ({ theirs }) => theirs.interval[0],
    "published, high": ({ theirs }) => theirs.interval[1],
    "ours / published": ({ ratio }) => ratio,
    "ratio, low": ({ ratioInterval }) => ratioInterval?.[0] ?? null,
    "ratio, high": ({ ratioInterval }) => ratioInterval?.[1] ?? null,
    "Welch's p": ({ p }) => p,
    "within published half-widths": ({ within }) =>
      within === null ? null : within === false ? "more than 2" : String(within),
  }, rows);
}

/** One row a measure, baselines first: Kendall's tau in each group and in all, with intervals. */
export function rankTable(ranks: readonly MeasureRank[]): ColumnTable {
  const groups = [...new Set(ranks.map(({ group }) => group))];
  const rows = [...Map.groupBy(ranks, ({ measure }) => measure).values()];
  return tableOf<MeasureRank[]>({
    measure: ([rank]) => rank!.label + (rank!.isBaseline ? " (baseline)" : ""),
    ...Object.fromEntries(groups.map((group) => [group, (own: MeasureRank[]) => {
      const found = own.find((rank) => rank.group === group);
      return found === undefined ? "" : formatTau(found);
    }])),
    seeds: (own) => Math.max(...own.map(({ seeds }) => seeds.length)),
  }, rows);
}

/**
 * One row a cell: learning rate x lambda max, which is at most 2 where gradient descent is stable at
 * full batch (AdaGrad's of the preconditioned Hessian), with its 95 % t interval over seeds, and
 * Lanczos's residual.
 *
 * @param runs Of one stop. Cells without a value are left out.
 */
export function edgeTable(study: Study, runs: readonly RunResult[]): ColumnTable {
  const shares = study.grid.effects.flatMap((effect) =>
    study.grid.optimizers.flatMap((optimizer) =>
      edgeShares(study, runs, { effect, optimizer }) ?? []
    )
  );
  return tableOf<typeof shares[number]>({
    optimizer: ({ cell }) => cell.optimizer,
    "learning rate": ({ cell }) => cell.learningRate,
    "batch size": ({ cell }) => cell.batchSize,
    seeds: ({ cell }) => cell.bySeed.length,
    "λ max (nats/unit²)": ({ cell }) => cell.value!.mean,
    "lr × λ max": ({ mean }) => mean,
    "lr × λ max, low": ({ interval }) => interval?.[0] ?? null,
    "lr × λ max, high": ({ interval }) => interval?.[1] ?? null,
    "residual / λ max": ({ residual }) => residual,
    "seeds not converged": ({ cell }) => cell.unresolved.length,
    "train loss (nats)": ({ cell }) => cell.trainLoss,
  }, shares);
}

/** A point of `radius-curve`'s value. */
interface RadiusPoint {
  readonly radius: number;
  readonly mean: number;
}

/**
 * One row a cell: the means over seeds of its radius curve in nats, radius by radius, and the
 * exponents p of `mean = c r^p` between the first two and the last two radii. It is 2 where the rise
 * is one of second order; null where a mean is not above 0.
 *
 * @param runs Of one stop. Cells without a radius curve are left out.
 */
export function radiusTable(study: Study, runs: readonly RunResult[]): ColumnTable {
  const text = measureNamed(study, "radius-curve");
  const rows = text === undefined ? [] : summariseCells(study, runs, text).flatMap((cell) => {
    const curves = cell.bySeed.flatMap(({ run }) => {
      const curve = run.measures[text]?.curve;
      return Array.isArray(curve) ? [curve as RadiusPoint[]] : [];
    });
    const points = curves[0]?.map(({ radius }, place): RadiusPoint => ({
      radius,
      mean: curves.reduce((sum, curve) => sum + curve[place]!.mean, 0) / curves.length,
    }));
    return points === undefined ? [] : [{ cell, points, seeds: curves.length }];
  });
  type Row = typeof rows[number];
  const radii = rows[0]?.points.map(({ radius }) => radius) ?? [];
  const columns: Columns<Row> = {
    optimizer: ({ cell }) => cell.optimizer,
    learningRate: ({ cell }) => cell.learningRate,
    batchSize: ({ cell }) => cell.batchSize,
    seeds: ({ seeds }) => seeds,
  };
  radii.forEach((radius, place) => {
    columns[`r = ${radius}`] = ({ points }) => points[place]!.mean;
  });
  for (const [from, to] of radii.length < 2 ? [] : [[0, 1], [-2, -1]] as const) {
    columns[`exponent ${radii.at(from)} to ${radii.at(to)}`] = ({ points }) => {
      const [a, b] = [points.at(from)!, points.at(to)!];
      return a.mean > 0 && b.mean > 0
        ? Math.log(b.mean / a.mean) / Math.log(b.radius / a.radius)
        : null;
    };
  }
  return tableOf(columns, rows);
}
