/**
 * Trajectories that are trained in stacks, as on a GPU.
 *
 * @module
 */
import type { Engine, Stack } from "~/lib/engine.ts";
import { assertEquals } from "@std/assert";
import {
  assertSame,
  change,
  contents,
  openTiny,
  uninterrupted,
  withPlace,
} from "~/tests/fixtures/tiny_study.ts";

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
