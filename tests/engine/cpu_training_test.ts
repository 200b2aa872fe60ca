/**
 * Training on the CPU engine, on every matrix library: float64's numbers, and what must not matter.
 *
 * @module
 */
import { createCpuEngine } from "~/lib/engine/cpu/cpu_engine.ts";
import { initialise, layoutLayers } from "~/lib/model/layout.ts";
import { allocateState, OPTIMIZER_NAMES, parseOptimizer } from "~/lib/optimizer.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertLessOrEqual,
  assertRejects,
} from "@std/assert";
import { testLibraries, withEngine } from "~/tests/fixtures/engine_cpu_fixture.ts";
import {
  furthest,
  trainingTolerance,
  trainReference,
} from "~/tests/fixtures/reference_training.ts";
import {
  makeMember,
  randomDataset,
  referenceSplit,
  share,
  train,
} from "~/tests/fixtures/tiny_dataset.ts";

/** Every optimizer, and what its hyperparameters switch on. */
const OPTIMIZERS = [...OPTIMIZER_NAMES, "SGD(momentum=0.9)", "SGD(momentum=0.8,nesterov=true)"];

const SHAPES: [number[], number[]][] = [
  // A network of one layer, odd sizes, sizes beyond a SIMD vector and a cache line.
  [[5, 3], [7, 16, 50, 1000]],
  [[9, 17, 4], [7, 50]],
  [[21, 37, 10, 3], [16, 49]],
];
const TALL = [6, 7, 5, 4];

testLibraries(
  "trainEpoch() follows float64, any batch size, the last one partial",
  async (library) => {
    for (const [sizes, batchSizes] of SHAPES) {
      await compareWithReference(library, sizes, { rows: 50, batchSizes });
    }
  },
);

testLibraries("trainEpoch() follows float64 over several blocks of 512 rows", async (library) => {
  await compareWithReference(library, TALL, { rows: 1100, batchSizes: [513, 600, 1100] });
  // Panels of 64 rows of the first layer's gradient: 70 units, batches of 64 rows or fewer.
  await compareWithReference(library, [5, 70, 3], { rows: 90, batchSizes: [60, 90] });
});

testLibraries(
  "SGD rounds a weight once a step, however many blocks of rows a batch has",
  async (library) => {
    const sizes = [6, 8, 4];
    const rows = 16 * 512;
    const dataset = randomDataset(sizes, rows);
    // A block's part of a step is below a weight's rounding, the step is above it.
    const learningRate = 2 ** -18;
    await withEngine({ dataset, library }, async (engine) => {
      const member = makeMember(sizes, { seed: 1, learningRate, optimizer: "SGD" });
      const before = member.parameters.slice();
      const [found] = await engine.gradients(sizes, [member.parameters]);
      const options = { sizes, batchSize: rows, optimizer: "SGD" };
      const { members } = await train(engine, options, { members: [member], epochs: 1 });
      const exact = Array.from(before, (w, index) => w - learningRate * found!.gradient[index]!);
      // Weights are below 1/2: a rounding is 2^-26 at most, and the gradient has its own.
      assertLessOrEqual(furthest(members[0]!.parameters, exact), 2 ** -25);
      assertLess(2 ** -23, furthest(exact, before));
    });
  },
);

/** Two epochs of every optimizer. */
async function compareWithReference(
  library: Parameters<typeof withEngine>[0]["library"],
  sizes: number[],
  { rows, batchSizes }: { rows: number; batchSizes: number[] },
): Promise<void> {
  const dataset = randomDataset(sizes, rows);
  const data = referenceSplit(dataset.train);
  await withEngine({ dataset, library }, async (engine) => {
    for (const batchSize of batchSizes) {
      for (const optimizer of OPTIMIZERS) {
        const learningRate = 0.05;
        const parameters = initialise(sizes, 3);
        // State that is not 0: from 0, first steps are the gradient's sign with some, and where the
        // gradient is 0 that of its rounding. A step depends on its number too.
        const state = allocateState(optimizer, parameters.length).fill(0.01);
        const epochs = { before: 3, epochs: 2 };
        const run = { sizes, optimizer, learningRate, batchSize, ...epochs, parameters, state };
        const exact = trainReference(run, data);
        const member = { learningRate, parameters, state, epochs: 3 };
        const { losses, members } = await train(engine, run, { members: [member], epochs: 2 });
        const name = `${sizes} ${optimizer} ${batchSize}`;
        const tolerance = trainingTolerance(run, data);
        const steps = 2 * Math.ceil(rows / batchSize);
        // Each step rounds parameters and state to 2^-24 of their size, below 1 here; its gradient is
        // rounded as its terms are, which the normalisation makes up to 20 times as large; and
        // momentum m adds 1 / (1 - m) such gradients up.
        const storage = steps * 2 ** -24;
        const { momentum = 0 } = parseOptimizer(optimizer).hyperparameters;
        const terms = 20 * 2 ** -24 / (1 - Number(momentum));
        assertLess(tolerance.parameters, 1e-4, name);
        assertLessOrEqual(furthest(losses.flat(), exact.losses), tolerance.losses, name);
        const rounding = { parameters: learningRate * steps * terms, state: terms };
        const { bias } = layoutLayers(sizes).at(-1)!;
        const P = parameters.length;
        for (const part of ["parameters", "state"] as const) {
          const found = members[0]![part];
          // The last biases' gradient is 0: the engine leaves them and their state alone.
          for (let from = 0; from < found.length; from += P) {
            assertLessOrEqual(
              furthest(found.subarray(from, from + bias), exact[part].subarray(from, from + bias)),
              tolerance[part] + storage + rounding[part],
              name,
            );
            const untouched = member[part].slice(from + bias, from + P);
            assertEquals(found.slice(from + bias, from + P), untouched, name);
          }
        }
      }
    }
  });
}

testLibraries("trainEpoch() with batches of one row: loss ln C, no gradient", async (library) => {
  const sizes = [5, 4, 3];
  const dataset = randomDataset(sizes, 20);
  await withEngine({ dataset, library }, async (engine) => {
    for (const optimizer of ["SGD", "AdaGrad", "Adam"]) {
      const member = makeMember(sizes, { seed: 1, learningRate: 1e-3, optimizer });
      const { losses, members } = await train(engine, { sizes, batchSize: 1, optimizer }, {
        members: [member],
        epochs: 1,
      });
      // One row's logits are all normalised to 0.
      assertAlmostEquals(losses[0]![0]!, Math.log(3), 1e-12);
      assertEquals(members[0]!.parameters, member.parameters);
    }
  });
});

testLibraries(
  "a stack of four on 1 and on 2 threads is four stacks of 1, to the bit",
  async (library) => {
    const sizes = [9, 17, 4];
    const dataset = randomDataset(sizes, 90);
    for (const optimizer of OPTIMIZERS) {
      const options = { sizes, batchSize: 16, optimizer };
      const members = [0.1, 0.01, 0.1, 0.05].map((learningRate, seed) =>
        makeMember(sizes, { seed, learningRate, optimizer })
      );
      const [one, two] = await Promise.all([1, 2].map((threads) =>
        withEngine(
          { dataset, library, threads },
          (engine) => train(engine, options, { members, epochs: 3 }),
        )
      ));
      assertEquals(one, two);
      await withEngine({ dataset, library }, async (engine) => {
        for (const [index, member] of members.entries()) {
          const alone = await train(engine, options, { members: [member], epochs: 3 });
          assertEquals(alone.losses.flat(), one!.losses.map((losses) => losses[index]!));
          assertEquals(alone.members[0], one!.members[index]!);
        }
      });
    }
  },
);

testLibraries("createStack() leaves members' arrays alone until save()", async (library) => {
  const sizes = [9, 17, 4];
  const dataset = randomDataset(sizes, 40);
  await withEngine({ dataset, library }, async (engine) => {
    const member = makeMember(sizes, { seed: 1, learningRate: 0.1, optimizer: "AdaGrad" });
    const before = [member.parameters.slice(), member.state.slice()];
    const stack = await engine.createStack({ sizes, batchSize: 16, optimizer: "AdaGrad" }, [
      member,
    ]);
    await stack.trainEpoch();
    assertEquals([member.parameters.slice(), member.state.slice()], before);
    await stack.save();
    assert(furthest(member.parameters, before[0]!) > 0);
    assert(furthest(member.state, before[1]!) > 0);
    // Kept from here on: a second save writes the second epoch.
    const first = member.parameters.slice();
    await stack.trainEpoch();
    assertEquals(member.parameters.slice(), first);
    await stack.save();
    assert(furthest(member.parameters, first) > 0);
    stack.dispose();
    assertEquals(stack.size, 0);
  });
});

testLibraries("retain() drops members and changes nothing for the others", async (library) => {
  const sizes = [9, 17, 4];
  const dataset = randomDataset(sizes, 40);
  await withEngine({ dataset, library, threads: 2 }, async (engine) => {
    const options = { sizes, batchSize: 16, optimizer: "SGD" } as const;
    const members = [0.1, 0.01, 0.03].map((learningRate, seed) =>
      makeMember(sizes, { seed, learningRate, optimizer: "SGD" })
    );
    const through = await train(engine, options, { members, epochs: 3 });
    const dropped = members[1]!.parameters.slice();
    const stack = await engine.createStack(options, members);
    assertEquals(await stack.trainEpoch(), through.losses[0]!);
    stack.retain([true, false, true]);
    assertEquals(stack.size, 2);
    const others = through.losses[1]!.filter((_, index) => index !== 1);
    assertEquals(await stack.trainEpoch(), others);
    stack.retain([false, true]);
    assertEquals(await stack.trainEpoch(), [through.losses[2]![2]!]);
    await stack.save();
    assertEquals(members[2]!.parameters, through.members[2]!.parameters);
    assertEquals(members[1]!.parameters.slice(), dropped);
  });
});

testLibraries("a member that diverges leaves the others as they are", async (library) => {
  const sizes = [9, 17, 4];
  const dataset = randomDataset(sizes, 40);
  await withEngine({ dataset, library, threads: 2 }, async (engine) => {
    const options = { sizes, batchSize: 16, optimizer: "SGD" } as const;
    const [wild, tame] = [1e30, 0.05].map((learningRate) =>
      makeMember(sizes, { seed: 1, learningRate, optimizer: "SGD" })
    );
    const alone = await train(engine, options, { members: [tame!], epochs: 3 });
    const work = { members: [wild!, tame!, wild!], epochs: 3 };
    const together = await train(engine, options, work);
    assertEquals(together.losses.map((losses) => losses[1]!), alone.losses.flat());
    assertEquals(together.members[1], alone.members[0]!);
    for (const index of [0, 2]) assert(!Number.isFinite(together.losses[2]![index]));
  });
});

Deno.test("both matrix libraries agree to float32's rounding", async () => {
  const dataset = randomDataset(TALL, 1100);
  const data = referenceSplit(dataset.train);
  const member = makeMember(TALL, { seed: 3, learningRate: 0.05, optimizer: "SGD" });
  const options = { sizes: TALL, batchSize: 100, optimizer: "SGD" } as const;
  // Without a BLAS this compares ONNX Runtime with itself.
  const [blas, onnx] = await Promise.all(
    [undefined, "onnxruntime" as const].map(async (library) => {
      const engine = await createCpuEngine({ dataset, threads: 1 }, library);
      try {
        return await train(engine, options, { members: [member], epochs: 2 });
      } finally {
        await engine.close();
      }
    }),
  );
  const run = {
    ...options,
    ...member,
    epochs: 2,
  };
  const tolerance = trainingTolerance(run, data).parameters;
  assertLessOrEqual(
    furthest(blas!.members[0]!.parameters, onnx!.members[0]!.parameters),
    2 * (tolerance + 22 * 2 ** -24),
  );
});

Deno.test("the last bias is never moved: its gradient is 0", async () => {
  const sizes = [9, 17, 4];
  const dataset = randomDataset(sizes, 600);
  const { bias } = layoutLayers(sizes).at(-1)!;
  const engine = await createCpuEngine({ dataset, threads: 1 });
  for (const optimizer of OPTIMIZER_NAMES) {
    for (const batchSize of [64, 600]) {
      const member = makeMember(sizes, { seed: 1, learningRate: 0.1, optimizer });
      const { members } = await train(engine, { sizes, batchSize, optimizer }, {
        members: [member],
        epochs: 2,
      });
      assertEquals(members[0]!.parameters.slice(bias), member.parameters.slice(bias));
    }
  }
  await engine.close();
});

testLibraries("training in two halves is training at once, to the bit", async (library) => {
  const sizes = [9, 17, 4];
  const dataset = randomDataset(sizes, 40);
  await withEngine({ dataset, library }, async (engine) => {
    for (const optimizer of OPTIMIZERS) {
      const options = { sizes, batchSize: 16, optimizer };
      const members = [makeMember(sizes, { seed: 1, learningRate: 0.01, optimizer })];
      const once = await train(engine, options, { members, epochs: 4 });
      const half = await train(engine, options, { members, epochs: 2 });
      const rest = await train(engine, options, { members: half.members, epochs: 2 });
      assertEquals([...half.losses, ...rest.losses], once.losses);
      assertEquals(rest.members, once.members);
    }
  });
});

testLibraries(
  "createStack() refuses what it cannot train, and nothing falls through",
  async (library) => {
    const sizes = [9, 17, 4];
    const dataset = randomDataset(sizes, 40);
    await withEngine({ dataset, library }, async (engine) => {
      const member = makeMember(sizes, { seed: 1, learningRate: 0.1, optimizer: "Adam" });
      const options = { sizes, batchSize: 16 };
      for (
        const [optimizer, message] of [
          ["Lion", "Cannot use optimizer Lion as it must be AdaGrad or "],
          [
            "AdaGrad",
            "Cannot train a network of sizes 9,17,4 as it must have 242 parameters and 242 numbers of " +
            "state: it has 242 and 484",
          ],
        ] as const
      ) {
        await assertRejects(
          () => engine.createStack({ ...options, optimizer }, [member]),
          RangeError,
          message,
        );
      }
      assertEquals(member.state, share(new Float32Array(484)));
    });
  },
);
