/**
 * Paths on command lines: what cannot be used is refused in one line, what is merely odd works.
 *
 * @module
 */
import { join } from "node:path";
import type { CommandName } from "~/lib/cli/commands.ts";
import { ensureCifar10 } from "~/lib/dataset.ts";
import { assertEquals, assertMatch } from "@std/assert";
import { ask, document, notRefused, run, TINY, TRAIN } from "~/tests/fixtures/command.ts";
import { ended, ROOT, startTask } from "~/tests/fixtures/script.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";

const ODD = "a folder, ünicode 数 with $pecial 'characters'";

/** A folder with what a path may lead to besides a folder or a file. */
async function withOddities(work: (folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "a file"), "");
    await Deno.mkdir(join(folder, ODD));
    await Deno.symlink(join(folder, "nowhere"), join(folder, "to nothing"));
    await Deno.symlink(join(folder, "loop"), join(folder, "loop"));
    await Deno.symlink(join(folder, ODD), join(folder, "link"));
    await Deno.symlink(join(ROOT, "data"), join(folder, "to data"));
    await work(folder);
  });
}

/** Command lines that name what cannot be used. */
function unusable(folder: string): [CommandName, string[]][] {
  const at = (name: string): string => join(folder, name);
  const train = (...more: string[]): [CommandName, string[]] => ["train", [...TRAIN, ...more]];
  return [
    ["reproduce", ["--models", "data"]],
    ["reproduce", ["--results", "data/../data/x"]],
    ["reproduce", ["--data", folder, "--results", at("x")]],
    ["reproduce", ["--results", at("a file")]],
    ["reproduce", ["--results", at("a file/below")]],
    ["reproduce", ["--results", at("to nothing")]],
    ["reproduce", ["--results", at("loop")]],
    ["reproduce", ["--data", at("to nothing")]],
    ["reproduce", ["--results", ""]],
    ["reproduce", ["--results", at("to data")]],
    ["reproduce", ["--results", "/no\u001b[31m\nfolder", "--data", at("\u001b[31m\n")]],
    train("--out", `${at("new")}/`),
    train("--out", at("to nothing/m")),
    train("--out", at("loop")),
    train("--out", at("a file/m.safetensors")),
    train("--out", at("link")),
    train("--out", "no/such/folder/m.safetensors"),
    train("--out", at("m"), "--init", "README.md"),
    ["sharpness", ["--model", at("loop")]],
    ["sharpness", ["--model", at("to nothing")]],
    ["sharpness", ["--model", at("link")]],
    ["sharpness", ["--model", at("a file")]],
    ["measure", ["--measures", "trace", "--model", "deno.json"]],
  ];
}

Deno.test("paths that cannot be used: one line, status 2, nothing written", () =>
  withOddities(async (folder) => {
    const before = listFiles(folder);
    // Another test may be fetching them just now.
    await ensureCifar10();
    const data = listFiles(join(ROOT, "data"));
    const faults: string[] = [];
    for (const [command, args] of unusable(folder)) {
      // Under their own permissions where a link leads on, in this process else.
      const isLink = args.some((path) => /(loop|to data)$/.test(path)) && command === "reproduce";
      const outcome = isLink ? await run(command, ...args) : await ask(command, ...args);
      faults.push(...notRefused(outcome).map((fault) => `${command} ${args}: ${fault}`));
    }
    assertEquals(faults, []);
    const { stderr } = await ask("sharpness", "--model", join(folder, "link"));
    assertMatch(stderr, /link as it must be a file: it is a directory\n$/);
    assertEquals(listFiles(folder), before);
    assertEquals(listFiles(join(ROOT, "data")), data);
  }));

Deno.test("CIFAR10_DIR that leads nowhere: one line that names it, nothing written", () =>
  withFolder(async (folder) => {
    const args = ["--results", `${folder}/r`, "--models", `${folder}/m`, "--images", "100"];
    const { code, stderr } = await ended(
      startTask("reproduce", args, { CIFAR10_DIR: `${folder}/none` }),
    );
    assertMatch(stderr, /\nCannot load CIFAR-10 from .*none.*\n$/);
    assertEquals(code, 2);
    assertEquals(listFiles(folder), []);
  }));

Deno.test("folders with spaces, unicode and links work, models and results in one, too", () =>
  withOddities(async (folder) => {
    // The link leads to the second folder: what was computed there is found.
    for (const [name, computed] of [["link", 1], [ODD, 0]] as const) {
      const place = join(folder, name);
      const outcome = await document<{ computedRuns: number; figures: string[] }>(
        ...["reproduce", ...TINY, "--models", place, "--results", place] as const,
      );
      assertEquals(outcome.computedRuns, computed, name);
      for (const path of outcome.figures) assertEquals((await Deno.stat(path)).isFile, true);
    }
  }));
