import { startMeter } from "~/lib/files/progress.ts";
import { assertEquals } from "@std/assert";

Deno.test("startMeter() counts to its total, and calls nothing done that goes beyond it", () => {
  const meter = startMeter(0.3);
  meter.add(0.1);
  assertEquals(meter.report("a"), { message: "a", done: 0.1, total: 0.3 });
  // 0.1 + 0.2 is 0.30000000000000004.
  meter.add(0.2);
  assertEquals(meter.report("b").done, 0.1 + 0.2);
  meter.add(0.1);
  assertEquals(meter.report("c"), { message: "c", done: 0.99 * 0.3, total: 0.3 });
  meter.expect(0.5);
  const { done, total } = meter.report("d");
  assertEquals([done, total], [0.1 + 0.2 + 0.1, 0.8]);
});
