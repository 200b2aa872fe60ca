import { assert, assertEquals, assertStringIncludes } from "~/tests/assert.ts";
import { permissions } from "~/lib/cli/launch.ts";

const ROOT = new URL("..", import.meta.url).pathname;

/** Starts a command as its task does, with exactly the task's permissions. */
function start(command: Parameters<typeof permissions>[0], args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      ...permissions(command, args),
      `lib/cli/${command}.ts`,
      ...args,
    ],
    cwd: ROOT,
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
}

async function finish(
  child: Deno.ChildProcess,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

function run(
  command: Parameters<typeof permissions>[0],
  ...args: string[]
): ReturnType<typeof finish> {
  return finish(start(command, args));
}

const TRAIN = [
  "--learning-rate",
  "0.01",
  "--batch-size",
  "128",
  "--optimizer",
  "SGD",
  "--seed",
  "0",
];

function but(option: string, value: string): string[] {
  const args = [...TRAIN, "--out", "data/never.safetensors"];
  const at = args.indexOf(`--${option}`);
  if (at < 0) args.push(`--${option}`, value);
  else args[at + 1] = value;
  return args;
}

const WRONG: [Parameters<typeof permissions>[0], string[]][] = [
  ["train", []],
  ["train", TRAIN],
  ["train", [...TRAIN, "--bogus"]],
  ["train", [...TRAIN, "positional", "--out", "data/never.safetensors"]],
  ["train", [...TRAIN, "--seed", "1", "--out", "data/never.safetensors"]],
  ...["-1", "0", "NaN", "Infinity", "0x10", "abc", "1e999", "1,2"].map(
    (value): ["train", string[]] => ["train", but("learning-rate", value)],
  ),
  ...["0", "-5", "1.5", "1e9", "many"].map(
    (value): ["train", string[]] => ["train", but("batch-size", value)],
  ),
  ...["1.5", "-1", "4294967296", "x"].map(
    (value): ["train", string[]] => ["train", but("seed", value)],
  ),
  ...["Adam", "", "SGD,AdaGrad"].map(
    (value): ["train", string[]] => ["train", but("optimizer", value)],
  ),
  ...["0", "50001", "1.5"].map((value): ["train", string[]] => ["train", but("images", value)]),
  ["train", but("max-epochs", "-1")],
  ["train", but("threads", "0")],
  ["train", but("engine", "abacus")],
  ["train", but("stopping", "never")],
  ["train", but("init", "data/missing.safetensors")],
  ["train", but("init", "README.md")],
  ["train", but("init", "data")],
  ["train", but("data", "no/such/folder")],
  ["train", but("out", "no/such/folder/m.safetensors")],
  ["train", but("out", "data")],
  ["sharpness", []],
  ["sharpness", ["--model", "data/missing.safetensors"]],
  ["sharpness", ["--model", "deno.json"]],
  ["sharpness", ["--model", "deno.json", "--directions", "0"]],
  ["sharpness", ["--model", "deno.json", "--radius", "-1"]],
  ["reproduce", ["--preset", "huge"]],
  ["reproduce", ["--effects", "momentum"]],
  ["reproduce", ["--optimizers", "SGD,SGD"]],
  ["reproduce", ["--learning-rates", "1e-3,0"]],
  ["reproduce", ["--learning-rates", ""]],
  ["reproduce", ["--learning-rates", "1e-3,0.001"]],
  ["reproduce", ["--batch-sizes", "1.5"]],
  ["reproduce", ["--seeds", "0,0"]],
  ["reproduce", ["--seeds", ","]],
  ["reproduce", ["--directions", "0"]],
  ["reproduce", ["--radius", "NaN"]],
  ["reproduce", ["--stopping-criterion", "-1"]],
  ["reproduce", ["--results", "README.md"]],
  ["reproduce", ["--max-epochs", "1.5"]],
  ["bench", ["--libraries", "abacus"]],
  ["bench", ["--batch-sizes", "0"]],
];

Deno.test(`${WRONG.length} wrong command lines: one line on stderr, status 2`, async () => {
  const waiting = [...WRONG];
  await Promise.all([0, 1].map(async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [command, args] = next;
      const { code, stdout, stderr } = await run(command, ...args);
      assertEquals(code, 2, `${command} ${args.join(" ")}: ${stderr}`);
      assertEquals(stdout, "");
      assertEquals(stderr.trim().split("\n").length, 1, stderr);
    }
  }));
});

Deno.test("--help lists every option of every command", async () => {
  for (const command of ["reproduce", "train", "sharpness", "bench"] as const) {
    const { code, stdout } = await run(command, "--help");
    assertEquals(code, 0);
    assertStringIncludes(stdout, "--data DIR");
    assertStringIncludes(stdout, "Exit status");
  }
});

Deno.test("reproduce draws the committed results without data, in under 5 s", async () => {
  const begin = performance.now();
  const { code, stdout, stderr } = await run("reproduce", "--json");
  assertEquals(code, 0, stderr);
  const { cells, cachedRuns, computedRuns, figures } = JSON.parse(stdout);
  assertEquals([cells.length, cachedRuns, computedRuns, figures.length], [12, 30, 0, 12]);
  assert(performance.now() - begin < 5000);
});

Deno.test("train, then sharpness: losses agree, r = 0 gives 0", async () => {
  const folder = await Deno.makeTempDir({ prefix: "a folder, ünicode " });
  try {
    const out = `${folder}/m.safetensors`;
    const trained = await run(
      "train",
      ...[...TRAIN, "--max-epochs", "1", "--images", "600", "--engine", "cpu"],
      ...["--out", out, "--json"],
    );
    assertEquals(trained.code, 0, trained.stderr);
    const { trainLoss, epochLosses, config } = JSON.parse(trained.stdout);
    assertEquals(epochLosses.length, 1);
    assertEquals(config.learningRate, 0.01);
    const sampled = await run(
      "sharpness",
      ...["--model", out, "--images", "600", "--directions", "3", "--radius", "0"],
      ...["--engine", "cpu", "--json"],
    );
    assertEquals(sampled.code, 0, sampled.stderr);
    const { loss, samples } = JSON.parse(sampled.stdout);
    assert(Math.abs(loss - trainLoss) < 1e-12);
    assertEquals(samples, [0, 0, 0]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** A study of four short runs; SGD diverges at the second learning rate. */
const SMALL = [
  ...["--effects", "learning-rate", "--learning-rates", "1e-2,1e38", "--optimizers", "SGD"],
  ...["--seeds", "0,1", "--images", "2000", "--max-epochs", "6", "--directions", "2"],
  ...["--engine", "cpu"],
];

/** The part of every result that may not depend on when and how often it was computed. */
async function runsIn(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const study of Deno.readDir(folder)) {
    for await (const file of Deno.readDir(`${folder}/${study.name}/SGD`)) {
      const text = await Deno.readTextFile(`${folder}/${study.name}/SGD/${file.name}`);
      found[file.name] = JSON.stringify(JSON.parse(text).run);
    }
  }
  return found;
}

Deno.test("reproduce killed at random moments, then two at once: the uninterrupted bytes", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const at = (name: string): string[] => [
      ...SMALL,
      ...["--models", `${folder}/${name}/models`, "--results", `${folder}/${name}/results`],
    ];
    const whole = await run("reproduce", ...at("whole"), "--threads", "1", "--json");
    assertEquals(whole.code, 0, whole.stderr);
    const { cells } = JSON.parse(whole.stdout);
    assertEquals(cells[1].sharpness, null);
    assertStringIncludes(whole.stderr, "diverged");
    const expected = await runsIn(`${folder}/whole/results`);
    assertEquals(Object.keys(expected).length, 4);

    for (let kill = 0; kill < 8; kill++) {
      const child = start("reproduce", at("killed"));
      const timer = setTimeout(() => child.kill("SIGKILL"), 300 + 230 * kill);
      await finish(child);
      clearTimeout(timer);
    }
    const ends = await Promise.all([
      run("reproduce", ...at("killed")),
      run("reproduce", ...at("killed"), "--threads", "1"),
    ]);
    for (const { code, stderr } of ends) assertEquals(code, 0, stderr);
    assertEquals(await runsIn(`${folder}/killed/results`), expected);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a command's permissions end at the folders that it names", async () => {
  const script = await Deno.makeTempFile({ suffix: ".ts", dir: `${ROOT}data` });
  try {
    await Deno.writeTextFile(
      script,
      `for (const attempt of [
        () => Deno.writeTextFile("/outside", ""), () => Deno.writeTextFile("README.md", ""),
        () => fetch("https://example.com"), () => new Deno.Command("sh").output(),
      ]) { try { await attempt(); console.log("done"); } catch (e) { console.log(e.name); } }`,
    );
    const { stdout } = await finish(
      new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--no-prompt", ...permissions("reproduce", []), script],
        cwd: ROOT,
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
    );
    assertEquals(stdout.trim().split("\n"), Array(4).fill("NotCapable"));
  } finally {
    await Deno.remove(script);
  }
});
