/** Networks of a trajectory as files: named, read back, and set aside where damaged. @module */
import { existsSync } from "node:fs";
import { initialise } from "~/lib/model.ts";
import {
  isSameTrajectory,
  type KeptNetwork,
  listNetworks,
  networkFile,
  readNetwork,
  type Trajectory,
  trajectoryPath,
  writeNetwork,
} from "~/lib/trainer.ts";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { silent } from "~/tests/fixtures/tiny_study.ts";

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

Deno.test("readNetwork() gives back what writeNetwork() wrote; the newest with its state and time", () =>
  withFolder(async (folder) => {
    await writeNetwork(folder, TRAJECTORY, KEPT);
    await writeNetwork(folder, TRAJECTORY, KEPT, { latest: true });
    const { state: _, seconds: __, ...plain } = KEPT;
    assertEquals(await readNetwork(folder, TRAJECTORY, 2, silent), {
      ...plain,
      state: new Float32Array(0),
      seconds: 0,
    });
    assertEquals(await readNetwork(folder, TRAJECTORY, "latest", silent), KEPT);
    await writeNetwork(folder, TRAJECTORY, KEPT, { state: true });
    assertEquals((await readNetwork(folder, TRAJECTORY, 2, silent))!.state, KEPT.state);
    assertEquals(await listNetworks(folder, TRAJECTORY), [2]);
    await writeNetwork(folder, TRAJECTORY, { ...KEPT, epochLosses: Array(10).fill(1) });
    await writeNetwork(folder, { ...TRAJECTORY, seed: 70 }, KEPT);
    assertEquals(await listNetworks(folder, TRAJECTORY), [2, 10]);
    await Deno.remove(networkFile(folder, TRAJECTORY, 2));
    assertEquals(await listNetworks(folder, TRAJECTORY), [10]);
    assertEquals(await readNetwork(folder, TRAJECTORY, 2, silent), undefined);
  }));

Deno.test("readNetwork() sets aside a network of another epoch, or without its state", async () => {
  await withFolder(async (folder) => {
    const said: string[] = [];
    const read = (epoch: number | "latest"): ReturnType<typeof readNetwork> =>
      readNetwork(folder, TRAJECTORY, epoch, (text) => said.push(text));
    const other = await writeNetwork(folder, TRAJECTORY, { ...KEPT, epochLosses: [1] });
    const path = networkFile(folder, TRAJECTORY, 2);
    await Deno.rename(other, path);
    assertEquals(await read(2), undefined);
    assert(existsSync(`${path}.damaged-1`));
    assertStringIncludes(said[0]!, "its epoch must be 2: current value is 1");
    assertStringIncludes(said[0]!, `set aside as ${path}.damaged-1, it counts as`);
    await writeNetwork(folder, TRAJECTORY, KEPT, { latest: true, state: false });
    assertEquals(await read("latest"), undefined);
    assertStringIncludes(said[1]!, "it must have 14 numbers of state: it has 0");
  });
});
