/**
 * What the commands may not do, tried from inside with exactly their permissions. That they need
 * neither the network nor another program once the data are there, all tests show that `run` them.
 *
 * @module
 */
import { join } from "node:path";
import config from "~/deno.json" with { type: "json" };
import type { CommandName } from "~/lib/cli/commands.ts";
import { ensureCifar10 } from "~/lib/dataset.ts";
import { assertEquals } from "@std/assert";
import { document } from "~/tests/fixtures/command.ts";
import { ended, permissionsOf, startDeno } from "~/tests/fixtures/script.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";

/** What a command is given in a folder, and the paths below it that it may then write and read. */
const GRANTS: Record<
  Exclude<CommandName, "setup:gpu">,
  { args(folder: string): string[]; write: string[]; read: string[] }
> = {
  reproduce: {
    args: (folder) => ["--models", `${folder}/own/models`, "--results", `${folder}/own/results`],
    write: ["own/models/a", "own/results/quick/a"],
    read: ["own/results/quick/a"],
  },
  train: {
    args: (folder) => [
      ...["--out", `${folder}/own/m.safetensors`, "--init", `${folder}/init`],
      ...["--models", `${folder}/own/models`],
    ],
    write: ["own/m.safetensors", "own/m.safetensors.unfinished", "own/models/a"],
    read: ["init"],
  },
  sharpness: { args: (folder) => ["--model", `${folder}/init`], write: [], read: ["init"] },
  measure: { args: (folder) => ["--model", `${folder}/init`], write: [], read: ["init"] },
  landscape: {
    args: (folder) => [
      ...["--model", `${folder}/init`, "--to", `${folder}/own/to`, "--out", `${folder}/own/line`],
    ],
    write: ["own/line.json", "own/line.png"],
    read: ["init"],
  },
  report: {
    args: (folder) => ["--results", `${folder}/own/results`],
    write: ["own/results/report.html"],
    read: ["own/results/report.html"],
  },
  bench: { args: () => [], write: [], read: [] },
};

/** Attempts by name; all must fail for want of a permission. None harms a project that let it. */
const DENIED: Record<string, string> = {
  "write beside": `Deno.writeTextFile(folder + "/beside", "")`,
  "write above by dots": `Deno.writeTextFile(folder + "/own/results/../../beside", "")`,
  "write the sources": `Deno.writeTextFile("lib/never.ts", "")`,
  "write beside the settings": `Deno.writeTextFile("never.json", "")`,
  "write committed results": `Deno.writeTextFile("results/quick/never.json", "")`,
  "remove a model": `Deno.remove("models/never")`,
  "write git's folder": `Deno.writeTextFile(".git/hooks/never", "")`,
  "write node_modules": `Deno.writeTextFile("node_modules/never", "")`,
  "write the root": `Deno.writeTextFile("/never", "")`,
  "make a folder": `Deno.mkdir(folder + "/new")`,
  "make a temporary file": `Deno.makeTempFile()`,
  "link out": `Deno.symlink("/etc", "data/never")`,
  "rename out of the data": `Deno.rename("data/never", folder + "/never")`,
  "read beside": `Deno.readTextFile(folder + "/secret")`,
  "read passwords": `Deno.readTextFile("/etc/passwd")`,
  "list the root": `Array.fromAsync(Deno.readDir("/"))`,
  "fetch": `fetch("https://example.com")`,
  "fetch in clear": `fetch("http://www.toronto.edu/")`,
  "connect": `Deno.connect({ hostname: "127.0.0.1", port: 9 })`,
  "listen": `Promise.try(() => Deno.listen({ port: 0 }))`,
  "resolve": `Deno.resolveDns("example.com", "A")`,
  "import from afar": `import("https://example.com/a.ts")`,
  "start a shell": `new Deno.Command("sh", { args: ["-c", "true"] }).output()`,
  "start deno": `new Deno.Command(Deno.execPath(), { args: ["--version"] }).output()`,
  "read HOME": `Promise.try(() => Deno.env.get("HOME"))`,
  "list the environment": `Promise.try(() => Deno.env.toObject())`,
  "set the search path": `Promise.try(() => Deno.env.set("PATH", ""))`,
};

const NAME = `each command may write and read what is named, and ${Object.keys(DENIED).length} ` +
  "other things it may not";
Deno.test(NAME, async () => {
  for (const [command, { args, write, read }] of Object.entries(GRANTS)) {
    await withFolder(async (folder) => {
      await Deno.mkdir(join(folder, "own/models"), { recursive: true });
      await Deno.mkdir(join(folder, "own/results/quick"), { recursive: true });
      for (const file of ["secret", "init"]) await Deno.writeTextFile(join(folder, file), file);
      const before = listFiles(folder);
      const granted = Object.fromEntries([
        ...write.map((path) => [path, `Deno.writeTextFile(folder + "/${path}", "")`]),
        ...read.map((path) => [`read ${path}`, `Deno.readTextFile(folder + "/${path}")`]),
      ]);
      const attempts = Object.entries({ ...DENIED, ...granted });
      const script = `
        const folder = Deno.args[0];
        const outcomes = {};
        const attempts = {
          ${attempts.map(([name, code]) => `"${name}": () => ${code},`).join("\n")}
        };
        for (const [name, attempt] of Object.entries(attempts)) {
          try {
            await attempt();
            outcomes[name] = "done";
          } catch (error) {
            outcomes[name] =
              /^NotCapable|Requires import access/.test(error) ? "denied" : String(error);
          }
        }
        console.log(JSON.stringify(outcomes));`;
      const url = `data:application/typescript,${encodeURIComponent(script)}`;
      const flags = [
        "--quiet",
        "--no-prompt",
        ...permissionsOf(command as CommandName, args(folder)),
      ];
      const { stdout, stderr } = await ended(startDeno(["run", ...flags, url, folder]));
      assertEquals(stderr, "");
      const wanted = attempts.map(([name]) => [name, name in DENIED ? "denied" : "done"]);
      assertEquals(JSON.parse(stdout), Object.fromEntries(wanted), command);
      assertEquals(listFiles(folder), [...before, ...write].sort());
    });
  }
});

Deno.test("bench --json needs neither the network nor another program", async () => {
  await ensureCifar10();
  const rows = await document<{ samplesPerSecond: number }[]>("bench", ...[
    ...["--batch-sizes=200", "--images=200", "--optimizers=SGD", "--measures=-"],
    ...["--threads=1", "--json"],
  ]);
  assertEquals(rows.length, 1);
});

Deno.test("the launcher may read the project and three variables and start programs, no more", () => {
  const flags = "--allow-read=. --allow-env=CIFAR10_DIR,INIT_CWD,XDG_RUNTIME_DIR --allow-run";
  const tasks = Object.entries(config.tasks)
    .filter(([, { command }]) => command.includes("lib/cli/launch.ts"));
  assertEquals(tasks.map(([name]) => name), Object.keys(GRANTS));
  for (const [name, { command }] of tasks) {
    assertEquals(
      // The page comes through a pipe, from a task without permissions.
      command.replace("deno task --quiet bundle:page | ", ""),
      `deno run --frozen --quiet --no-prompt ${flags} lib/cli/launch.ts ${name}`,
    );
  }
});

Deno.test("every other task takes its permissions from deno.json", () => {
  for (const [name, { command }] of Object.entries(config.tasks)) {
    for (const [, set] of command.matchAll(/ -P=(\w+)/g)) {
      assertEquals(set! in config.permissions, true, name);
    }
    assertEquals(command.includes("--allow"), command.includes("launch.ts"), name);
  }
});
