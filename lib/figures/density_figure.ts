/**
 * Spectral densities of Hessians on a logarithmic axis.
 *
 * @module
 */
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Panel } from "~/lib/figures/figure.ts";
import { INK, SERIES_COLORS } from "~/lib/figures/theme.ts";
import { plurals } from "~/lib/files/numbers.ts";
import type { MeasureValue } from "~/lib/measure.ts";

/** Standard deviation of the bump that stands for a node, as a share of the spectrum's width. */
const WIDTH = 0.01;
const POINTS = 400;
/** What is less than this share of the highest point is a bump's tail, and is not drawn. */
const FLOOR = 1e-9;

interface Probe {
  readonly nodes: readonly number[];
  readonly weights: readonly number[];
}

/**
 * Draws a panel for each network: the mean over its probes of their nodes' weights, each as a normal
 * density of 1 % of the spectrum's width. What lies below 0 has a colour of its own.
 *
 * @param networks `value`: one of the measure `density`.
 */
export function plotDensities(
  networks: readonly { readonly name: string; readonly value: MeasureValue }[],
): Figure {
  const all = networks.map(({ value }) => value["probes"] as readonly Probe[]);
  return compose({
    name: "density",
    title: "Spectral density of the Hessian",
    panels: networks.map(({ name }, i): Panel => {
      const rows = densityOf(all[i]!);
      const split = rows.findIndex(({ x }) => x > 0);
      // The point beside 0 belongs to both sides, so that the line does not break.
      const sides = split < 0 ? [rows, []] : [rows.slice(0, split + 1), rows.slice(split)];
      const names = ["below 0", "above 0"];
      return {
        heading: name,
        x: { label: "Eigenvalue (nats/unit²)", isOwn: true },
        y: { label: "Density", scale: "log" },
        layers: [
          { kind: "rules", name: "zero", along: "x", color: INK.axis, rows: [{ x: 0, y: NaN }] },
          ...sides.map((own, side) => ({
            ...{ kind: "lines", name: `density-${side}`, rows: own, legend: names[side]! } as const,
            color: SERIES_COLORS[side === 0 ? 1 : 0]!,
          })),
        ],
      };
    }),
    caption: `Stochastic Lanczos quadrature with ${
      plurals(all.map((p) => p.length), "probe")
    } of ` +
      `${plurals(all.flatMap((p) => p.map(({ nodes }) => nodes.length)), "node")}, each node a ` +
      "normal density of 1 % of the spectrum's width.",
    isNarrow: true,
  });
}

function densityOf(probes: readonly Probe[]): { x: number; y: number }[] {
  const nodes = probes.flatMap((probe) => probe.nodes);
  const [low, high] = [Math.min(...nodes), Math.max(...nodes)];
  const width = WIDTH * (high - low || 1);
  const rows = Array.from({ length: POINTS }, (_, i) => {
    const x = low - 3 * width + i * (high - low + 6 * width) / (POINTS - 1);
    const sum = probes.flatMap((probe) =>
      probe.nodes.map((node, j) => probe.weights[j]! * Math.exp(-(((x - node) / width) ** 2) / 2))
    ).reduce((a, b) => a + b, 0);
    return { x, y: sum / probes.length / width / Math.sqrt(2 * Math.PI) };
  });
  const most = Math.max(...rows.map(({ y }) => y));
  return rows.map(({ x, y }) => ({ x, y: y > FLOOR * most ? y : NaN }));
}
