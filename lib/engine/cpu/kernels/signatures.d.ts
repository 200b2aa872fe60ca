// deno-fmt-ignore-file
/** The kernels, as the build found them in assembly/; numbers are byte offsets, counts or scales. */
export interface Kernels {
  bytesToFloats(bytes: number, out: number, length: number): void;
  addBiasRelu(z: number, bias: number, units: number, rows: number): void;
  addBiasMasked(z: number, bias: number, h: number, units: number, rows: number): void;
  addBiasToRows(z: number, bias: number, rows: number, units: number): void;
  maskAndSum(d: number, h: number, biasGradient: number, units: number, rows: number, accumulate: boolean): void;
  addScaled(x: number, y: number, out: number, length: number, scale: number): void;
  addScaledRelu(x: number, y: number, out: number, length: number, scale: number): void;
  addScaledUnits(x: number, y: number, out: number, rows: number, units: number, scales: number, shifts: number, relu: boolean): void;
  useLogits(logits_: number, labels_: number, statistics_: number, scratch_: number, classes_: number, rows_: number, block_: number): void;
  logitStatistics(epsilon: number): void;
  correctRows(): number;
  crossEntropy(): number;
  crossEntropyGradient(d: number): number;
  crossEntropyHessian(tangents: number, d: number, out: number): void;
  sgdStep(w: number, g: number, _s: number, length: number, _stride: number, learningRate: number): void;
  adagradStep(w: number, g: number, a: number, length: number, _stride: number, learningRate: number, epsilon: number): void;
  momentumStep(w: number, g: number, b: number, length: number, _stride: number, learningRate: number, momentum: number, nesterov: number): void;
  adamStep(w: number, g: number, m: number, length: number, stride: number, rate: number, share1: number, decay2: number, share2: number, root: number, epsilon: number): void;
  rmspropStep(w: number, g: number, v: number, length: number, _stride: number, learningRate: number, decay: number, share: number, epsilon: number): void;
}
