/**
 * Stochastic gradient descent, with momentum where it is set.
 *
 * @module
 */
import { decay, flag } from "~/lib/domain.ts";
import type { OptimizerDefinition, TensorStep } from "~/lib/optimizer/definition.ts";

/**
 * `w -= lr g`; with momentum m > 0: `b = m b + g`, then `w -= lr b`, or `w -= lr (g + m b)` with
 * Nesterov's form. As PyTorch's SGD without dampening (b starts as g there, which is m 0 + g).
 */
export const sgd: OptimizerDefinition<{ momentum: number; nesterov: boolean }> = {
  name: "SGD",
  summary: "w -= lr g; with momentum b = momentum b + g and w -= lr b",
  parameters: {
    momentum: { schema: decay, default: 0, help: "share of the last step that is kept" },
    nesterov: { schema: flag, default: false, help: "looks ahead: w -= lr (g + momentum b)" },
  },
  conflict: ({ momentum, nesterov }) =>
    nesterov && momentum === 0 ? "nesterov needs a momentum > 0" : undefined,
  rule: ({ momentum, nesterov }) => ({
    slots: momentum === 0 ? [] : ["momentum"],
    step({ parameters, gradient, slots: [buffer] }, { learningRate }): void {
      for (let i = 0; i < parameters.length; i++) {
        const g = gradient[i]!;
        if (buffer === undefined) {
          parameters[i]! -= learningRate * g;
          continue;
        }
        const b = momentum * buffer[i]! + g;
        buffer[i] = b;
        parameters[i]! -= learningRate * (nesterov ? g + momentum * b : b);
      }
    },
    kernel: momentum === 0
      ? { name: "sgdStep", coefficients: ({ learningRate }) => [learningRate] }
      : {
        name: "momentumStep",
        coefficients: ({ learningRate }) => [learningRate, momentum, Number(nesterov)],
      },
    tensorStep(tf, { weight, gradient, slots: [buffer], learningRate }): TensorStep {
      if (buffer === undefined) {
        return { weight: tf.sub(weight, tf.mul(learningRate, gradient)), slots: [] };
      }
      const b = tf.add(tf.mul(buffer, momentum), gradient);
      const step = nesterov ? tf.add(gradient, tf.mul(b, momentum)) : b;
      return { weight: tf.sub(weight, tf.mul(learningRate, step)), slots: [b] };
    },
  }),
  color: "#0072b2",
  symbol: "circle",
};
