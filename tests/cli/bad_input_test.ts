/**
 * Command lines that cannot be right, and arbitrary words: values, or one clear line, status 2, nothing
 * written.
 *
 * @module
 */
import fc from "fast-check";
import { existsSync } from "node:fs";
import { remarks, studyFrom } from "~/lib/cli/asked.ts";
import { readValues, readWords, toWords } from "~/lib/cli/words.ts";
import { type CommandName, COMMANDS } from "~/lib/cli/commands.ts";
import { TRAINING } from "~/lib/cli/train.ts";
import { UsageError } from "~/lib/domain.ts";
import { encodeModel, initialise } from "~/lib/model.ts";
import { checkStudy, listTrajectories, presets, studyName } from "~/lib/study.ts";
import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { ask, notRefused, TRAIN } from "~/tests/fixtures/command.ts";
import { ended, ROOT, startTask } from "~/tests/fixtures/script.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";

/** Options and the values that none of them may have, command by command. */
const VALUES: Readonly<Record<"train" | "reproduce", Readonly<Record<string, readonly string[]>>>> =
  {
    train: {
      "learning-rate": ["-1", "0", "NaN", "Infinity", "0x10", "abc", "1e999", "1,2", ""],
      "batch-size": ["0", "-5", "1.5", "1e9", "many"],
      seed: ["1.5", "-1", "4294967296", "x"],
      optimizer: ["Adagrads", "SGD,AdaGrad", "SGD(momentum=1)", "AdaGrad(epsilon=0)"],
      images: ["0", "50001", "1.5"],
      "max-epochs": ["-1", "1.5", "1e7"],
      stops: ["never", "epochs:2,epochs:2", "loss:1,"],
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

Deno.test("wrong values of train and reproduce, each refused by its option's name", () => {
  for (const [command, options] of Object.entries(VALUES)) {
    const name = command as keyof typeof VALUES;
    read(name, RIGHT[name]);
    for (const [option, values] of Object.entries(options)) {
      const at = RIGHT[name].indexOf(`--${option}`);
      const others = RIGHT[name].filter((_, i) => at < 0 || (i !== at && i !== at + 1));
      for (const value of values) {
        const words = [...others, `--${option}=${value}`];
        const { message } = assertThrows(() => read(name, words), UsageError);
        assertMatch(message, /must|Cannot/);
        assertStringIncludes(message, option.replace(/s$/, ""));
      }
    }
  }
});

/** Stands for the path of a network that could be used. */
const MODEL = "MODEL";
/** Command lines that are wrong as a whole. */
const WRONG: (readonly [CommandName, readonly string[]])[] = [
  ["train", []],
  ["train", [...TRAIN, "--out", "data/never", "--learning-rate", "2"]],
  ["train", [...TRAIN, "--out", "data/never", "--bogus"]],
  ["train", TRAIN],
  ["sharpness", []],
  ["sharpness", ["--model", "--json"]],
  ["measure", []],
  ["measure", ["--model", MODEL]],
  ["measure", ["--model", MODEL, "--measures", "flatness"]],
  ["measure", ["--model", MODEL, "--measures", "trace(radius=0)"]],
  ["reproduce", ["--cells", "1e-3:128", "--learning-rates", "1e-3"]],
  ["reproduce", ["--cells", "1e-3:128", "--effects", "batch-size"]],
  ["reproduce", ["--verify-seed", "1"]],
  ["landscape", []],
  ["landscape", ["--model", "deno.json"]],
  ["landscape", ["--model", MODEL, "--plane", "0x0"]],
  ["landscape", ["--model", MODEL, "--plane", "25"]],
  ["landscape", ["--model", MODEL, "--points", "1"]],
  ["landscape", ["--model", MODEL, "--plane", "3x3", "--points", "3"]],
  ["landscape", ["--model", MODEL, "--and", MODEL]],
  ["landscape", ["--model", MODEL, "--to", MODEL, "--plane", "3x3"]],
  ["landscape", ["--model", MODEL, "--to", MODEL, "--radius", "1"]],
  ["reproduce", ["--fresh=yes"]],
  ["reproduce", ["--__proto__=1"]],
  ["reproduce", ["--models"]],
  ["reproduce", ["--fresh", "--dry-run"]],
  ["reproduce", ["--cached-only", "--verify", "1"]],
  ["reproduce", ["--verify", "0"]],
  ["bench", ["more"]],
  ["bench", ["--threads", "0"]],
  ["setup:gpu", ["--cpu=1"]],
];

Deno.test(`${WRONG.length} wrong command lines: one line, status 2, nothing written`, () =>
  withFolder(async (folder) => {
    const faults: string[] = [];
    const model = `${folder}/model.safetensors`;
    await Deno.writeFile(model, encodeModel([3072, 10], initialise([3072, 10], 0)));
    for (const [place, [command, given]] of WRONG.entries()) {
      const args = given.map((word) => word === MODEL ? model : word);
      const folders = command === "reproduce" ? ["--results", `${folder}/results`] : [];
      const words = [...folders, ...args];
      // The first of each command as its task does it.
      const isFirst = WRONG.findIndex(([other]) => other === command) === place;
      const outcome = isFirst
        ? await ended(startTask(command, words))
        : await ask(command, ...words);
      faults.push(...notRefused(outcome).map((fault) => `${command} ${args}: ${fault}`));
    }
    assertEquals(faults, []);
    assertEquals(listFiles(folder), ["model.safetensors"]);
    assert(!existsSync(`${ROOT}data/never`));
  }));

/** The same inputs in every run. */
const RUNS = { seed: 20_251_123, numRuns: 500 };

/** What `read` gives; undefined where it throws the one error that is meant for users. */
function valueOrLine<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    assert(error instanceof UsageError);
    assert(error.message.length > 10 && error.message.length < 2000, error.message);
    return undefined;
  }
}

/** Words as they come on command lines: options, nearly options, numbers, paths, anything. */
function words(name: CommandName): fc.Arbitrary<string[]> {
  const { options } = COMMANDS[name];
  const option = fc.constantFrom(...options, "__proto__", "constructor");
  const value = fc.oneof(
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.double().map(String),
    fc.integer().map(String),
    fc.array(fc.integer({ min: -2, max: 9 }), { maxLength: 4 }).map(String),
    fc.constantFrom("SGD", "adagrad", "quick", "1e-3", "0x10", "", "-", "--", "-1", "SGD,SGD"),
    fc.constantFrom("loss:1.5", "epochs:3,epochs:2", "trace(directions=2)", "1e-3:32", "1:2,1:2"),
  );
  return fc.array(
    fc.oneof(
      fc.tuple(option, value).map(([name, text]) => [`--${name}`, text]),
      fc.tuple(option, value).map(([name, text]) => [`--${name}=${text}`]),
      value.map((text) => [text]),
    ),
    { maxLength: 6 },
  ).map((parts) => parts.flat());
}

for (const [name, command] of Object.entries(COMMANDS)) {
  Deno.test(`readWords() and readValues() of ${name}: values or one line, whatever the words`, () => {
    fc.assert(
      fc.property(words(name as CommandName), (args) => {
        const texts = valueOrLine(() => readWords(command, args));
        for (const option of Object.keys(texts ?? {})) {
          assert(option === "help" || command.options.includes(option as never), option);
        }
        const values = texts && valueOrLine(() => readValues({}, texts));
        for (const value of Object.values(values ?? {})) assert(value !== undefined);
      }),
      RUNS,
    );
  });
}

Deno.test("toWords() of what readWords() reads is read as the same", () => {
  fc.assert(
    fc.property(words("reproduce"), (args) => {
      const texts = valueOrLine(() => readWords(COMMANDS.reproduce, args));
      if (texts) assertEquals(readWords(COMMANDS.reproduce, toWords(texts)), texts);
    }),
    RUNS,
  );
});

Deno.test("remarks() tell of options without a use, batches of all images, of one or of two, a first stop that is passed", () => {
  const told = (...words: string[]): string[] => {
    const values = readValues({}, readWords(COMMANDS.reproduce, words));
    return remarks(values, studyFrom(values));
  };
  assertEquals(told("--learning-rates=1", "--batch-sizes=4", "--radius=1", "--directions=1"), []);
  const effect = ["--effects=batch-size", "--learning-rates=1"];
  assertEquals(told(...effect, "--measures=trace", "--radius=1"), [
    "--learning-rates changes nothing in this study",
    "--radius changes nothing in this study",
  ]);
  assertEquals(told("--images=500", "--batch-sizes=500,501", "--stops=loss:1,epochs:2"), [
    "Batch size 501 is that of all 500 images",
    "Training does not go on for loss:1, the first stop: runs that end before have no result there",
  ]);
  assertEquals(told("--stops=epochs:2,loss:1"), []);
  const alone = "makes batches of one image: they train nothing, and their loss is ln 10";
  assertEquals(told("--images=129", "--batch-sizes=1,129", "--learning-rates=1"), [
    `Batch size 128 ${alone}`,
    `Batch size 1 ${alone}`,
  ]);
  const twos = "makes batches of two images: they hardly train, as their gradient is all but 0";
  assertEquals(told("--images=130", "--batch-sizes=2,130", "--learning-rates=1"), [
    `Batch size 128 ${twos}`,
    `Batch size 2 ${twos}`,
  ]);
});

Deno.test("studyFrom(): a study that passes its check and has a name, or one line", () => {
  let studies = 0;
  fc.assert(
    fc.property(words("reproduce"), (args) => {
      const study = valueOrLine(() =>
        studyFrom(readValues({}, readWords(COMMANDS.reproduce, args)))
      );
      if (study === undefined) return;
      studies++;
      assertEquals(checkStudy(study), study);
      assertLess(0, listTrajectories(study).length);
      assert(/^[-\w=,.()]+$/.test(studyName(study)), studyName(study));
    }),
    RUNS,
  );
  assertLess(50, studies);
});
