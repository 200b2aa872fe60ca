/**
 * Command lines against arbitrary words: options, or one clear line.
 *
 * @module
 */
import fc from "fast-check";
import { COMMAND as BENCH } from "~/lib/cli/bench.ts";
import { type Command, parseOptions } from "~/lib/cli/command.ts";
import { COMMAND as MEASURE } from "~/lib/cli/measure.ts";
import { COMMAND as REPRODUCE } from "~/lib/cli/reproduce.ts";
import { COMMAND as SHARPNESS } from "~/lib/cli/sharpness.ts";
import { studyFrom } from "~/lib/cli/study_options.ts";
import { COMMAND as TRAIN } from "~/lib/cli/train.ts";
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
function words(command: Command): fc.Arbitrary<string[]> {
  const option = fc.constantFrom(...Object.keys(command.options), "__proto__", "constructor");
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

for (const command of [REPRODUCE, TRAIN, SHARPNESS, MEASURE, BENCH]) {
  Deno.test(`parseOptions() of ${command.name}: options or one line, whatever the words`, () => {
    fc.assert(
      fc.property(words(command), (args) => {
        const values = valueOrLine(() => parseOptions(command, args));
        for (const [name, value] of Object.entries(values ?? {})) {
          assert(name === "help" || Object.hasOwn(command.options, name), name);
          assert(value === true || typeof value === "string");
        }
        assertEquals(({} as Record<string, unknown>).polluted, undefined);
      }),
      RUNS,
    );
  });
}

Deno.test("studyFrom(): a study that passes its check and has a name, or one line", () => {
  let studies = 0;
  fc.assert(
    fc.property(words(REPRODUCE), (args) => {
      const values = valueOrLine(() => parseOptions(REPRODUCE, args));
      const study = values && valueOrLine(() => studyFrom(values));
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
