/**
 * A network on a whole split, on one thread.
 *
 * @module
 */
import { backward } from "~/lib/engine/cpu/gradient.ts";
import { forward, loadLabels, lossOfLogits, type SharedSplit } from "~/lib/engine/cpu/pass.ts";
import { layOut, type Workspace } from "~/lib/engine/cpu/workspace.ts";
import type { Evaluation, SharedFloats } from "~/lib/engine/engine.ts";
import { countParameters, type LayerSizes } from "~/lib/model.ts";

/** Evaluates a network on a whole split, with the gradient's norm where asked for. */
export async function evaluate(
  workspace: Workspace,
  split: SharedSplit,
  sizes: LayerSizes,
  { parameters, gradient }: { parameters: SharedFloats; gradient: boolean },
): Promise<Evaluation> {
  const layout = layOut(sizes, split.size);
  workspace.reserve(layout.end);
  const { memory } = workspace;
  new Float32Array(memory.buffer, layout.parameters, parameters.length).set(parameters);
  const rows = { split, first: 0, count: split.size };
  loadLabels(workspace, layout, rows);
  await forward(workspace, layout, rows);
  const { loss, correct } = lossOfLogits(workspace, layout, rows.count, gradient);
  let gradientNorm = NaN;
  if (gradient) {
    const values = new Float32Array(memory.buffer, layout.gradient, countParameters(sizes));
    values.fill(0);
    await backward(workspace, layout, rows, { onGradient: () => {} });
    let squares = 0;
    for (const value of values) squares += value * value;
    gradientNorm = Math.sqrt(squares);
  }
  return { loss, accuracy: correct / split.size, gradientNorm };
}
