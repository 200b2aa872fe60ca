/**
 * `deno task landscape` on small networks: what it writes and prints, and what it refuses.
 *
 * @module
 */
import { join } from "node:path";
import { encodeModel, initialise } from "~/lib/model.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { document, JSON_ON_CPU, run } from "~/tests/fixtures/command.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";

const IMAGES = ["--images", "300"];

/** Networks by file name: of 4 or 3 hidden units, from a seed. */
async function writeNetworks(
  folder: string,
  names: Record<string, [number, number]>,
): Promise<void> {
  for (const [name, [hidden, seed]] of Object.entries(names)) {
    const sizes = [3072, hidden, 10];
    await Deno.writeFile(join(folder, name), encodeModel(sizes, initialise(sizes, seed)));
  }
}

Deno.test("landscape --json prints what it writes, and goes on from there", async () => {
  await withFolder(async (folder) => {
    await writeNetworks(folder, { a: [4, 0], b: [4, 1] });
    const [a, b, out] = ["a", "b", "line"].map((name) => join(folder, name));
    const args = ["--model", a!, "--to", b!, "--points", "5", "--out", out!, ...IMAGES];
    type Printed = { points: { x: number; trainLoss: number }[]; seconds: number; axes: unknown };
    const { seconds, ...printed } = await document<Printed>("landscape", ...args, ...JSON_ON_CPU);
    assert(seconds > 0);
    assertEquals(printed.points.map(({ x }) => x), [-0.5, 0, 0.5, 1, 1.5]);
    assertEquals(listFiles(folder), ["a", "b", "line.csv", "line.json", "line.png", "line.svg"]);
    const kept = JSON.parse(await Deno.readTextFile(`${out}.json`));
    assertEquals({ ...printed, engine: null }, { ...kept, engine: null });
    // Of a question that is the same all points are there: none is computed again.
    kept.points[0].trainLoss = 7;
    await Deno.writeTextFile(`${out}.json`, JSON.stringify(kept));
    const again = await document<Printed>("landscape", ...args, ...JSON_ON_CPU);
    assertEquals(again.points[0]!.trainLoss, 7);
  });
});

Deno.test("landscape refuses pairs of other sizes, damaged files and files of others: nothing is written", async () => {
  await withFolder(async (folder) => {
    await writeNetworks(folder, { a: [4, 0], b: [3, 0], same: [4, 0] });
    await Deno.writeFile(join(folder, "cut"), (await Deno.readFile(join(folder, "a"))).subarray(9));
    await Deno.writeTextFile(join(folder, "own.json"), "{}");
    const before = listFiles(folder);
    for (
      const [more, message] of [
        [["--to", "b", "--out", "x"], /same layers: sizes are 3072, 4, 10 and 3072, 3, 10/],
        [["--to", "same", "--out", "x"], /from a to same as they are the same network/],
        [["--to", "cut", "--out", "x"], /Cannot read .*cut/],
        [["--points", "2", "--out", "own"], /what is there is no landscape/],
      ] as const
    ) {
      const paths = more.map((each, i) =>
        i % 2 && more[i - 1] !== "--points" ? join(folder, each) : each
      );
      const { code, stdout, stderr } = await run(
        "landscape",
        ...["--model", join(folder, "a"), ...paths, ...IMAGES],
      );
      assertEquals([code, stdout, stderr.trim().split("\n").length], [2, "", 1]);
      assertMatch(stderr, message);
      assertEquals(listFiles(folder), before);
    }
    assertStringIncludes(await Deno.readTextFile(join(folder, "own.json")), "{}");
  });
});
