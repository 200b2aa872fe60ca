/**
 * Words of a shell, options for sbatch, and the script of a job.
 *
 * @module
 */
import { join } from "node:path";
import {
  cpusPerTask,
  memoryOptions,
  quoteWord,
  sbatchOptions,
  studyScript,
} from "~/lib/cluster.ts";
import { UsageError } from "~/lib/domain.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { permissionsOf } from "~/tests/fixtures/script.ts";
import { withFolder } from "~/tests/fixtures/temporary_folder.ts";

Deno.test("sbatchOptions() splits as bash does", async () => {
  for (
    const text of [
      "--partition=long --time=04:00:00",
      `--comment="two words" --mail-user='a b' -c 2`,
      `a"b c"'d e'f  ''  "it's"\t'"'`,
      "",
    ]
  ) {
    const { stdout } = await new Deno.Command("bash", {
      args: ["-c", `for word in ${text}; do printf '%s\\0' "$word"; done`],
    }).output();
    const wanted = new TextDecoder().decode(stdout).split("\0").slice(0, -1);
    assertEquals(sbatchOptions(text), wanted);
  }
  for (const text of [`"a`, "it's", "a\nb"]) {
    assertThrows(() => sbatchOptions(text), UsageError, "--sbatch must be one line");
  }
});

Deno.test("quoteWord() is undone by sbatchOptions(), and by bash", async () => {
  for (const word of ["plain", "a b", "it", '"quoted"', "$HOME `date` \\", "ü*?", ""]) {
    assertEquals(sbatchOptions(quoteWord(word)), [word]);
  }
  const { stdout } = await new Deno.Command("bash", {
    args: ["-c", `printf %s ${quoteWord("it's $HOME")}`],
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "it's $HOME");
});

Deno.test("sbatchOptions() refuses what --slurm sets, and cpusPerTask() reads the threads", () => {
  for (const own of ["--array=1-2", "-a 1-2", "--dependency=after:1", "--wrap=ls", "--parsable"]) {
    assertThrows(() => sbatchOptions(`--time=5 ${own}`), UsageError, "--slurm sets it");
  }
  assertEquals(sbatchOptions(""), []);
  const threads: [string, number | undefined][] = [
    ["--cpus-per-task=4", 4],
    ["--time=5 --cpus-per-task 8 --mem=1G", 8],
    ["-c 2", 2],
    ["-c2", 2],
    ["--time=5", undefined],
  ];
  for (const [text, wanted] of threads) {
    assertEquals(cpusPerTask(sbatchOptions(text)), wanted, text);
  }
});

Deno.test("memoryOptions() asks for memory unless the user's options do", () => {
  assertEquals(memoryOptions(sbatchOptions("--time=5"), 700), ["--mem=700M"]);
  for (const own of ["--mem=2G", "--mem 2G", "--mem-per-cpu=1G", "--mem-per-gpu 8G"]) {
    assertEquals(memoryOptions(sbatchOptions(`--time=5 ${own}`), 700), [], own);
  }
});

/** Runs a script as Slurm would, with a shell script in Deno's place. */
async function runAs(
  deno: string,
  { threads, env }: { threads?: number; env: Record<string, string> },
): Promise<{ code: number; text: string }> {
  return await withFolder(async (folder) => {
    const marker = join(folder, "tasks.sh");
    const program = join(folder, "it's deno");
    await Deno.writeTextFile(program, `#!/bin/bash\n${deno}\n`, { mode: 0o755 });
    const script = studyScript({
      deno: program,
      args: ["run", "a b"],
      threads,
      environment: { CIFAR10_DIR: "/some where" },
      marker,
    });
    await Deno.writeTextFile(marker, script);
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: [marker],
      env: { SLURM_JOB_ID: "7", ...env },
    }).output();
    const decoder = new TextDecoder();
    return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
  });
}

Deno.test("studyScript() passes on words, environment, threads and status", async () => {
  const print = 'printf "%s|" "$@" "$CIFAR10_DIR"; exit 3';
  const wanted = (threads: number): { code: number; text: string } => (
    { code: 3, text: `run|a b|--threads|${threads}|/some where|` }
  );
  assertEquals(await runAs(print, { env: {} }), wanted(1));
  assertEquals(await runAs(print, { env: { SLURM_CPUS_ON_NODE: "6" } }), wanted(6));
  const both = { SLURM_CPUS_ON_NODE: "8", SLURM_CPUS_PER_TASK: "2" };
  assertEquals(await runAs(print, { env: both }), wanted(2));
  // More than the command takes.
  assertEquals(await runAs(print, { env: { SLURM_CPUS_ON_NODE: "384" } }), wanted(256));
  assertEquals(await runAs(print, { threads: 5, env: both }), wanted(5));
});

Deno.test("the launcher lets a submission alone start programs", () => {
  const run = (...args: string[]): string[] =>
    permissionsOf("reproduce", args).filter((flag) => flag.startsWith("--allow-run"));
  assertEquals(run("--slurm", "4", "--sbatch", "--time=5"), ["--allow-run"]);
  for (const args of [[], ["--slurm", "4", "--dry-run"], ["--sbatch", "--time=5"]]) {
    assertEquals(run(...args).map((flag) => flag.replace(/\.cmd$/, "")), ["--allow-run=npm"]);
  }
});
