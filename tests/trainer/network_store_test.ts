/**
 * Networks of a trajectory as files: named, read back, and set aside where damaged.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { initialise } from "~/lib/model.ts";
import {
  isSameTrajectory,
  type KeptNetwork,
  listNetworks,
  networkFile,
  readNetwork,
  removeNetwork,
  type Trajectory,
  trajectoryPath,
  writeNetwork,
} from "~/lib/trainer.ts";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { withFolder } from "~/tests/fixtures/temporary_folder.ts";

const SIZES = [3, 2, 2];
const TRAJECTORY: Trajectory = {
  dataset: "cifar10",
  images: 50,
  sizes: SIZES,
  optimizer: "AdaGrad",
  learningRate: 1e-4,
  batchSize: 128,
  seed: 7,
};
const KEPT: KeptNetwork = {
  parameters: initialise(SIZES, 1),
  state: new Float32Array(initialise(SIZES, 2)),
  epochLosses: [2.5, 1 / 3],
  data: { "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25" },
  engines: [{ name: "cpu", library: "OpenBLAS", chosen: "demanded" }],
  seconds: 1.5,
};
const never = (message: string): void => assert(false, message);

Deno.test("trajectoryPath() tells every trajectory from every other, and not its order of keys", () => {
  assertEquals(
    trajectoryPath(TRAJECTORY),
    "cifar10,images=50,layers=3-2-2/AdaGrad/lr=0.0001,batch=128,seed=7",
  );
  const { seed, ...rest } = TRAJECTORY;
  assert(isSameTrajectory({ seed, ...rest }, TRAJECTORY));
  const others: Partial<Trajectory>[] = [
    { images: 51 },
    { sizes: [3072, 512, 256, 128, 10] },
    { sizes: [3, 22] },
    { optimizer: "AdaGrad(epsilon=1e-8)" },
    { learningRate: 1e-5 },
    { batchSize: 12 },
    { seed: 8 },
    { init: "0a1b2c" },
    { order: "shuffled" },
  ];
  const paths = others.map((other) => trajectoryPath({ ...TRAJECTORY, ...other }));
  assertEquals(new Set([...paths, trajectoryPath(TRAJECTORY)]).size, others.length + 1);
});

Deno.test("readNetwork() gives back what writeNetwork() wrote; the newest with its state and time", async () => {
  await withFolder(async (folder) => {
    await writeNetwork(folder, TRAJECTORY, KEPT);
    await writeNetwork(folder, TRAJECTORY, KEPT, { latest: true });
    const { state: _, seconds: __, ...plain } = KEPT;
    assertEquals(await readNetwork(folder, TRAJECTORY, 2, never), {
      ...plain,
      state: new Float32Array(0),
      seconds: 0,
    });
    assertEquals(await readNetwork(folder, TRAJECTORY, "latest", never), KEPT);
    await writeNetwork(folder, TRAJECTORY, KEPT, { state: true });
    assertEquals((await readNetwork(folder, TRAJECTORY, 2, never))!.state, KEPT.state);
    assertEquals(await listNetworks(folder, TRAJECTORY), [2]);
    await writeNetwork(folder, TRAJECTORY, { ...KEPT, epochLosses: Array(10).fill(1) });
    await writeNetwork(folder, { ...TRAJECTORY, seed: 70 }, KEPT);
    assertEquals(await listNetworks(folder, TRAJECTORY), [2, 10]);
    await removeNetwork(folder, TRAJECTORY, 2);
    await removeNetwork(folder, TRAJECTORY, 2);
    assertEquals(await listNetworks(folder, TRAJECTORY), [10]);
    assertEquals(await readNetwork(folder, TRAJECTORY, 2, never), undefined);
  });
});

Deno.test("readNetwork() sets aside what is not the network that it should be", async () => {
  type Damage = (folder: string, path: string) => Promise<unknown>;
  /** Another file in the place of the network of epoch 2. */
  const replace = (part: Partial<Trajectory>, kept: Partial<KeptNetwork>): Damage => {
    return async (folder, path) => {
      const other = await writeNetwork(folder, { ...TRAJECTORY, ...part }, { ...KEPT, ...kept });
      if (other !== path) await Deno.rename(other, path);
    };
  };
  const cases: [Damage, string][] = [
    [(_, path) => Deno.writeFile(path, new Uint8Array(7)), "it has 7 bytes"],
    [async (_, path) => {
      const bytes = await Deno.readFile(path);
      bytes[bytes.length - 1]! ^= 1;
      await Deno.writeFile(path, bytes);
    }, "its checksum must be "],
    [replace({ seed: 8 }, {}), "it is of another trajectory"],
    [replace({}, { epochLosses: [1] }), "its epoch must be 2: current value is 1"],
    [
      replace({}, { epochLosses: "x" as never }),
      "epochLosses Invalid input: expected array, received string",
    ],
  ];
  for (const [damage, reason] of cases) {
    await withFolder(async (folder) => {
      const path = networkFile(folder, TRAJECTORY, 2);
      const said: string[] = [];
      await writeNetwork(folder, TRAJECTORY, KEPT);
      await damage(folder, path);
      assertEquals(await readNetwork(folder, TRAJECTORY, 2, (text) => said.push(text)), undefined);
      assertEquals([said.length, existsSync(`${path}.damaged-1`)], [1, true]);
      assertStringIncludes(said[0]!, reason);
      assertStringIncludes(said[0]!, `set aside as ${path}.damaged-1, it will be replaced`);
    });
  }
  await withFolder(async (folder) => {
    const said: string[] = [];
    await writeNetwork(folder, TRAJECTORY, KEPT, { latest: true, state: false });
    const read = await readNetwork(folder, TRAJECTORY, "latest", (text) => said.push(text));
    assertEquals(read, undefined);
    assertStringIncludes(said[0]!, "it must have 14 numbers of state: it has 0");
  });
});
