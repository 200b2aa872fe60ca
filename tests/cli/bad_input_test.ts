/**
 * Command lines that cannot be right: one clear line, status 2, nothing written.
 *
 * @module
 */
import { studyFrom } from "~/lib/cli/asked.ts";
import { readValues, readWords } from "~/lib/cli/command.ts";
import { type CommandName, COMMANDS } from "~/lib/cli/commands.ts";
import { TRAINING } from "~/lib/cli/train.ts";
import { UsageError } from "~/lib/domain.ts";
import { presets } from "~/lib/study.ts";
import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { TRAIN, twoAtOnce } from "~/tests/fixtures/command.ts";
import { ended, startDeno, startTask } from "~/tests/fixtures/script.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";

/** Options and the values that none of them may have, command by command. */
const VALUES: Readonly<Record<"train" | "reproduce", Readonly<Record<string, readonly string[]>>>> =
  {
    train: {
      "learning-rate": ["-1", "0", "NaN", "Infinity", "0x10", "abc", "1e999", "1,2", ""],
      "batch-size": ["0", "-5", "1.5", "1e9", "many"],
      seed: ["1.5", "-1", "4294967296", "x"],
      optimizer: [
        ...["Adagrads", "", "SGD,AdaGrad", "__proto__", "SGD(momentum=1)", "SGD(beta1=0.9)"],
        ...["SGD(momentum)", "SGD(momentum=0.9", "AdaGrad(epsilon=0)", "SGD(nesterov=2)"],
      ],
      images: ["0", "50001", "1.5"],
      "max-epochs": ["-1", "1.5", "1e7"],
      stops: [
        ...["never", "", "epochs", "epochs:", "epochs:-1", "epochs:1.5", "loss:x", "loss:-1"],
        ...["cumulative:1e-3:0", "cumulative:1e-3:5:6", "loss:1:5", "epochs:2,epochs:2", "loss:1,"],
      ],
      threads: ["0", "257", "1.5", ""],
      engine: ["abacus", "", "cpu:"],
    },
    reproduce: {
      preset: ["huge", "", "\u001b]0;title\u0007"],
      effects: ["momentum", "", "pairs", "learning-rate,learning-rate"],
      optimizers: ["SGD,SGD", "Adams", ",", "SGD,SGD(momentum=0)"],
      "learning-rates": ["1e-3,0", "", "1e-3,0.001", "1e-3;1e-2"],
      "batch-sizes": ["1.5", "0", "128,"],
      cells: ["1e-3", "1e-3:1:2", "0:128", "1e-3:0", ":", "1e-3:128,1e-3:128"],
      seeds: ["0,0", ",", "9".repeat(5000), "-1"],
      stops: ["soon", "epochs:1,epochs:1.0"],
      measures: ["flatness", "sharpness,sharpness"],
      directions: ["0"],
      radius: ["NaN", "-1"],
      "max-epochs": ["1.5"],
    },
  };

/** Reads a command line as its command does, before that opens anything. */
function read(name: keyof typeof VALUES, args: readonly string[]): void {
  const values = readValues(COMMANDS[name], readWords(COMMANDS[name], args));
  studyFrom(values, name === "train" ? TRAINING : presets.standard);
}

/** What is right without the flaw. */
const RIGHT = { train: [...TRAIN, "--out", "m"], reproduce: [] as readonly string[] };

for (const [command, options] of Object.entries(VALUES)) {
  const name = command as keyof typeof VALUES;
  for (const [option, values] of Object.entries(options)) {
    Deno.test(`${command} --${option}: ${values.length} wrong values, each refused by name`, () => {
      const at = RIGHT[name].indexOf(`--${option}`);
      const others = RIGHT[name].filter((_, i) => at < 0 || (i !== at && i !== at + 1));
      read(name, RIGHT[name]);
      for (const value of values) {
        const { message } = assertThrows(
          () => read(name, [...others, `--${option}=${value}`]),
          UsageError,
        );
        assertMatch(message, /must|Cannot/);
        assertStringIncludes(message, option.replace(/s$/, ""));
      }
    });
  }
}

/** Command lines that are wrong as a whole. */
const WRONG: (readonly [CommandName, readonly string[]])[] = [
  ["train", []],
  ["train", [...TRAIN, "--out", "data/never", "--learning-rate", "2"]],
  ["train", [...TRAIN, "--out", "data/never", "--bogus"]],
  ["train", [...TRAIN, "--out", "data/never", "positional"]],
  ["train", TRAIN],
  ["train", TRAIN.slice(2)],
  ["train", ["--seed", "1"]],
  ["train", ["--learning-rate", "-1"]],
  ["sharpness", []],
  ["sharpness", ["--model", "--json"]],
  ["sharpness", ["--model", "deno.json", "--directions", "0"]],
  ["sharpness", ["--model", "deno.json", "--radius", "-1"]],
  ["measure", []],
  ["measure", ["--model", "deno.json"]],
  ["measure", ["--model", "deno.json", "--measures", "flatness"]],
  ["measure", ["--model", "deno.json", "--measures", "trace(radius=0)"]],
  ["landscape", []],
  ["landscape", ["--model", "deno.json"]],
  ["landscape", ["--model", "deno.json", "--plane", "0x0"]],
  ["landscape", ["--model", "deno.json", "--plane", "25"]],
  ["landscape", ["--model", "deno.json", "--points", "1"]],
  ["landscape", ["--model", "deno.json", "--plane", "3x3", "--points", "3"]],
  ["landscape", ["--model", "deno.json", "--and", "deno.json"]],
  ["landscape", ["--model", "deno.json", "--to", "deno.json", "--plane", "3x3"]],
  ["landscape", ["--model", "deno.json", "--to", "deno.json", "--radius", "1"]],
  ["reproduce", ["--fresh=yes"]],
  ["reproduce", ["--no-fresh"]],
  ["reproduce", ["--__proto__=1"]],
  ["reproduce", ["--models"]],
  ["reproduce", ["--preset", "\u001b]0;title\u0007"]],
  ["reproduce", ["--seeds", "9".repeat(5000)]],
  ["reproduce", ["--fresh", "--dry-run"]],
  ["reproduce", ["--cached-only", "--verify", "1"]],
  ["reproduce", ["--verify", "0"]],
  ["reproduce", ["--verify", "all"]],
  ["bench", ["more"]],
  ["bench", ["--threads", "0"]],
  ["bench", ["--batch-sizes", "0"]],
];

/** The first of each command, and what the launcher lets pass: the others are refused here. */
function needsProcess([command, args]: typeof WRONG[number], place: number): boolean {
  if (WRONG.findIndex(([other]) => other === command) === place) return true;
  try {
    readValues(COMMANDS[command], readWords(COMMANDS[command], args));
    return true;
  } catch (error) {
    assertInstanceOf(error, UsageError);
    return false;
  }
}

Deno.test(`${WRONG.length} wrong command lines: one line, status 2, nothing written`, async () => {
  await withFolder(async (folder) => {
    const faults: string[] = [];
    await twoAtOnce(WRONG.filter(needsProcess), async ([command, args]) => {
      const folders = command === "reproduce" ? ["--results", `${folder}/results`] : [];
      const { code, stdout, stderr } = await ended(startTask(command, [...folders, ...args]));
      // deno-lint-ignore no-control-regex
      const isClear = code === 2 && stdout === "" && /^[^\u0000-\u001f]{10,700}\n$/.test(stderr);
      if (!isClear) faults.push(`${command} ${args.join(" ").slice(0, 200)}: ${code} ${stderr}`);
    });
    assertEquals(faults, []);
    assertEquals(listFiles(folder), []);
  });
});

Deno.test("setup:gpu refuses what it does not know, before it installs anything", async () => {
  for (const args of [["--bogus"], ["tfjs-node"], ["--cpu=1"], ["--cpu", "--cpu"], ["--", "x"]]) {
    assertThrows(() => readWords(COMMANDS["setup:gpu"], args), UsageError);
  }
  const flags = ["--quiet", "--no-prompt", "--allow-read=.", "--allow-env", "--allow-sys"];
  const words = ["run", ...flags, "lib/cli/main.ts", "setup:gpu", "--bogus"];
  const { code, stderr } = await ended(startDeno(words));
  assertEquals([code, stderr.trim().split("\n").length], [2, 1], stderr);
});
