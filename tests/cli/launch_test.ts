/**
 * What the launcher does itself: whole paths, a word on how a command ended, and on an old Deno.
 *
 * @module
 */
import { join } from "node:path";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ended, ROOT, startTask } from "~/tests/fixtures/script.ts";

Deno.test("paths are those of the folder in which the task was typed, and said whole", async () => {
  const folder = join(ROOT, "notebooks");
  const { stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "sharpness", "--model", "../none.safetensors"],
    cwd: folder,
    stdin: "null",
    env: { NO_COLOR: "1", INIT_CWD: folder },
  }).output();
  assertEquals(
    new TextDecoder().decode(stderr),
    `--model must name what exists: ${join(ROOT, "none.safetensors")} is not there\n`,
  );
  const args = ["--threads", "1", "--images", "10"];
  const env = { CIFAR10_DIR: "none", INIT_CWD: folder };
  const bench = await ended(startTask("bench", args, env));
  assertEquals(bench.code, 2);
  assertStringIncludes(bench.stderr, join(folder, "none"));
});

Deno.test({
  name: "a command that the system kills ends with a line that names the signal and the cause",
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    const task = startTask("bench", ["--batch-sizes", "10240", "--threads", "1"]);
    let said = "";
    for await (const part of task.stderr.pipeThrough(new TextDecoderStream())) {
      said += part;
      if (!said.includes("Matrix products by")) continue;
      const { stdout } = await new Deno.Command("pgrep", { args: ["-P", `${task.pid}`] }).output();
      const command = Number(new TextDecoder().decode(stdout));
      if (command > 0) Deno.kill(command, "SIGKILL");
    }
    await task.stdout.cancel();
    assertEquals((await task.status).code, 137);
    assertMatch(said, /\nThe system ended the command by SIGKILL, .* memory ran out: .*\n$/);
  },
});

Deno.test("an older Deno is told in one line which one is needed", async () => {
  const { exit, version } = Deno;
  const { error } = console;
  try {
    for (const [deno, status] of [["2.6.8", 2], ["1.46.3", 2], ["2.7.1", 0], ["3.0.0", 0]]) {
      let [code, said] = [0, ""];
      Object.defineProperty(Deno, "version", { value: { deno }, configurable: true });
      Deno.exit = ((given: number): void => void (code = given)) as typeof exit;
      console.error = (line): void => void (said = line);
      await import(`${ROOT}lib/cli/deno_version.ts?${deno}`);
      assertEquals(code, status);
      assertMatch(said, status === 0 ? /^$/ : /^Cannot run on Deno .* must be 2\.7 or newer: .*$/);
    }
  } finally {
    Object.defineProperty(Deno, "version", { value: version, configurable: true });
    [Deno.exit, console.error] = [exit, error];
  }
});
