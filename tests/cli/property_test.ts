/**
 * Command lines against arbitrary words: options, or one clear line.
 *
 * @module
 */
import fc from "fast-check";
import { studyFrom } from "~/lib/cli/asked.ts";
import { readValues, readWords, toWords } from "~/lib/cli/command.ts";
import { type CommandName, COMMANDS } from "~/lib/cli/commands.ts";
import { UsageError } from "~/lib/domain.ts";
import { checkStudy, listTrajectories, studyName } from "~/lib/study.ts";
import { assert, assertEquals, assertGreater, assertInstanceOf } from "@std/assert";

/** The same inputs in every run. */
const RUNS = { seed: 20_251_123, numRuns: 500 };

/** What `read` gives; undefined where it throws the one error that is meant for users. */
function valueOrLine<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    assertInstanceOf(error, UsageError);
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
        assertEquals(({} as Record<string, unknown>).polluted, undefined);
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
      assertGreater(listTrajectories(study).length, 0);
      assert(/^[-\w=,.()]+$/.test(studyName(study)), studyName(study));
    }),
    RUNS,
  );
  assertGreater(studies, 50);
});
