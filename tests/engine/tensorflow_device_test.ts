/**
 * What fits on a device of the TensorFlow.js engine, and which devices there are.
 *
 * @module
 */
import { existsSync } from "node:fs";
import type { StackOptions } from "~/lib/engine/engine.ts";
import { fitBatch, fitMembers, planSplit } from "~/lib/engine/tensorflow/memory.ts";
import { findRealGpu, isSoftware, requestAdapter } from "~/lib/engine/tensorflow/real_gpu.ts";
import { tfjsNodeHome } from "~/lib/engine/tensorflow/tfjs_node.ts";
import { createTensorFlowEngine } from "~/lib/engine/tensorflow/tensorflow_engine.ts";
import { MLP_1 } from "~/lib/model.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { SIZES, SMALL, withEngine } from "~/tests/fixtures/tensorflow_fixture.ts";

Deno.test("fitMembers() and fitBatch() follow the bytes of a stack", () => {
  const options: StackOptions = { sizes: [100, 10, 2], batchSize: 8, optimizer: "AdaGrad" };
  // P = 1032; four vectors of P, and 8 rows of 2 (10 + 2) floats.
  const member = 4 * (4 * 1032 + 8 * 24);
  const budget = { bytes: 4 * 8 * 100 + 5 * member, tensorBytes: 2 ** 31 };
  assertEquals(fitMembers(options, 8, budget), 5);
  assertEquals(fitMembers(options, 8, { ...budget, bytes: budget.bytes - 1 }), 4);
  assertEquals(fitMembers({ ...options, optimizer: "SGD" }, 8, budget), 6);
  assertEquals(fitMembers({ ...options, optimizer: "SGD(momentum=0.9)" }, 8, budget), 5);
  assertEquals(fitMembers(options, 8, { ...budget, bytes: 0 }), 1);
  // The largest tensor is the first layer's weights, 4000 bytes a member.
  assertEquals(fitMembers(options, 8, { ...budget, tensorBytes: 11999 }), 2);
  assertEquals(fitBatch(options, 5, budget), 8);
});

Deno.test("planSplit() cuts what does not fit", () => {
  const work = { models: 3, rows: 70 };
  const roomy = { bytes: 2 ** 40, tensorBytes: 2 ** 40 };
  assertEquals(planSplit(SIZES, work, roomy), { members: 3, rows: 70 });
  assertEquals(planSplit(SIZES, { ...work, tangents: true }, roomy), { members: 3, rows: 70 });
  const tight = { bytes: 50_000, tensorBytes: 2 ** 30 };
  const { members, rows } = planSplit(SIZES, work, tight);
  assert(members < 3 && rows < 70);
  assert(planSplit(SIZES, { ...work, tangents: true }, tight).rows < rows);
});

Deno.test("stackSize() follows the memory that the engine is given", async () => {
  const options = { sizes: SIZES, batchSize: 16, optimizer: "AdaGrad" };
  const sizes: number[] = [];
  for (const deviceMemory of [100_000, 200_000]) {
    await withEngine("cpu", (engine) => {
      sizes.push(engine.stackSize(options));
      return Promise.resolve();
    }, { deviceMemory });
  }
  assert(sizes[0]! > 1 && sizes[1]! > sizes[0]!, `${sizes}`);
  // The study's network, with the default of 4 GiB less the images: what the README says.
  const budget = { bytes: 4 * 2 ** 30 - 60_000 * 3072, tensorBytes: 2 ** 31 };
  const study = { sizes: MLP_1, batchSize: 128, optimizer: "AdaGrad" };
  assertEquals(fitMembers(study, 128, budget), 128);
});

Deno.test("createTensorFlowEngine() says how to install tfjs-node-gpu", {
  ignore: existsSync(tfjsNodeHome("tfjs-node-gpu")),
}, async () => {
  await assertRejects(
    () => createTensorFlowEngine("tfjs-node-gpu", { dataset: SMALL }),
    Error,
    "Cannot use tfjs-node-gpu as it is not installed: run `deno task setup:gpu` to install it",
  );
});

Deno.test("findRealGpu() counts no software rasteriser", async () => {
  const adapter = await requestAdapter();
  assertEquals(await findRealGpu() === undefined, adapter === null || isSoftware(adapter));
});

Deno.test("isSoftware() tells rasterisers by flag and by name", () => {
  const adapter = (info: Partial<GPUAdapterInfo>): GPUAdapter => ({ info }) as GPUAdapter;
  assert(isSoftware(adapter({ description: "llvmpipe (LLVM 15.0.6, 256 bits)" })));
  assert(isSoftware(adapter({ description: "SwiftShader Device (Subzero)" })));
  assert(isSoftware(adapter({ description: "Microsoft Basic Render Driver" })));
  assert(isSoftware(adapter({ description: "GPU", isFallbackAdapter: true })));
  assert(!isSoftware(adapter({ description: "NVIDIA H100 80GB HBM3", isFallbackAdapter: false })));
  assert(!isSoftware(adapter({ vendor: "apple", architecture: "metal-3" })));
});
