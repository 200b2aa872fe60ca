/** What the order of the images does, on a tiny data set and on made-up records. @module */
import { UsageError } from "~/lib/domain.ts";
import { compareOrders, orderSentences, orderTable } from "~/lib/findings.ts";
import { initialise } from "~/lib/model.ts";
import { traceOrder } from "~/lib/reproduce.ts";
import { axesStudy, listTrajectories, shuffledStudy } from "~/lib/study.ts";
import {
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { syntheticRecords, vary } from "~/tests/fixtures/synthetic_results.ts";
import { alone, withPlace } from "~/tests/fixtures/tiny_study.ts";

Deno.test("compareOrders() pairs each shuffled cell with the same cell in file order", () => {
  const records = [axesStudy, shuffledStudy].flatMap((study) =>
    syntheticRecords(study, ({ order, learningRate, seed }) => ({
      // Shuffled networks are half as sharp at 0.1. Elsewhere they are two thirds as sharp, by
      // p = 0.03 each: two such are no finding.
      samples: [
        (order ? learningRate === 0.1 ? 0.5 : Math.exp(0.15 * (seed - 1) - 0.5) : 1) *
        (1 + 0.1 * seed),
      ],
    }))
  );
  const found = compareOrders(axesStudy, shuffledStudy, records)
    .filter(({ place, measure }) => place === "at cumulative:1e-3" && measure === "sharpness");
  assertEquals(found.map(({ learningRate, verdict, n }) => [learningRate, verdict, n]), [
    [1e-3, "inconclusive", 3],
    [1e-2, "inconclusive", 3],
    [1e-1, "falls", 3],
  ]);
  assertAlmostEquals(found[2]!.estimate, 0.5, 1e-12);
  assertEquals(orderTable(found).numRows(), 3);
  // A cell that is in one order only is compared with nothing.
  const wider = vary(shuffledStudy, {
    pairs: [...shuffledStudy.grid.pairs, { learningRate: 1e-1, batchSize: 64 }],
  });
  assertEquals(
    compareOrders(axesStudy, wider, records),
    compareOrders(axesStudy, shuffledStudy, records),
  );
});

Deno.test("traceOrder() evaluates every epoch, ends where the rule ends on both losses, and is kept", async () => {
  const [trajectory] = listTrajectories(alone("SGD"));
  const whole = { ...trajectory!, batchSize: 20 };
  await withPlace(async ({ options, compute }) => {
    const asked = { ...options, rule: "epochs:3" };
    const file = (await traceOrder(whole, asked))!;
    const shuffled = (await traceOrder({ ...whole, order: "shuffled" }, asked))!;
    assertEquals([file, shuffled].map(({ epochs, ages }) => [epochs.length, ages.length]), [
      ...[[3, 3], [3, 3]],
    ]);
    // The same numbers as a study's record has, and as the network at the end.
    const study = alone("SGD", { stops: ["epochs:3"] });
    const pairs = [{ learningRate: 0.1, batchSize: 20 }];
    const { records: [record] } = await compute(vary(study, { effects: ["pairs"], pairs }));
    assertEquals(file.epochs.map(({ batches }) => batches), record!.content.epochLosses);
    assertAlmostEquals(file.epochs[2]!.fullSet, record!.content.networks[0]!.trainLoss, 1e-6);
    assertNotEquals(file.epochs[0]!.batches, shuffled.epochs[0]!.batches);
    const kept = { ...asked, cachedOnly: true };
    assertEquals(await traceOrder(whole, kept), JSON.parse(JSON.stringify(file)));
    assertEquals(await traceOrder(whole, { ...kept, rule: "epochs:4" }), undefined);
    const [sentence] = orderSentences([file, shuffled]);
    assertMatch(
      sentence!,
      /, in file order: .* nats above .* ended 1 of 1 run, at epoch 3\. .* ended 1 of 1 run, at epoch 3\.$/,
    );
    // A rule that is never met, as training diverges.
    const diverged = { ...whole, learningRate: 1e20 };
    const lost = (await traceOrder(diverged, { ...asked, rule: "loss:0" }))!;
    assertEquals(await traceOrder(diverged, { ...kept, rule: "loss:0" }), lost);
    assertMatch(orderSentences([lost])[0]!, /: the stop is not reached\. Within 0 epochs /);
    // From given weights, as from the seed that they are of.
    const seeded = { ...whole, seed: 7 };
    const given = { ...whole, init: "0123456789ab" };
    const initial = initialise(whole.sizes, 7);
    const [own, begun] = [
      await traceOrder(seeded, asked),
      await traceOrder(given, { ...asked, initial }),
    ];
    assertEquals(begun!.epochs, own!.epochs);
    assertEquals(initial, initialise(whole.sizes, 7));
    await assertRejects(
      () => traceOrder({ ...given, batchSize: 30 }, asked),
      UsageError,
      "together",
    );
  });
});
