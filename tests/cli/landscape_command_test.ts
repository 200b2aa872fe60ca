/**
 * `deno task landscape` on small networks: what it writes and prints, and what it refuses.
 *
 * @module
 */
import { join } from "node:path";
import { encodeModel, initialise } from "~/lib/model.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ask, document, JSON_ON_CPU, notRefused } from "~/tests/fixtures/command.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";

const IMAGES = ["--images", "300", "--threads", "1"];

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

Deno.test("landscape --json prints what it writes, and goes on from there", () =>
  withFolder(async (folder) => {
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
    const again = await ask<Printed>("landscape", ...args, ...JSON_ON_CPU);
    assertEquals(again.document.points[0]!.trainLoss, 7);
  }));

Deno.test("landscape refuses pairs of other sizes, damaged files and files of others: nothing is written", () =>
  withFolder(async (folder) => {
    await writeNetworks(folder, { a: [4, 0], b: [3, 0], same: [4, 0] });
    await Deno.writeFile(join(folder, "cut"), (await Deno.readFile(join(folder, "a"))).subarray(9));
    await Deno.writeTextFile(join(folder, "own.json"), "{}");
    const before = listFiles(folder);
    const at = (name: string): string => join(folder, name);
    const cases: [words: string[], RegExp][] = [
      [["--to", at("b")], /same layers: sizes are 3072, 4, 10 and 3072, 3, 10/],
      [["--to", at("same")], /from a to same as they are the same network/],
      [["--to", at("cut")], /Cannot read .*cut/],
      [["--points", "2", "--out", at("own")], /what is there is no landscape/],
    ];
    for (const [words, message] of cases) {
      const out = words.includes("--out") ? [] : ["--out", at("x")];
      const refused = await ask("landscape", "--model", at("a"), ...words, ...out, ...IMAGES);
      assertEquals(notRefused(refused), []);
      assertMatch(refused.stderr, message);
      assertEquals(listFiles(folder), before);
    }
    assertStringIncludes(await Deno.readTextFile(join(folder, "own.json")), "{}");
  }));
