/**
 * RMSprop: steps of the gradient over the root of its moving square.
 *
 * @module
 */
import { decay, epsilon } from "~/lib/domain.ts";
import type { OptimizerDefinition, TensorStep } from "~/lib/optimizer/definition.ts";

/**
 * `v = alpha v + (1 - alpha) g^2; w -= lr g / (sqrt(v) + epsilon)`, v from 0 (Tieleman and Hinton,
 * https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf; PyTorch's defaults,
 * without momentum, not centred).
 */
export const rmsprop: OptimizerDefinition<{ alpha: number; epsilon: number }> = {
  name: "RMSprop",
  summary: "v the moving mean of g^2; w -= lr g / (sqrt(v) + epsilon)",
  parameters: {
    alpha: { schema: decay, default: 0.99, help: "share of the mean square that is kept" },
    epsilon: { schema: epsilon, default: 1e-8, help: "added to the root" },
  },
  rule: ({ alpha, epsilon }) => ({
    slots: ["meanSquare"],
    step({ parameters, gradient, slots: [v] }, { learningRate }): void {
      for (let i = 0; i < parameters.length; i++) {
        const g = gradient[i]!;
        v![i] = alpha * v![i]! + (1 - alpha) * g * g;
        parameters[i]! -= learningRate * g / (Math.sqrt(v![i]!) + epsilon);
      }
    },
    kernel: {
      name: "rmspropStep",
      coefficients: ({ learningRate }) => [learningRate, alpha, 1 - alpha, epsilon],
    },
    tensorStep(tf, { weight, gradient, slots, learningRate }): TensorStep {
      const v = tf.add(tf.mul(slots[0]!, alpha), tf.mul(tf.square(gradient), 1 - alpha));
      const step = tf.div(tf.mul(learningRate, gradient), tf.add(tf.sqrt(v), epsilon));
      return { weight: tf.sub(weight, step), slots: [v] };
    },
  }),
  color: "#cc79a7",
  symbol: "triangle",
};
