/**
 * Option parser and readers against arbitrary input: a value or one clear error, never more.
 *
 * @module
 */
import { dirname } from "node:path";
import fc from "fast-check";
import { COMMAND as BENCH } from "~/lib/cli/bench.ts";
import { type Command, parseOptions, UsageError } from "~/lib/cli/command.ts";
import { COMMAND as REPRODUCE, studyFrom } from "~/lib/cli/reproduce.ts";
import { COMMAND as SHARPNESS } from "~/lib/cli/sharpness.ts";
import { COMMAND as TRAIN } from "~/lib/cli/train.ts";
import { numberOption, numbersOption } from "~/lib/cli/values.ts";
import { sha256 } from "~/lib/files/files.ts";
import { initialise } from "~/lib/model/layout.ts";
import { decodeModel, encodeModel } from "~/lib/model/model_file.ts";
import { formatResult, parseResult } from "~/lib/results/schema.ts";
import { type CheckpointRecord, readCheckpoint, runFiles } from "~/lib/results/run_files.ts";
import { decodeTensors } from "~/lib/model/safetensors.ts";
import { checkStudy } from "~/lib/study/study_check.ts";
import { presets } from "~/lib/study/study.ts";
import { assert, assertEquals, assertGreater } from "@std/assert";
import { TINY_RESULT, TINY_RUN, TINY_STUDY } from "~/tests/fixtures/result_fixture.ts";
import { withFolder } from "~/tests/fixtures/temporary_folder.ts";

/** The same inputs in every run. */
const RUNS = { seed: 20_251_123, numRuns: 500 };

/** Longest that a reader may take over an input of some kilobytes, in milliseconds. */
const PATIENCE = 2000;

/**
 * Runs `read`; where it throws, the error must be of a kind that is meant, in one clean line that
 * begins as it should.
 */
function valueOrLine<T>(
  read: () => T,
  kinds: readonly (new (message: string) => Error)[],
  beginning = "",
): T | undefined {
  const start = performance.now();
  try {
    return read();
  } catch (error) {
    assert(kinds.some((kind) => error instanceof kind), `${error}`);
    assertLine((error as Error).message, beginning);
    return undefined;
  } finally {
    assert(performance.now() - start < PATIENCE);
  }
}

function assertLine(message: string, beginning: string): void {
  // deno-lint-ignore no-control-regex
  assert(!/[\u0000-\u001f\u007f\u0080-\u009f]/.test(message), JSON.stringify(message));
  assert(message.length > 10 && message.length < 2000, message);
  assert(message.startsWith(beginning), message);
}

/** A valid document with some of it replaced, removed or added to, as JSON. */
function mutated(document: unknown): fc.Arbitrary<unknown> {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(null, true, -1, 0.5, 1e308, 2 ** 53, "", "\u001b[31m\n", [], {}),
  );
  const name = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("__proto__", "constructor"));
  const step = fc.record({
    at: fc.nat(),
    value,
    name,
    kind: fc.constantFrom("set", "drop", "add"),
  });
  return fc.array(step, { minLength: 1, maxLength: 3 }).map((steps) => {
    const root = { document: structuredClone(document) };
    for (const { at, value, name, kind } of steps) {
      const places = placesIn(root);
      if (places.length === 0) break;
      const [parent, key] = places[at % places.length]!;
      if (kind === "drop") delete parent[key];
      else {
        const added = kind === "add" && !Array.isArray(parent) && parent !== root;
        // Defined, as JSON.parse does it: "__proto__" is a name like any other.
        Object.defineProperty(parent, added ? name : key, {
          value: structuredClone(value),
          ...{ enumerable: true, configurable: true, writable: true },
        });
      }
    }
    return root.document;
  });
}

function placesIn(value: unknown): [Record<string, unknown>, string][] {
  if (typeof value !== "object" || value === null) return [];
  const parent = value as Record<string, unknown>;
  return Object.keys(parent).flatMap((key) => [[parent, key], ...placesIn(parent[key])]) as [
    Record<string, unknown>,
    string,
  ][];
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

for (const command of [REPRODUCE, TRAIN, SHARPNESS, BENCH]) {
  Deno.test(`parseOptions() of ${command.name}: options or one line, whatever the words`, () => {
    fc.assert(
      fc.property(words(command), (args) => {
        const values = valueOrLine(() => parseOptions(command, args), [UsageError]);
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

Deno.test("studyFrom(): a study that passes its check, or one line", () => {
  fc.assert(
    fc.property(words(REPRODUCE), (args) => {
      const values = valueOrLine(() => parseOptions(REPRODUCE, args), [UsageError]);
      if (values === undefined) return;
      const study = valueOrLine(() => studyFrom(values), [UsageError, RangeError]);
      if (study !== undefined) checkStudy(study);
    }),
    RUNS,
  );
});

Deno.test("numberOption() takes decimal numbers of its range, as JavaScript reads them, only", () => {
  const range = { min: -5, max: 1e6 };
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.double().map(String), fc.integer().map(String)),
      (text) => {
        const value = valueOrLine(() => numberOption({ n: text }, "n", range), [UsageError]);
        if (value === undefined) return;
        assertEquals(value, Number(text));
        assert(value >= -5 && value <= 1e6);
      },
    ),
    RUNS,
  );
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 99 }), { minLength: 1 }), (numbers) => {
      assertEquals(numbersOption({ n: numbers.join(",") }, "n", range), numbers);
    }),
    RUNS,
  );
});

const RESULT = "Cannot read a.json";
const TENSORS = "Cannot read m.safetensors";

Deno.test("parseResult(): a result or a TypeError that names the file, whatever the JSON", () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string({ unit: "binary" })), (text) => {
      assertEquals(valueOrLine(() => parseResult(text, "a.json"), [TypeError], RESULT), undefined);
    }),
    RUNS,
  );
});

const GOOD_RESULT = formatResult(TINY_RESULT);

Deno.test("parseResult() refuses a result in which anything was changed", () => {
  const random = fc.record({
    at: fc.nat(GOOD_RESULT.length - 2), // the final newline says nothing
    to: fc.string({ unit: "binary", minLength: 1, maxLength: 3 }),
    cut: fc.nat(5),
  });
  parseResult(GOOD_RESULT, "a.json");
  fc.assert(
    fc.property(random, ({ at, to, cut }) => {
      const text = GOOD_RESULT.slice(0, at) + to + GOOD_RESULT.slice(at + cut);
      const read = valueOrLine(() => parseResult(text, "a.json"), [TypeError], RESULT);
      // White space, and another way to write the same number, change nothing.
      if (read !== undefined) assertEquals(read, parseResult(GOOD_RESULT, "a.json"));
    }),
    RUNS,
  );
});

Deno.test("parseResult() of a changed document with right checksums: a result of the schema", () => {
  const { run, timing } = parseResult(GOOD_RESULT, "a.json");
  const sum = (part: unknown): string => sha256(JSON.stringify(part) ?? "");
  let valid = 0;
  fc.assert(
    fc.property(mutated({ format: JSON.parse(GOOD_RESULT).format, run, timing }), (document) => {
      const parts = document as Record<string, unknown> | null;
      const sums = { run: sum(parts?.run), timing: sum(parts?.timing) };
      const text = JSON.stringify(
        typeof parts === "object" && !Array.isArray(parts) ? { ...parts, sha256: sums } : parts,
      ) ?? "";
      const read = valueOrLine(() => parseResult(text, "a.json"), [TypeError], RESULT);
      assertEquals(({} as Record<string, unknown>).run, undefined);
      if (read === undefined) return;
      valid++;
      assertEquals(parseResult(formatResult(read), "a.json"), read);
    }),
    RUNS,
  );
  // A number replaced by another is a result still: both ways were taken.
  assertGreater(valid, 5);
});

const STUDY = TINY_STUDY;
const CHECKPOINT = ((): CheckpointRecord => {
  const { config, data, engines } = TINY_RESULT.run;
  const protocol = { ...STUDY.training, sizes: [...STUDY.training.sizes] };
  return { config, data, protocol, engines: engines.training, epochLosses: [2.25] };
})();

Deno.test("readCheckpoint(): the record, or one line that names the file, whatever the record", async () => {
  const record = fc.oneof(
    fc.json(),
    fc.string({ unit: "binary" }),
    mutated(CHECKPOINT).map((value) => JSON.stringify(value) ?? ""),
    fc.array(fc.double()).map((epochLosses) => JSON.stringify({ ...CHECKPOINT, epochLosses })),
  );
  const seconds = fc.oneof(fc.constantFrom("1.5", "", "NaN", "-1", "1e999"), fc.string());
  const sizes = STUDY.training.sizes;
  const parameters = initialise(sizes, 0);
  let valid = 0;
  await withFolder(async (folder) => {
    await fc.assert(
      fc.asyncProperty(record, seconds, async (run, seconds) => {
        const place = await Deno.makeTempDir({ dir: folder });
        const files = runFiles(STUDY, TINY_RUN, { models: place, results: place });
        await Deno.mkdir(dirname(files.checkpoint), { recursive: true });
        const bytes = encodeModel(sizes, parameters, { metadata: { run, seconds } });
        await Deno.writeFile(files.checkpoint, bytes);
        const messages: string[] = [];
        const start = performance.now();
        const read = await readCheckpoint(files, (message) => void messages.push(message));
        assert(performance.now() - start < PATIENCE);
        if (read !== undefined) {
          valid++;
          assertEquals([read.record.config, messages], [TINY_RUN, []]);
          assert(read.record.epochLosses.every(Number.isFinite) && read.seconds >= 0);
        } else {
          assertEquals(messages.length, 1);
          // How long the folder's path is says nothing.
          const line = messages[0]!.replaceAll(files.checkpoint, "FILE");
          assert(/^Cannot (read|use) FILE/.test(line), line);
          assertLine(line, "Cannot ");
        }
        await Deno.remove(place, { recursive: true });
      }),
      { ...RUNS, numRuns: 300 },
    );
  });
  assertGreater(valid, 0);
});

Deno.test("decodeTensors(): tensors or a TypeError, whatever the bytes and the header", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      valueOrLine(() => decodeTensors(bytes, "m.safetensors"), [TypeError], TENSORS);
    }),
    RUNS,
  );
  const header = fc.oneof(
    fc.json(),
    fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom("__proto__", "__metadata__", "0.weight")),
      fc.record({
        dtype: fc.constantFrom("F32", "F64", "I8", "x"),
        shape: fc.array(fc.oneof(fc.integer({ min: -1, max: 9 }), fc.double()), { maxLength: 3 }),
        data_offsets: fc.array(fc.oneof(fc.integer({ min: -8, max: 64 }), fc.double())),
      }),
      { maxKeys: 4 },
    ).map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(header, fc.nat(64), (text, behind) => {
      const json = new TextEncoder().encode(text);
      const bytes = new Uint8Array(8 + json.length + behind);
      new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
      bytes.set(json, 8);
      valueOrLine(() => decodeTensors(bytes, "m.safetensors"), [TypeError], TENSORS);
      assertEquals(({} as Record<string, unknown>).dtype, undefined);
    }),
    RUNS,
  );
});

Deno.test("decodeModel() gives back the model, or refuses a file in which a bit was flipped", () => {
  const sizes = [3, 2];
  const parameters = Float32Array.from([1, -2, 3, 0.5, 0.25, -1, 0.1, 0.2]);
  const metadata = { run: JSON.stringify(presets.quick.training) };
  const good = encodeModel(sizes, parameters, { metadata });
  assertEquals([...decodeModel(good, "m").parameters], [...parameters]);
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(7), (at, bit) => {
      const bytes = good.slice();
      bytes[at]! ^= 1 << bit;
      const read = valueOrLine(() => decodeModel(bytes, "m"), [TypeError], "Cannot ");
      // White space of the header may differ; what it says may not.
      if (read !== undefined) {
        assertEquals([[...read.parameters], read.sizes], [[...parameters], sizes]);
      }
    }),
    RUNS,
  );
});
