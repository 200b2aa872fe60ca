/**
 * One trajectory, any stop, any measure: what is asked later costs what is missing and no more.
 *
 * @module
 */
import { join } from "node:path";
import type { Engine, Stack } from "~/lib/engine.ts";
import { OPTIMIZER_NAMES } from "~/lib/optimizer.ts";
import { type RunOutcome } from "~/lib/reproduce.ts";
import { formatRecord, parseRecord, runAt, runsAt, type TrajectoryContent } from "~/lib/results.ts";
import type { Study } from "~/lib/study.ts";
import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { vary } from "~/tests/fixtures/synthetic_results.ts";
import { listFiles } from "~/tests/fixtures/temporary_folder.ts";
import {
  abortAt,
  alone,
  assertSame,
  change,
  contents,
  openTiny,
  RUNS,
  STUDY,
  uninterrupted,
  withPlace,
} from "~/tests/fixtures/tiny_study.ts";

/** The same measures at every stop, so that it does not matter which one is asked first. */
const measures: Study["measures"] = {
  first: ["generalization-gap", "sharpness(directions=2)"],
  others: ["generalization-gap", "sharpness(directions=2)"],
};
const NAME = "lr=0.1,batch=60,seed=0";

const contentOf = ({ records: [record] }: RunOutcome): TrajectoryContent => record!.content;
const numbers = (epochs: readonly string[]): number[] =>
  epochs.map((epoch) => Number(epoch.split(" ").at(-1)));
const networksIn = (folder: string): string[] =>
  listFiles(join(folder, "models"))
    .flatMap((path) => /\.(\w+=?\d*)\.safe\w+$/.exec(path)?.[1] ?? []).sort();

Deno.test("run() trains, evaluates and measures every trajectory of the grid, in its order", () =>
  withPlace(async ({ compute, epochs, messages }) => {
    const { records, cachedRuns, computedRuns, missingRuns } = await compute();
    assertEquals([cachedRuns, computedRuns, missingRuns, RUNS], [0, RUNS, 0, 4]);
    assertEquals([epochs.length, messages], [3 * RUNS, []]);
    const runs = runsAt(STUDY, records);
    assertEquals(
      runs.map(({ config: { optimizer, batchSize } }) => `${optimizer} ${batchSize}`),
      ["SGD 60", "AdaGrad 60", "SGD 32", "AdaGrad 32"],
    );
    for (const [index, { training, network, measures }] of runs.entries()) {
      assertEquals([training.epochs, training.stopped], [3, "reached"]);
      // The floor of the loss, and more than chance on average.
      const { trainLoss, distance, weightNorm } = network!;
      assert(trainLoss > 0.2784 && trainLoss < 3);
      assert(distance > 0 && distance < 3 * weightNorm);
      assertEquals(Object.keys(measures).sort(), ["generalization-gap", "sharpness(directions=3)"]);
      const { content, provenance } = records[index]!;
      assertEquals(content.stops, { "epochs:3": 3 });
      assertEquals(provenance.map(({ did, from = null, to }) => [did, from, to]), [
        ["trained", 0, 3],
        ["measured sharpness(directions=3), generalization-gap", null, 3],
      ]);
    }
  }));

for (const optimizer of [...OPTIMIZER_NAMES, "SGD(momentum=0.9)"]) {
  Deno.test(`run() with a stricter stop later: the bytes of both at once [${optimizer}]`, async () => {
    // Every change is below 9 nats: epochs 4 and 8.
    const [loose, strict] = ["cumulative:9:2", "cumulative:9:6"];
    const wanted = await uninterrupted(alone(optimizer, { measures, stops: [strict, loose] }));
    await withPlace(async ({ folder, compute, epochs, messages }) => {
      await compute(alone(optimizer, { measures, stops: [loose] }));
      assertEquals(networksIn(folder), ["epoch=4", "latest"]);
      const outcome = await compute(alone(optimizer, { measures, stops: [strict, loose] }));
      assertEquals(contentOf(outcome).stops, { [loose]: 4, [strict]: 8 });
      assertEquals(numbers(epochs), [1, 2, 3, 4, 5, 6, 7, 8]);
      assertEquals(messages, [`${optimizer} ${NAME}: going on after epoch 4`]);
      assertSame(await contents(folder), wanted);
    });
  });
}

const cases = [
  // SGD has no state: any network that is kept will do. AdaGrad's is kept with the newest only.
  ["SGD", 3, [1, 2, 3, 4, 5, 3], "epoch 3 is"],
  ["AdaGrad", 1, [1, 2, 3, 4, 5, 1, 2, 3], "epochs 1 to 3 are"],
] as const;
for (const [optimizer, from, trained, what] of cases) {
  Deno.test(`run() trains a network again that was passed, and says so [${optimizer}]`, async () => {
    const study = (...stops: string[]): Study => alone(optimizer, { measures, stops });
    const wanted = await uninterrupted(study("epochs:2", "epochs:3", "epochs:5"));
    await withPlace(async ({ folder, compute, epochs, messages }) => {
      await compute(study("epochs:2", "epochs:5"));
      const { computedRuns, records: [record] } = await compute(study("epochs:3"));
      assertEquals(computedRuns, 1);
      const [first, again] = record!.provenance.filter(({ did }) => did.startsWith("trained"));
      assertEquals([first!.did, first!.from, first!.to], ["trained", 0, 5]);
      assertEquals([again!.did, again!.from, again!.to], ["trained again", from - 1, 3]);
      assertEquals(numbers(epochs), [...trained]);
      assertEquals(messages, [
        `${optimizer} ${NAME}: ${what} trained again, as the network of epoch 3 was not kept`,
      ]);
      assertSame(await contents(folder), wanted);
    });
  });
}

Deno.test("run() of a measure that is added trains nothing and leaves what was measured", () =>
  withPlace(async ({ folder, compute, epochs }) => {
    const before = contentOf(await compute(alone("AdaGrad")));
    const models = await contents(join(folder, "models"));
    epochs.length = 0;
    const more = {
      ...STUDY.measures,
      first: [...STUDY.measures.first, "antithetic(directions=2)"],
    };
    const outcome = await compute(alone("AdaGrad", { measures: more }));
    const after = contentOf(outcome);
    assertEquals([outcome.computedRuns, epochs], [1, []]);
    assertSame(await contents(join(folder, "models")), models);
    const [antithetic, ...others] = after.networks[0]!.measures;
    assertEquals(antithetic!.measure, "antithetic");
    assertEquals({ ...after, networks: [{ ...after.networks[0]!, measures: others }] }, before);
    assertEquals((await compute(alone("AdaGrad"))).cachedRuns, 1);
  }));

Deno.test("run() keeps the state for a measure that needs it, wherever its stop lies", async () => {
  const first = [...measures.first, "preconditioned-lambda-max(iterations=2)"];
  const asked = alone("AdaGrad", {
    measures: { ...measures, first },
    stops: ["epochs:2", "epochs:4"],
  });
  const wanted = await uninterrupted(asked);
  await withPlace(async ({ folder, compute, epochs, messages }) => {
    // Asked for when only the newest state, that of epoch 4, is there.
    await compute({ ...asked, measures });
    epochs.length = 0;
    const { missingRuns } = await compute(asked);
    assertEquals([missingRuns, epochs.length], [0, 2]);
    assertMatch(messages[0]!, /epochs 1 to 2 are trained again/);
    const found = await contents(folder);
    // The network of epoch 4 was kept without its state, as nobody asked for it.
    const last = [...wanted.keys()].find((path) => path.includes("epoch=4"))!;
    wanted.delete(last);
    found.delete(last);
    assertSame(found, wanted);
  });
});

Deno.test("run() removes networks at loss stops once they are measured, and no others", () =>
  withPlace(async ({ folder, compute }) => {
    // The loss is below 9 nats from the first epoch on, and 0 never.
    const study = alone("SGD", { stops: ["epochs:2", "loss:9", "loss:0"] });
    const { epoch, measures } = contentOf(await compute(study)).networks[0]!;
    assertEquals([epoch, measures.map(({ measure }) => measure)], [1, ["generalization-gap"]]);
    assertEquals(networksIn(folder), ["epoch=2", "latest"]);
    assertEquals((await compute(study)).cachedRuns, 1);
    // The same epoch as the limit's, whose network the figures' stop has.
    const limited = { ...study, maxEpochs: 1, stops: ["epochs:2", "loss:9"] };
    await compute(limited, { networks: true });
    assertEquals(networksIn(folder), ["epoch=1", "epoch=2", "latest"]);
  }));

Deno.test("run() takes the network of the epoch limit where a stop is not reached, and goes on", () =>
  withPlace(async ({ folder, compute, epochs }) => {
    const study = alone("AdaGrad", { maxEpochs: 2 });
    const { records: [record] } = await compute(study);
    const run = runAt(study, record!, "epochs:3")!;
    assertEquals([run.training.stopped, run.training.epochs], ["epoch limit", 2]);
    assertEquals(Object.keys(run.measures), study.measures.first);
    assertEquals([record!.content.stops, networksIn(folder)], [{}, ["epoch=2", "latest"]]);
    assertEquals((await compute(study)).cachedRuns, 1);
    await compute(alone("AdaGrad"));
    assertEquals(epochs.length, 3);
    // No epochs at all: the initial network.
    const none = alone("AdaGrad", { maxEpochs: 0 });
    const [initial] = runsAt(none, (await compute(none)).records);
    assertEquals([initial!.training.epochs, initial!.network!.distance], [0, 0]);
  }));

Deno.test("run() ends a trajectory that diverges with its epoch, and finishes the others", () =>
  withPlace(async ({ compute }) => {
    const study = change({
      grid: { optimizers: ["SGD"], effects: ["learning-rate"], learningRates: [1e30, 0.1] },
    });
    const { records, computedRuns } = await compute(study, { checkpointSeconds: 0 });
    const [wild, tame] = runsAt(study, records);
    assertEquals([computedRuns, tame!.training.epochs], [2, 3]);
    const { stopped, epochs, epochLosses } = wild!.training;
    // The first step, after the first epoch's only loss, leaves weights of no use.
    assertEquals([stopped, epochs, epochLosses.length], ["diverged", 1, 1]);
    const { cachedRuns } = await compute(study);
    assertEquals([wild!.network, wild!.measures, cachedRuns], [undefined, {}, 2]);
    // A network is wanted that is not finite though its epoch's loss was: that epoch diverged.
    const early = { ...study, stops: ["epochs:3", "epochs:1"] };
    const again = await compute(early);
    assertEquals(again.records[0]!.content.epochLosses, []);
    assertEquals([again.missingRuns, (await compute(early)).cachedRuns], [0, 2]);
  }));

Deno.test("run() draws from a record with measures from the future, and leaves them whole", () =>
  withPlace(async ({ folder, compute }) => {
    const { records: [record] } = await compute(alone("SGD"));
    const { content, ...rest } = record!;
    const [network] = content.networks;
    const [own] = network!.measures;
    const future = { ...own!, measure: "entropy", protocol: { kind: "x" }, more: [1] };
    const networks = [{ ...network!, measures: [future, ...network!.measures] }];
    const stops = { ...content.stops, "curvature:2": 2 };
    const path = join(folder, "results", listFiles(join(folder, "results")).at(-1)!);
    const changed = { ...rest, content: { ...content, stops, networks } };
    await Deno.writeTextFile(path, formatRecord(changed));
    const { cachedRuns, records } = await compute(alone("SGD"));
    assertEquals([cachedRuns, runsAt(alone("SGD"), records).length], [1, 1]);
    await compute(alone("SGD", { stops: ["epochs:3", "loss:9"] }));
    const after = parseRecord(await Deno.readTextFile(path)).content;
    assertEquals(after.stops, { "curvature:2": 2, "epochs:3": 3, "loss:9": 1 });
    const { measures } = after.networks.at(-1)!;
    assertEquals(measures.find(({ measure }) => measure === "entropy"), future);
  }));

Deno.test("run() in shuffled order: a trajectory of its own, interrupted or not the same bytes", async () => {
  const file = vary(alone("AdaGrad", { stops: ["epochs:5"] }), { baseBatchSize: 32 });
  const shuffled: Study = { ...file, order: "shuffled" };
  await withPlace(async ({ folder, compute }) => {
    const { reason, options } = abortAt(1, "epoch 4");
    assertEquals(await assertRejects(() => compute(shuffled, options)), reason);
    const { records: [record] } = await compute(shuffled);
    const found = await contents(folder);
    assertSame(found, await uninterrupted(shuffled));
    assert([...found.keys()].every((path) => path.includes(",seed=0,order=shuffled.")));
    assertEquals(record!.content.trajectory["order"], "shuffled");
    // File order is the default, in no name and no record, and another trajectory.
    const { records: [other] } = await compute(file);
    assertEquals("order" in other!.content.trajectory, false);
    assertNotEquals(other!.content.epochLosses[0], record!.content.epochLosses[0]);
  });
});

Deno.test("run() in stacks of one optimizer and batch size ends with the bytes of one by one", async () => {
  const study = change({ stops: ["epochs:4", "epochs:2"], grid: { seeds: [0, 1, 2, 3] } });
  const { engine, dataset } = await openTiny();
  const sizes: number[] = [];
  const stacking: Engine = {
    ...engine,
    stackSize: () => 3,
    createStack(options, members): Promise<Stack> {
      sizes.push(members.length);
      return engine.createStack(options, members);
    },
  };
  await withPlace(async ({ folder, compute, messages }) => {
    await compute(study, { opened: { engine: stacking, dataset } });
    // Four seeds of each of four.
    assertEquals([sizes.sort(), messages], [[1, 1, 1, 1, 3, 3, 3, 3], []]);
    assertSame(await contents(folder), await uninterrupted(study));
  });
});
