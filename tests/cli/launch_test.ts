/** What the launcher does itself, and what is installed: pinned, frozen. @module */
import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import config from "~/deno.json" with { type: "json" };
import { fromHere } from "~/lib/cli/launch.ts";
import { callProgram } from "~/lib/files/programs.ts";
import { ended, ROOT, startTask } from "~/tests/fixtures/script.ts";

Deno.test("paths are those of the folder in which the task was typed, and said whole", async () => {
  const folder = join(ROOT, "notebooks");
  const words = ["task", "--quiet", "sharpness", "--model", "../none.safetensors"];
  const there = { cwd: folder, env: { NO_COLOR: "1", INIT_CWD: folder } };
  assertEquals(
    (await callProgram(Deno.execPath(), words, there))!.stderr,
    `--model must name what exists: ${join(ROOT, "none.safetensors")} is not there\n`,
  );
  const engines = ["cpu:../libblas.so", `cpu:${join(ROOT, "libblas.so")}`, "cpu:libblas.so", "cpu"];
  assertEquals(
    engines.map((engine) => fromHere({ engine }, folder)["engine"]),
    [engines[1], ...engines.slice(1)],
  );
  const args = ["--threads", "1", "--images", "10"];
  const env = { CIFAR10_DIR: "none", INIT_CWD: folder };
  const bench = await ended(startTask("bench", args, env));
  assertEquals(bench.code, 2);
  assertStringIncludes(bench.stderr, join(folder, "none"));
});

Deno.test("a command that the system kills ends with a line that names the signal and the cause", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const task = startTask("bench", ["--batch-sizes", "10240", "--threads", "1"]);
  let said = "";
  for await (const part of task.stderr.pipeThrough(new TextDecoderStream())) {
    said += part;
    if (!said.includes("Matrix products by")) continue;
    const command = Number((await callProgram("pgrep", ["-P", `${task.pid}`]))!.stdout);
    if (command > 0) Deno.kill(command, "SIGKILL");
  }
  await task.stdout.cancel();
  assertEquals((await task.status).code, 137);
  assertMatch(said, /\nThe system ended the command by SIGKILL, .* memory ran out: .*\n$/);
});

Deno.test("an older Deno is told in one line which one is needed", async () => {
  const { exit, version } = Deno;
  const { error } = console;
  try {
    for (const [deno, status] of [["2.7.14", 2], ["1.46.3", 2], ["2.8.0", 0], ["3.0.0", 0]]) {
      let [code, said] = [0, ""];
      Object.defineProperty(Deno, "version", { value: { deno }, configurable: true });
      Deno.exit = ((given: number): void => void (code = given)) as typeof exit;
      console.error = (line): void => void (said = line);
      await import(`${ROOT}lib/cli/deno_version.ts?${deno}`);
      assertEquals(code, status);
      assertMatch(said, status === 0 ? /^$/ : /^Cannot run on Deno .* must be 2\.8 or newer: .*$/);
    }
  } finally {
    Object.defineProperty(Deno, "version", { value: version, configurable: true });
    [Deno.exit, console.error] = [exit, error];
  }
});

/** Names of the settings and flags that would undo what is tested here. */
const UNDOING = /allow-?scripts|frozen(-lockfile)?=false|no-lock|--reload|deno (update|outdated)/i;

Deno.test("deno.json pins every package to one version, which deno.lock knows", async () => {
  const { specifiers } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.lock`));
  const packages = Object.entries(config.imports)
    // @std/assert is tests/assert.ts here, and may become JSR's.
    .filter(([name]) => !["~/", "@std/assert"].includes(name));
  assert(packages.length > 0);
  for (const [name, specifier] of packages) {
    assertEquals(specifier.replace(/@\d+\.\d+\.\d+$/, ""), `npm:${name}`);
    assert(specifier in specifiers, specifier);
  }
});

Deno.test("every task takes deno.lock as it is; a notebook's cell may import a package of its own", () => {
  assertEquals(config.lock, "./deno.lock");
  for (const { command } of Object.values(config.tasks)) {
    for (const [start] of command.matchAll(/deno (run|test|check|bundle) .*?(?=$|&&)/g)) {
      if (!start.startsWith("deno check")) assertStringIncludes(start, "--frozen");
    }
  }
});

Deno.test("no task and not .ci/run thaws the lock, lets install scripts run or allows all", async () => {
  const ci = await Deno.readTextFile(`${ROOT}.ci/run`) +
    await Deno.readTextFile(`${ROOT}tests/bare_machine.sh`);
  for (const text of [ci, JSON.stringify(config)]) assertEquals(text.match(UNDOING), null);
  for (const { command } of Object.values(config.tasks)) {
    assertEquals(command.match(/ -A\b|--allow-all/), null);
  }
});
