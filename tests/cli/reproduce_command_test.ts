/**
 * `deno task reproduce`: its document, its cache, and the same numbers however it is run.
 *
 * @module
 */
import { join } from "node:path";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ask, document, SMALL, TINY } from "~/tests/fixtures/command.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { assertSame, contents } from "~/tests/fixtures/tiny_study.ts";

interface Reproduced {
  readonly cells: readonly Readonly<Record<string, unknown>>[];
  readonly figures: readonly string[];
  readonly cachedRuns: number;
  readonly computedRuns: number;
  readonly missingRuns: number;
}

Deno.test("reproduce --json computes, draws, finds again, plans and verifies; so do two at once", () =>
  withFolder(async (folder) => {
    const at = (name: string): string[] => [
      ...[...SMALL, "--models", join(folder, name, "m"), "--results", join(folder, name, "r")],
    ];
    const args = at("one");
    const { document: nothing } = await ask<Reproduced>("reproduce", ...args, "--cached-only");
    assertEquals([nothing.missingRuns, nothing.computedRuns], [2, 0]);
    assertEquals(listFiles(folder).filter((path) => path.includes("one/m")), []);
    type Planned = { runs: { cached: boolean }[] };
    const { document: planned } = await ask<Planned>("reproduce", ...args, "--dry-run");
    assertEquals(planned.runs.map(({ cached }) => cached), [false, false]);

    const computed = await document<Reproduced>("reproduce", ...args);
    assertEquals(Object.keys(computed).sort(), [
      ...["cachedRuns", "cells", "computedRuns", "figures", "missingRuns", "preset", "seconds"],
    ]);
    assertEquals([computed.cachedRuns, computed.computedRuns, computed.missingRuns], [0, 2, 0]);
    assertEquals(computed.cells.length, 2);
    const [cell] = computed.cells;
    for (
      const key of [
        ...["effect", "optimizer", "learningRate", "batchSize", "stop", "seeds", "sharpness"],
        ...["trainLoss", "testAccuracy", "epochs", "converged"],
      ]
    ) assert(key in cell!, key);
    const sharpness = cell!.sharpness as Readonly<Record<string, unknown>>;
    for (const key of ["mean", "interval", "pooledInterval"]) assert(key in sharpness, key);
    for (const path of computed.figures) assert((await Deno.stat(path)).size > 0, path);

    // No data are needed to draw from what is there.
    const empty = join(folder, "empty");
    await Deno.mkdir(empty);
    const files = listFiles(folder);
    const again = await document<Reproduced>("reproduce", ...args, "--data", empty);
    assertEquals([again.cachedRuns, again.computedRuns], [2, 0]);
    assertEquals([again.cells, again.figures], [computed.cells, computed.figures]);
    const { document: verified } = await ask<{ agreements: { identical: boolean }[] }>(
      ...["reproduce", ...args, "--verify", "1", "--verify-seed", "1"] as const,
    );
    assertEquals(verified.agreements.map(({ identical }) => identical), [true]);
    assertEquals(listFiles(folder).filter((path) => !path.endsWith(".verify.lock")), files);

    const told = await Promise.all(
      ["1", "2"].map((threads) =>
        document<Reproduced>("reproduce", ...at("shared"), "--threads", threads)
      ),
    );
    for (const { cells } of told) assertEquals(cells, computed.cells);
    assertSame(await contents(join(folder, "shared")), await contents(join(folder, "one")));
  }));

Deno.test("reproduce that cannot be completed ends with status 1 and says what is missing", () =>
  withFolder(async (folder) => {
    const { code, document, stderr } = await ask<Reproduced>(
      "reproduce",
      ...TINY.with(TINY.indexOf("-"), "sharpness(directions=1,radius=1e30)"),
      ...["--models", join(folder, "m"), "--results", join(folder, "r")],
    );
    assertEquals([code, document.missingRuns], [1, 1], stderr);
    assertStringIncludes(stderr, "1 runs cannot be completed: see the messages above");
  }));
