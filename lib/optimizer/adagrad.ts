/**
 * AdaGrad: every parameter's step shrinks with the gradients that it has seen.
 *
 * @module
 */
import { epsilon } from "~/lib/domain.ts";
import type { OptimizerDefinition, TensorStep } from "~/lib/optimizer/definition.ts";

/**
 * `a += g^2; w -= lr g / (sqrt(a) + epsilon)`, a from 0
 * (Duchi, Hazan and Singer, https://jmlr.org/papers/v12/duchi11a.html; PyTorch's defaults).
 */
export const adagrad: OptimizerDefinition<{ epsilon: number }> = {
  name: "AdaGrad",
  summary: "a += g^2; w -= lr g / (sqrt(a) + epsilon)",
  parameters: { epsilon: { schema: epsilon, default: 1e-10, help: "added to the root" } },
  rule: ({ epsilon }) => ({
    slots: ["accumulator"],
    step({ parameters, gradient, slots: [accumulator] }, { learningRate }): void {
      for (let i = 0; i < parameters.length; i++) {
        const g = gradient[i]!;
        accumulator![i]! += g * g;
        parameters[i]! -= learningRate * g / (Math.sqrt(accumulator![i]!) + epsilon);
      }
    },
    kernel: { name: "adagradStep", coefficients: ({ learningRate }) => [learningRate, epsilon] },
    tensorStep(tf, { weight, gradient, slots: [accumulator], learningRate }): TensorStep {
      const a = tf.add(accumulator!, tf.square(gradient));
      const step = tf.div(tf.mul(learningRate, gradient), tf.add(tf.sqrt(a), epsilon));
      return { weight: tf.sub(weight, step), slots: [a] };
    },
  }),
  color: "#d55e00",
  symbol: "diamond",
};
