/**
 * What every engine refuses: networks that do not fit a data set, arrays that do not fit a network.
 *
 * @module
 */
import type { Dataset } from "~/lib/dataset.ts";
import type { Engine, Hessian, Member, Stack, StackOptions } from "~/lib/engine/engine.ts";
import { countParameters, type LayerSizes, type SharedFloats } from "~/lib/model.ts";
import { parseOptimizer } from "~/lib/optimizer.ts";

/**
 * An engine on a data set that refuses, with a RangeError, layer sizes whose first layer has other
 * inputs than the images or whose last has fewer outputs than there are classes; models, members and
 * vectors that are not as long as the network and the optimizer ask for.
 */
export function checkedEngine<E extends Engine>({ train, test }: Dataset, engine: E): E {
  const inputs = train.pixels.length / train.size;
  const classes = 1 + Math.max(largest(train.labels), largest(test.labels));
  function check(sizes: LayerSizes, models: readonly SharedFloats[] = []): void {
    const [first, ...others] = sizes;
    const refuse = (part: string, value: unknown): never => {
      throw new RangeError(
        `Cannot run a network on these images as its ${part}: current value is ${value}`,
      );
    };
    const last = others.at(-1);
    if (first !== inputs) refuse(`first layer must have ${inputs} inputs`, first);
    if (!(last! >= classes)) refuse(`last layer must have ${classes} outputs or more`, last);
    const P = countParameters(sizes);
    const wrong = models.find(({ length }) => length !== P);
    if (wrong === undefined) return;
    throw new RangeError(
      `Cannot run a network of sizes ${sizes} as it must have ${P} parameters: ` +
        `current number is ${wrong.length}`,
    );
  }
  /** The method, for networks that fit. */
  const fitting = <A extends unknown[], T>(
    method: (sizes: LayerSizes, models: readonly SharedFloats[], ...args: A) => Promise<T>,
  ): typeof method =>
  async (sizes, models, ...args): Promise<T> => {
    check(sizes, models);
    return await method(sizes, models, ...args);
  };
  return {
    ...engine,
    async createStack(options, members): Promise<Stack> {
      check(options.sizes);
      checkMembers(options, members);
      return await engine.createStack(options, members);
    },
    evaluate: fitting(engine.evaluate),
    perturbedLosses: fitting(engine.perturbedLosses),
    async openHessian(sizes, model, signal): Promise<Hessian> {
      check(sizes, [model]);
      const { multiply } = await engine.openHessian(sizes, model, signal);
      const P = model.length;
      return {
        async multiply(vectors): Promise<SharedFloats[]> {
          const wrong = vectors.find(({ length }) => length !== P);
          if (wrong === undefined) return await multiply(vectors);
          throw new RangeError(
            `Cannot multiply by the Hessian as a vector must have ${P} numbers: ` +
              `current number is ${wrong.length}`,
          );
        },
      };
    },
  };
}

function largest(values: Uint8Array): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

function checkMembers({ sizes, optimizer }: StackOptions, members: readonly Member[]): void {
  const P = countParameters(sizes);
  const numbers = P * parseOptimizer(optimizer).slots.length;
  for (const { parameters, state } of members) {
    if (parameters.length === P && state.length === numbers) continue;
    throw new RangeError(
      `Cannot train a network of sizes ${sizes} as it must have ${P} parameters and ` +
        `${numbers} numbers of state: it has ${parameters.length} and ${state.length}`,
    );
  }
}
