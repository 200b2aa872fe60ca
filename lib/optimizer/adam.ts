/**
 * Adam: steps of the gradient's moving mean over the root of its moving square.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { decay, epsilon } from "~/lib/domain.ts";
import type { Vector } from "~/lib/model.ts";
import type { OptimizerDefinition, TensorStep } from "~/lib/optimizer/definition.ts";

/**
 * `m += (1 - beta1) (g - m); v = beta2 v + (1 - beta2) g^2`, both from 0; then with the bias of t
 * updates taken out, `w -= lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)`
 * (Kingma and Ba, arXiv 1412.6980; PyTorch's defaults, no weight decay).
 */
export const adam: OptimizerDefinition<{ beta1: number; beta2: number; epsilon: number }> = {
  name: "Adam",
  summary: "m and v moving means of g and g^2; w -= lr m / (sqrt(v) + epsilon), bias corrected",
  parameters: {
    beta1: { schema: decay, default: 0.9, help: "share of the mean that is kept" },
    beta2: { schema: decay, default: 0.999, help: "share of the mean square that is kept" },
    epsilon: { schema: epsilon, default: 1e-8, help: "added to the root" },
  },
  rule: ({ beta1, beta2, epsilon }) => ({
    slots: ["mean", "meanSquare"],
    step({ parameters, gradient, slots }, { learningRate, t }): void {
      const [m, v] = slots as [Vector, Vector];
      const [bias1, bias2] = [1 - beta1 ** t, 1 - beta2 ** t];
      for (let i = 0; i < parameters.length; i++) {
        const g = gradient[i]!;
        m[i] = beta1 * m[i]! + (1 - beta1) * g;
        v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
        parameters[i]! -= learningRate * (m[i]! / bias1) / (Math.sqrt(v[i]! / bias2) + epsilon);
      }
    },
    kernel: {
      name: "adamStep",
      // Differences from 1 are taken here: in float32, 1 - 0.999 is off by 5e-5 of itself.
      coefficients: ({ learningRate, t }) => [
        learningRate / (1 - beta1 ** t),
        1 - beta1,
        beta2,
        1 - beta2,
        Math.sqrt(1 - beta2 ** t),
        epsilon,
      ],
    },
    tensorStep(tf, { weight, gradient, slots, learningRate, t }): TensorStep {
      const m = tf.add(tf.mul(slots[0]!, beta1), tf.mul(gradient, 1 - beta1));
      const v = tf.add(tf.mul(slots[1]!, beta2), tf.mul(tf.square(gradient), 1 - beta2));
      const ofUpdates = (value: (t: number) => number): Tensor =>
        tf.tensor3d(t.map(value), [t.length, 1, 1]);
      const bias1 = ofUpdates((t) => 1 - beta1 ** t);
      const root2 = ofUpdates((t) => Math.sqrt(1 - beta2 ** t));
      const root = tf.add(tf.div(tf.sqrt(v), root2), epsilon);
      const step = tf.div(tf.mul(tf.div(learningRate, bias1), m), root);
      return { weight: tf.sub(weight, step), slots: [m, v] };
    },
  }),
  color: "#009e73",
  symbol: "square",
};
