/**
 * Which engine `auto` takes where there is a GPU, from given rates; and that the trial trains.
 *
 * @module
 */
import type { Dataset } from "~/lib/dataset.ts";
import type { Engine, EngineOptions } from "~/lib/engine/engine.ts";
import { openFaster, trainingRate } from "~/lib/engine/open_engine.ts";
import { stubEngine } from "~/tests/fixtures/stub_engine.ts";
import { randomDataset } from "~/tests/fixtures/tiny_dataset.ts";
import { assert, assertEquals } from "@std/assert";

const dataset = randomDataset([12, 9, 10], 600);

/** Opens stubs and notes what was opened, on how many rows, and what was closed. */
function recorder(log: string[], kind: string): (options: EngineOptions) => Promise<Engine> {
  return ({ dataset: { train } }) => {
    log.push(`open ${kind} on ${train.size}`);
    return Promise.resolve({
      ...stubEngine(),
      info: { name: kind, library: "none" },
      close(): Promise<void> {
        log.push(`close ${kind}`);
        return Promise.resolve();
      },
    });
  };
}

/** Chooses at these rates; NaN fails. */
async function choose(
  rates: Readonly<Record<string, number>>,
): Promise<{ engine: Engine; log: string[]; messages: string[] }> {
  const log: string[] = [];
  const messages: string[] = [];
  const engine = await openFaster({
    gpu: "Some GPU",
    openCpu: recorder(log, "cpu"),
    openGpu: recorder(log, "gpu"),
    measure: ({ info }: Engine, { train }: Dataset) => {
      assertEquals(train.size, 512);
      const rate = rates[info.name]!;
      return Number.isNaN(rate) ? Promise.reject(new Error("device lost")) : Promise.resolve(rate);
    },
  }, { dataset, onMessage: (message) => messages.push(message) });
  return { engine, log, messages };
}

Deno.test("openFaster() takes a GPU that is faster in the trial, on the whole data set", async () => {
  const { engine, log, messages } = await choose({ cpu: 1000, gpu: 2000 });
  assertEquals(engine.info, { name: "gpu", library: "none", chosen: "faster than the CPU here" });
  const trial = ["open cpu on 512", "close cpu", "open gpu on 512", "close gpu"];
  assertEquals(log, [...trial, "open gpu on 600"]);
  assertEquals(messages, ["Training on Some GPU: 2000 images/s in a trial, the CPU 1000"]);
});

Deno.test("openFaster() leaves a GPU alone that is no faster, or fails", async () => {
  for (const [gpu, said] of [[1000, 1000], [10, 10], [NaN, 0]] as const) {
    const { engine, log, messages } = await choose({ cpu: 1000, gpu });
    assertEquals([engine.info.name, log.at(-1)], ["cpu", "open cpu on 600"]);
    assertEquals(messages, [
      `Training on the CPU, not on Some GPU: ${said} images/s in a trial, the CPU 1000`,
    ]);
  }
});

Deno.test("trainingRate() trains a stack three epochs and gives a rate > 0", async () => {
  const engine = stubEngine();
  assert(await trainingRate(engine, dataset) > 0);
  assertEquals(engine.calls.filter((call) => call === "epoch 6").length, 3);
});
