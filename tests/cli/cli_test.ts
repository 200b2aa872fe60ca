import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { sha256 } from "~/lib/files/files.ts";
import { type Command, type Ended, ended, startCommand } from "~/tests/fixtures/script.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";

function run(command: Command, ...args: string[]): Promise<Ended> {
  return ended(startCommand(command, args));
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

const WRONG: [Command, string[]][] = [
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
  ...["--seeds", "0,1", "--images", "500", "--max-epochs", "2", "--directions", "2"],
  ...["--engine", "cpu", "--json"],
];

/** Every file of a study by its path: results without their timing, all others to the byte. */
async function filesOf(folder: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const path of listFiles(folder)) {
    const bytes = path.endsWith("/") ? "" : await Deno.readFile(`${folder}/${path}`);
    if (path.endsWith(".seconds")) found[path] = "a time";
    else if (path.endsWith(".json")) {
      const { timing, sha256: { timing: _, ...sums }, ...rest } = JSON.parse(
        new TextDecoder().decode(bytes as Uint8Array),
      );
      found[path] = JSON.stringify({ ...rest, timing: Object.keys(timing), sums });
    } else found[path] = sha256(bytes);
  }
  return found;
}

/** What a command printed, without the time that it took and the folder that it worked in. */
function told({ stdout }: Ended, folder: string): unknown {
  const { seconds, ...rest } = JSON.parse(stdout.replaceAll(folder, ""));
  assert(seconds > 0);
  return rest;
}

Deno.test("reproduce gives the same bytes twice, on any number of threads, by two at once", async () => {
  await withFolder(async (folder) => {
    const at = (name: string): string[] => [
      ...SMALL,
      ...["--models", `${folder}/${name}/models`, "--results", `${folder}/${name}/results`],
    ];
    const whole = await run("reproduce", ...at("whole"), "--threads", "1");
    assertEquals(whole.code, 0, whole.stderr);
    const { cells } = JSON.parse(whole.stdout);
    assertEquals(cells[1].sharpness, null);
    assertStringIncludes(whole.stderr, "diverged");
    const wanted = await filesOf(`${folder}/whole`);
    // Two models with their locks and times, two locks of diverged runs, four results, six figures.
    assertEquals(Object.keys(wanted).filter((path) => !path.endsWith("/")).length, 18);

    const again = await run("reproduce", ...at("again"), "--threads", "2");
    assertEquals(await filesOf(`${folder}/again`), wanted);
    assertEquals(told(again, `${folder}/again`), told(whole, `${folder}/whole`));
    await Promise.all([
      run("reproduce", ...at("two")),
      run("reproduce", ...at("two"), "--threads", "1"),
    ]);
    assertEquals(await filesOf(`${folder}/two`), wanted);
  });
});

Deno.test("train and sharpness give the same bytes twice, on any number of threads", async () => {
  await withFolder(async (folder) => {
    // Four blocks of rows: on 2 threads there is progress to report between.
    const images = ["--images", "2000", "--engine", "cpu", "--json"];
    const outcomes = [];
    for (const threads of ["1", "2"]) {
      const out = `${folder}/${threads}.safetensors`;
      const options = [...images, "--threads", threads];
      const training = [...TRAIN, "--max-epochs", "2", "--out", out];
      const trained = await run("train", ...training, ...options);
      assertEquals(trained.code, 0, trained.stderr);
      const sampling = ["--model", out, "--directions", "3"];
      const sampled = await run("sharpness", ...sampling, ...options);
      assertEquals(sampled.code, 0, sampled.stderr);
      for (
        const [, percent, done, all] of sampled.stderr.matchAll(/(\d+) % .*loss (\d+) of (\d+)/g)
      ) {
        assertEquals(Number(all), 4);
        assertAlmostEquals(Number(percent), 100 * Number(done) / 4, 1);
      }
      assertStringIncludes(sampled.stderr, " of 4");
      outcomes.push([
        told(trained, folder),
        told(sampled, folder),
        sha256(await Deno.readFile(out)),
      ]);
    }
    assertEquals(outcomes[0], outcomes[1]);
  });
});
