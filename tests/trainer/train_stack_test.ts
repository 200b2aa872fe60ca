/** Training a stack: who is kept, who ends when, and what an interruption leaves. @module */
import type { Engine } from "~/lib/engine.ts";
import { parseStop, type TrainingRun, trainStack, type TrainStackOptions } from "~/lib/trainer.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { stubEngine, stubMember } from "~/tests/fixtures/stub_engine.ts";

/** Losses by a member's w, which a learning rate of 0 leaves as it is. */
const CURVES: Record<number, number[]> = {
  1: [9, 8, 7, 6, 5, 4],
  2: [3, 3, 3, 3, 3, 3],
  3: [5, NaN, 5],
  4: [5, 4, Infinity],
  5: [5, 4, 3, 3, 3, 3],
};
const fromCurves = (w: number, epoch: number): number => CURVES[Math.round(w)]![epoch - 1]!;

function runOf(w: number, rest: Partial<TrainingRun> = {}): TrainingRun {
  return { learningRate: 1e-30, ...stubMember(w), epochLosses: [], seconds: 0, ...rest };
}

/** Trains to the end. @returns What was kept and who ended, in order: "2 kept 3", "2 stopped 3". */
async function follow(
  engine: Engine,
  runs: readonly TrainingRun[],
  { asked = [], ...options }: Partial<TrainStackOptions> & { asked?: string[] } = {},
): Promise<string[]> {
  const seen: string[] = [];
  const tell = (run: TrainingRun, what: string): Promise<void> => {
    seen.push(`${Math.round(run.parameters[0]!)} ${what} ${run.epochLosses.length}`);
    return Promise.resolve();
  };
  await trainStack(engine, runs, {
    sizes: [1, 1],
    batchSize: 1,
    optimizer: "SGD",
    maxEpochs: 6,
    stops: asked.map(parseStop),
    onNetwork: (run) => tell(run, "kept"),
    onEnd: tell,
    ...options,
  });
  return seen;
}

Deno.test("trainStack() trains in lock-step; who is done leaves, the others go on", async () => {
  const engine = stubEngine(fromCurves);
  const runs = [1, 2, 3, 4, 5].map((w) => runOf(w));
  assertEquals(await follow(engine, runs, { asked: ["consecutive:0.25:2"] }), [
    "3 diverged 1",
    "2 kept 3",
    "2 stopped 3",
    "4 diverged 2",
    "5 kept 5",
    "5 stopped 5",
    "1 epoch limit 6",
  ]);
  // The epoch that diverged is no part of the record.
  for (const [index, { epochLosses }] of runs.entries()) {
    assertEquals(epochLosses, CURVES[index + 1]!.slice(0, epochLosses.length));
  }
  assertEquals(engine.calls, [
    ...["create 0,0,0,0,0", "epoch 5", "epoch 5", "save", "retain 11011"],
    ...["epoch 4", "save", "retain 1001"],
    ...["epoch 2", "epoch 2", "save", "retain 10"],
    ...["epoch 1", "save", "retain 0", "dispose"],
  ]);
});

Deno.test("trainStack() keeps the networks at all stops and at wanted epochs, each once", async () => {
  const asked = ["loss:8", "cumulative:9:2", "epochs:2", "loss:7.5", "loss:0"];
  const runs = [runOf(1), runOf(2, { wanted: new Set([5]) })];
  // Curve 1 passes 8 nats in epoch 2 and 7.5 in epoch 3, curve 2 both in epoch 1.
  assertEquals(await follow(stubEngine(fromCurves), runs, { asked }), [
    ...["2 kept 1", "1 kept 2", "2 kept 2", "1 kept 3", "1 kept 4", "1 stopped 4", "2 kept 4"],
    ...["2 kept 5", "2 stopped 5"],
  ]);
  const wanted = runOf(1, { wanted: new Set([1, 3]) });
  assertEquals(await follow(stubEngine(fromCurves), [wanted]), [
    ...["1 kept 1", "1 kept 3", "1 stopped 3"],
  ]);
});

Deno.test("trainStack() of runs that are done, or of no epochs, asks the engine nothing", async () => {
  const engine = stubEngine(fromCurves);
  const done = runOf(2, { epochLosses: [3, 3, 3] });
  const cases: [TrainingRun[], string[], number, string[]][] = [
    [[done], ["epochs:2"], 6, ["2 stopped 3"]],
    [[runOf(1)], ["epochs:2"], 0, ["1 epoch limit 0"]],
    [[runOf(1)], ["epochs:0"], 6, ["1 kept 0", "1 stopped 0"]],
    [[], [], 6, []],
  ];
  for (const [runs, asked, maxEpochs, expected] of cases) {
    assertEquals(await follow(engine, runs, { asked, maxEpochs }), expected);
  }
  assertEquals(engine.calls, []);
  const seen = await follow(engine, [done, runOf(1)], { asked: ["epochs:1"] });
  assertEquals([seen, engine.calls[0]], [["2 stopped 3", "1 kept 1", "1 stopped 1"], "create 0"]);
});

Deno.test("trainStack() gives parameters after the epoch that it tells of, and no others", async () => {
  // w (1 - 1/4)^n for a learning rate of 256; float32 holds powers of 3/4 up to the 15th exactly.
  const run = runOf(1, { learningRate: 256 });
  const kept: number[] = [];
  await follow(stubEngine(), [run], {
    asked: ["epochs:2", "epochs:5"],
    onNetwork: ({ parameters }) => Promise.resolve(void kept.push(parameters[0]!)),
  });
  assertEquals(kept, [0.75 ** 2, 0.75 ** 5]);
  assertEquals(run.epochLosses, [1, 2, 3, 4, 5].map((n) => 0.75 ** n));
});

Deno.test("trainStack() keeps checkpoints as often as told, but none of what has ended", async () => {
  for (const [checkpointSeconds, expected] of [[0, [1, 2, 3, 4, 5]], [Infinity, []]] as const) {
    const epochs: number[] = [];
    await follow(stubEngine(fromCurves), [runOf(1)], {
      asked: ["epochs:6"],
      checkpointSeconds,
      onCheckpoint: ([run]) => Promise.resolve(void epochs.push(run!.epochLosses.length)),
    });
    assertEquals(epochs, [...expected]);
  }
});

Deno.test("trainStack() ends with a checkpoint of the epoch in progress when it is aborted", async () => {
  const reason = new Error("enough");
  const kept: number[][] = [];
  const abortAfter2 = (controller = new AbortController()): Partial<TrainStackOptions> => ({
    signal: controller.signal,
    onEpoch: ([{ epochLosses }]) => epochLosses.length === 2 && controller.abort(reason),
    onCheckpoint: (runs) =>
      Promise.resolve(void kept.push(runs.map(({ epochLosses }) => epochLosses.length))),
  });
  const engine = stubEngine(fromCurves);
  const runs = [1, 2].map((w) => runOf(w));
  const stopped = follow(engine, runs, { asked: ["epochs:6"], ...abortAfter2() });
  assert(await assertRejects(() => stopped) === reason);
  assertEquals(engine.calls, ["create 0,0", "epoch 2", "epoch 2", "save", "dispose"]);
  // What the last epoch finished is finished, aborted or not.
  const last = { asked: ["epochs:2"], ...abortAfter2() };
  const seen = await follow(stubEngine(fromCurves), [runOf(1)], last);
  assertEquals([seen, kept], [["1 kept 2", "1 stopped 2"], [[2, 2]]]);
});

Deno.test("trainStack() frees the stack when a callback or the engine fails", async () => {
  for (const failing of ["onNetwork", "onEnd", "onCheckpoint", "onEpoch", "engine"]) {
    const fail = (): never => {
      throw new Error(`no ${failing}`);
    };
    const engine = stubEngine(failing === "engine" ? fail : fromCurves);
    const error = await assertRejects(() =>
      follow(engine, [runOf(1)], {
        asked: ["epochs:2"],
        checkpointSeconds: failing === "onCheckpoint" ? 0 : Infinity,
        ...(failing === "engine" ? {} : { [failing]: fail }),
      }), Error);
    assertEquals([error.message, engine.calls.at(-1)], [`no ${failing}`, "dispose"]);
  }
});

Deno.test("trainStack() divides a stack's wall time equally among its members", async () => {
  const { now } = performance;
  // A clock that only epochs move, by a second a member.
  let clock = 0;
  performance.now = () => 1000 * clock;
  const engine = stubEngine((w, epoch) => {
    clock++;
    return fromCurves(w, epoch);
  });
  const runs = [1, 1, 2].map((w) => runOf(w));
  try {
    await follow(engine, runs, { asked: ["consecutive:0.25:2"] });
  } finally {
    performance.now = now;
  }
  assertEquals(runs.map(({ seconds }) => seconds), [6, 6, 3]);
});
