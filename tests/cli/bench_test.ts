/**
 * What `deno task bench` makes of its measurements; no test measures speed.
 *
 * @module
 */
import { describeRow, median } from "~/tests/bench/row.ts";
import { assertEquals } from "@std/assert";

Deno.test("median() is the middle one, of an even count the mean of the two in the middle", () => {
  assertEquals(median([3]), 3);
  assertEquals(median([10, 1, 2]), 2);
  assertEquals(median([4, 1, 10, 2]), 3);
  assertEquals(median([100, 9]), 54.5);
});

Deno.test("describeRow() says images/s of training, seconds and passes of the full set", () => {
  const common = { batchSize: 128, engine: "OpenBLAS 0.3.21 Zen", threads: 2, images: 2048 };
  assertEquals(
    describeRow({ ...common, optimizer: "SGD", samplesPerSecond: 12345.6, peakShare: 0.8 }),
    "OpenBLAS 0.3.21 Zen  2 threads  SGD        batch   128     12346 images/s    80 % of sgemm",
  );
  assertEquals(
    describeRow({
      ...common,
      optimizer: "H v",
      samplesPerSecond: 2.5,
      peakShare: 0.25,
      networks: 3,
      secondsPerNetwork: 0.4,
      passes: 4.96,
    }),
    "OpenBLAS 0.3.21 Zen  2 threads  H v           3 on 2048 images      2.50 a second    25 % of " +
      "sgemm  0.400 s a network, 5.0 passes",
  );
});
