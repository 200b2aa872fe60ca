/**
 * `deno task reproduce`: its document, its cache, and the same numbers however it is run.
 *
 * @module
 */
import { join } from "node:path";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { document, run, SMALL } from "~/tests/fixtures/command.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { assertSame, contents } from "~/tests/fixtures/tiny_study.ts";

interface Reproduced {
  readonly cells: readonly Readonly<Record<string, unknown>>[];
  readonly figures: readonly string[];
  readonly cachedRuns: number;
  readonly computedRuns: number;
  readonly missingRuns: number;
}

Deno.test("reproduce --json computes, draws, finds again, plans and verifies", async () => {
  await withFolder(async (folder) => {
    const args = [...SMALL, "--models", join(folder, "m"), "--results", join(folder, "r")];
    const nothing = await document<Reproduced>("reproduce", ...args, "--cached-only");
    assertEquals([nothing.missingRuns, nothing.computedRuns], [2, 0]);
    assertEquals(listFiles(folder).filter((path) => path.startsWith("m")), []);
    const planned = await document<{ runs: { cached: boolean }[] }>(
      ...["reproduce", ...args, "--dry-run"] as const,
    );
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
    const verified = await document<{ agreements: { identical: boolean }[] }>(
      ...["reproduce", ...args, "--verify", "2", "--verify-seed", "1"] as const,
    );
    assertEquals(verified.agreements.map(({ identical }) => identical), [true, true]);
    assertEquals(listFiles(folder), files);
  });
});

Deno.test("reproduce that cannot be completed ends with status 1 and says what is missing", async () => {
  await withFolder(async (folder) => {
    const { code, stdout, stderr } = await run(
      ...["reproduce", ...SMALL, "--radius=1e30"] as const,
      ...["--models", join(folder, "m"), "--results", join(folder, "r")],
    );
    assertEquals([code, JSON.parse(stdout).missingRuns], [1, 2], stderr);
    assertStringIncludes(stderr, "2 runs cannot be completed: see the messages above");
  });
});

Deno.test("reproduce gives the same on any number of threads, and by two processes at once", async () => {
  await withFolder(async (folder) => {
    const at = (name: string, ...more: string[]): string[] => [
      ...[...SMALL, "--models", join(folder, name, "m"), "--results", join(folder, name, "r")],
      ...more,
    ];
    const told = async (name: string, ...more: string[]): Promise<unknown> => {
      const { stdout, stderr, code } = await run("reproduce", ...at(name, ...more));
      assertEquals(code, 0, stderr);
      const { cells, figures } = JSON.parse(stdout.replaceAll(join(folder, name), ""));
      return { cells, figures };
    };
    const wanted = await told("one", "--threads", "1");
    assertEquals(await told("two", "--threads", "2"), wanted);
    const shared = [told("shared"), told("shared", "--threads", "1")];
    assertEquals(await Promise.all(shared), [wanted, wanted]);
    const files = await contents(join(folder, "one"));
    for (const name of ["two", "shared"]) assertSame(await contents(join(folder, name)), files);
  });
});
