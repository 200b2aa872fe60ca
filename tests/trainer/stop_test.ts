/** Stops against losses made by hand. @module */
import fc from "fast-check";
import { UsageError } from "~/lib/domain.ts";
import { drivingStops, isFarEnough, parseStop, STOP_HELP } from "~/lib/trainer.ts";
import { assertEquals, assertThrows } from "@std/assert";

/** What the counters below do not tell; quarters, so that every difference is exact. */
const CASES: [what: string, losses: number[], stop: string, epoch: number | undefined][] = [
  ["a change of exactly it is none below", [4, 3, 3.25, 3, 3], "consecutive:0.25:2", undefined],
  ["5 epochs where nothing is said", [3, 3, 3, 3, 3, 3], "consecutive:0.25", 6],
  ["nothing changes by less than 0", [3, 3, 3, 3, 3, 3, 3, 3], "consecutive:0", undefined],
  ["5 epochs where nothing is said", [3, 3, 3, 3, 3, 3, 3], "cumulative:0.25", 7],
  ["the first epoch at or below it", [3, 2, 1.5, 1, 2], "loss:1.5", 3],
  ["the first of all", [1, 2], "loss:1.5", 1],
  ["never below", [3, 2], "loss:1.5", undefined],
  ["so many epochs", [3, 2, 1], "epochs:2", 2],
  ["fewer epochs", [3], "epochs:2", undefined],
  ["none", [], "epochs:0", 0],
  ["no losses", [], "consecutive:1", undefined],
  ["no losses", [], "loss:9", undefined],
];
Deno.test("parseStop() gives the first epoch at which a stop is reached", () => {
  for (const [what, losses, stop, epoch] of CASES) {
    assertEquals(parseStop(stop).epoch(Object.freeze(losses)), epoch, `${stop}: ${what}`);
  }
});

Deno.test("parseStop() says what a stop is, of one epoch too", () => {
  const flat = ["consecutive:0.1:1", "consecutive:0.1:7", "cumulative:1e-3"];
  const stops = ["epochs:1", "epochs:10", ...flat];
  assertEquals(stops.map((text) => parseStop(text).words), [
    ...["after 1 epoch", "after 10 epochs"],
    "1 epoch changed the epoch loss by less than 0.1 nats",
    "each of 7 epochs in a row changed the epoch loss by less than 0.1 nats",
    "each of five epochs, in a row or not, changed the epoch loss by less than 1e-3 nats",
  ]);
});

Deno.test("parseStop() agrees with counters kept epoch by epoch, as the original keeps them", () => {
  const losses = fc.array(fc.integer({ min: 0, max: 12 }).map((x) => x / 8), { maxLength: 25 });
  fc.assert(
    fc.property(losses, fc.integer({ min: 1, max: 6 }), (losses, needed) => {
      let [inARow, inAll] = [0, 0];
      const first: Record<string, number | undefined> = {};
      for (let epoch = 2; epoch <= losses.length; epoch++) {
        const isFlat = Math.abs(losses[epoch - 1]! - losses[epoch - 2]!) < 0.25;
        inARow = isFlat ? inARow + 1 : 0;
        if (epoch >= 3 && isFlat) inAll++;
        if (inARow >= needed) first["consecutive"] ??= epoch;
        if (inAll >= needed) first["cumulative"] ??= epoch;
      }
      for (const rule of ["consecutive", "cumulative"]) {
        const stop = parseStop(`${rule}:0.25:${needed}`);
        assertEquals(stop.epoch(losses), first[rule]);
        // A stop that was passed stays where it is.
        const passed = first[rule];
        if (passed !== undefined) assertEquals(stop.epoch(losses.slice(0, passed)), passed);
      }
    }),
    { seed: 4, numRuns: 500 },
  );
});

Deno.test("parseStop() brings texts into one form, and ranks them", () => {
  const texts: [string, string, number][] = [
    [" cumulative:0.001 ", "cumulative:1e-3", 0],
    ["cumulative:1e-3:5", "cumulative:1e-3", 0],
    ["consecutive:0.0015:07", "consecutive:1.5e-3:7", 1],
    ["consecutive:.05", "consecutive:0.05", 1],
    ["loss:1.50", "loss:1.5", 2],
    ["loss:0", "loss:0", 2],
    ["epochs:1e1", "epochs:10", 0],
  ];
  for (const [text, canonical, rank] of texts) {
    const stop = parseStop(text);
    assertEquals([stop.text, stop.rank], [canonical, rank]);
    assertEquals(parseStop(canonical).text, canonical);
  }
});

Deno.test("parseStop() says what a stop can be", () => {
  const nats = "must be a number of nats >= 0: current value is";
  const cases: [string, string][] = [
    ["", `it must be ${STOP_HELP}`],
    ["never", `it must be ${STOP_HELP}`],
    ["loss:1:5", `it must be ${STOP_HELP}`],
    ["epochs:1:5", `it must be ${STOP_HELP}`],
    ["consecutive:1:5:5", `it must be ${STOP_HELP}`],
    ["toString:1", `it must be ${STOP_HELP}`],
    ["loss", `its loss ${nats} (empty)`],
    ["loss:-1", `its loss ${nats} -1`],
    ["loss:Infinity", `its loss ${nats} Infinity`],
    ["cumulative:x", `its criterion ${nats} x`],
    ["consecutive:1:0", "its epochs must be an integer in 1..1000000: current value is 0"],
    ["consecutive:1:", "its epochs must be an integer in 1..1000000: current value is (empty)"],
    ["epochs:1.5", "its epochs must be an integer in 0..1000000: current value is 1.5"],
  ];
  for (const [text, reason] of cases) {
    const { message } = assertThrows(() => parseStop(text), UsageError);
    assertEquals(message, `Cannot use stop ${text} as ${reason}`);
  }
});

Deno.test("isFarEnough() asks for the stops of the lowest rank, and for those of others only alone", () => {
  const [epochs, flat, low] = ["epochs:2", "consecutive:0.25:1", "loss:0.5"].map(parseStop);
  const counted = parseStop("cumulative:0.25:1");
  assertEquals(isFarEnough([epochs!, low!], [2, 1]), true);
  assertEquals(isFarEnough([epochs!, counted], [2, 1]), false);
  assertEquals(isFarEnough([epochs!, counted], [2, 1, 1]), true);
  assertEquals(isFarEnough([epochs!, flat!, low!], [2, 1]), true);
  assertEquals(isFarEnough([flat!, low!], [2, 1]), false);
  assertEquals(isFarEnough([flat!, low!], [2, 1, 1]), true);
  assertEquals(isFarEnough([low!], [2, 1, 1]), false);
  assertEquals(isFarEnough([low!], [2, 0.5]), true);
  assertEquals(isFarEnough([], []), true);
  assertEquals(drivingStops([low!, epochs!]), [epochs!]);
});
