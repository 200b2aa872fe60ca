/**
 * Threads and their queue: who answers, and what becomes of a thread that fails.
 *
 * @module
 */
import { openPool, type Pool } from "~/lib/engine/cpu/pool.ts";
import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { makeSplit } from "~/tests/fixtures/tiny_dataset.ts";

const split = makeSplit([0], [0]);
const open = { splits: { train: split, test: split }, library: "onnxruntime" } as const;
const failing = new URL("../fixtures/failing_worker.ts", import.meta.url);

/** The thread that answers, by a number of its own. */
function askWho(pool: Pool): Promise<number> {
  return pool.run("gemmRate", { repeats: 2 });
}

Deno.test("openPool(): a thread that failed gets no other task, another takes its place", async () => {
  const pool = await openPool(1, open, failing);
  const before = await askWho(pool);
  assertEquals(await askWho(pool), before);
  const broken = pool.run("gemmRate", { repeats: 0 });
  // These wait in the queue while the thread fails.
  const behind = [askWho(pool), askWho(pool)];
  const { message } = await assertRejects(() => broken, Error);
  assertEquals(message, "A thread of the CPU engine failed: Uncaught Error: out of order");
  const [after, again] = await Promise.all(behind);
  assertNotEquals(after, before);
  assertEquals(again, after);
  pool.close();
});

Deno.test("openPool(): a thread that reports an error goes on", async () => {
  const pool = await openPool(1, open, failing);
  const before = await askWho(pool);
  const { message } = await assertRejects(() => pool.run("gemmRate", { repeats: 1 }), Error);
  assertEquals(message, "wrong task");
  assertEquals(await askWho(pool), before);
  pool.close();
});

Deno.test("openPool(): what cannot be sent is refused, and the thread is free", async () => {
  const pool = await openPool(1, open, failing);
  const unsendable = { repeats: (() => {}) as unknown as number };
  await assertRejects(() => pool.run("gemmRate", unsendable), Error, "Cannot ask a thread");
  assertEquals(typeof await askWho(pool), "number");
  pool.close();
});

Deno.test("openPool() rejects if its threads do not start", async () => {
  const missing = new URL("../fixtures/no_such_worker.ts", import.meta.url);
  await assertRejects(() => openPool(2, open, missing), Error, "A thread of the CPU engine failed");
});
