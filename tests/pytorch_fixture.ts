/**
 * A tiny run of the study's protocol that PyTorch 1.13 made: fixtures/pytorch_mlp.json.
 *
 * @module
 */
import type { OptimizerName } from "~/lib/optimizer.ts";

/** A state dictionary: matrices as rows of outputs, and vectors. */
export type StateDictionary = Readonly<Record<string, readonly number[] | readonly number[][]>>;

/** One optimizer's run from the initial parameters. */
export interface PyTorchRun {
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  readonly fullGradientAtInit: StateDictionary;
  readonly lossAtInit: number;
  readonly epochLosses: readonly number[];
  readonly finalParameters: StateDictionary;
  readonly finalLoss: number;
  readonly finalAccuracy: number;
  /** Loss at finalParameters + radius direction / |direction|. */
  readonly perturbedLoss: number;
}

/** What PyTorch was given and what it computed. */
export interface PyTorchFixture {
  readonly sizes: readonly number[];
  readonly batch: number;
  readonly epochs: number;
  readonly pixels: readonly number[][];
  readonly labels: readonly number[];
  readonly init: StateDictionary;
  readonly direction: readonly number[];
  readonly radius: number;
  readonly runs: readonly PyTorchRun[];
}

export const fixture: PyTorchFixture = JSON.parse(
  Deno.readTextFileSync(new URL("./fixtures/pytorch_mlp.json", import.meta.url)),
);

/** A state dictionary as a flat vector: PyTorch's order of `parameters()`, and ours. */
export function flatten(parameters: StateDictionary): number[] {
  return Object.values(parameters).flat(2);
}
