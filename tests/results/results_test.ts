/**
 * Result files: the same bytes for the same run, and no damage that goes unnoticed.
 *
 * @module
 */
import fc from "fast-check";
import { formatResult, parseResult, type ResultFile, runSchema } from "~/lib/results/schema.ts";
import {
  assert,
  assertEquals,
  assertIsError,
  assertLess,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { TINY_RESULT } from "~/tests/fixtures/result_fixture.ts";
import { ended, startScript } from "~/tests/fixtures/script.ts";

const TEXT = formatResult(TINY_RESULT);
const PARSED = parseResult(TEXT, "file");

Deno.test("parseResult() undoes formatResult()", () => {
  assertEquals({ run: PARSED.run, timing: PARSED.timing }, TINY_RESULT);
  assertEquals(formatResult(PARSED), TEXT);
});

Deno.test("parseResult() undoes formatResult() for any numbers, to the bit", () => {
  // -0 becomes 0 in JSON, which is the same number.
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0);
  fc.assert(
    fc.property(
      fc.array(finite, { maxLength: 8 }),
      fc.array(finite, { maxLength: 8 }),
      fc.double({ min: 0, max: 1, noNaN: true }).map((x) => x + 0),
      fc.string(),
      (epochLosses, samples, trainAccuracy, library) => {
        const { run, timing } = TINY_RESULT;
        const content = {
          run: {
            ...run,
            training: { ...run.training, epochLosses, trainAccuracy },
            engines: { ...run.engines, sharpness: { name: "cpu", library } },
            sharpness: { loss: 1, samples },
          },
          timing,
        };
        const parsed = parseResult(formatResult(content), "file");
        assertEquals({ run: parsed.run, timing: parsed.timing }, content);
      },
    ),
    { seed: 7, numRuns: 300 },
  );
});

Deno.test("formatResult() gives the same bytes whatever the order of keys", () => {
  const reverse = (value: unknown): unknown =>
    typeof value !== "object" || value === null || Array.isArray(value)
      ? value
      : Object.fromEntries(Object.entries(value).reverse().map(([key, v]) => [key, reverse(v)]));
  const reversed = reverse(TINY_RESULT) as typeof TINY_RESULT;
  assertEquals(Object.keys(reversed), ["timing", "run"]);
  assertEquals(formatResult(reversed), TEXT);
});

Deno.test("formatResult() keeps what may differ apart: another timing, the same run", () => {
  const later = {
    ...TINY_RESULT,
    timing: { ...TINY_RESULT.timing, threads: 8, trainSeconds: 77 },
  };
  const [one, other] = [TEXT, formatResult(later)].map((text) => JSON.parse(text) as ResultFile);
  assertEquals(one!.run, other!.run);
  assertEquals(one!.sha256.run, other!.sha256.run);
  assert(one!.sha256.timing !== other!.sha256.timing);
});

Deno.test("formatResult() is JSON of the documented form, its checksums SHA-256 of JSON", async () => {
  const file = JSON.parse(TEXT);
  assertEquals(Object.keys(file), ["format", "run", "timing", "sha256"]);
  assertEquals(file.format, 1);
  for (const part of ["run", "timing"]) {
    const bytes = new TextEncoder().encode(JSON.stringify(file[part]));
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    assertEquals(file.sha256[part], digest.toHex());
  }
  assert(TEXT.endsWith("}\n"));
});

Deno.test("formatResult() refuses what it could not read again", () => {
  const { run, timing } = TINY_RESULT;
  for (const loss of [NaN, Infinity, "1" as unknown as number]) {
    assertThrows(() => formatResult({ run: { ...run, sharpness: { loss, samples: [] } }, timing }));
  }
  const more = { ...run, more: 1 } as typeof run;
  assertThrows(() => formatResult({ run: more, timing }));
});

Deno.test("parseResult() notices every flipped bit of a file, or the flip changes nothing", () => {
  // A run with less in it, so that all its bits can be tried.
  const { run, timing } = TINY_RESULT;
  const small = formatResult({
    run: { ...run, sharpness: { loss: 1e-7, samples: [0.5] } },
    timing,
  });
  const expected = parseResult(small, "file");
  const bytes = new TextEncoder().encode(small);
  const decoder = new TextDecoder();
  let harmless = 0;
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    try {
      assertEquals(parseResult(decoder.decode(bytes), "file"), expected, `bit ${bit}`);
      harmless++;
    } catch (error) {
      assertIsError(error, TypeError, "Cannot read file");
    }
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
  // "1e-7" and "1E-7" are the same number, and so may be two that differ in the 17th digit.
  assertLess(harmless, 4);
});

Deno.test("parseResult() refuses a file truncated at any length", () => {
  // The last byte is a line feed.
  for (let length = 0; length < TEXT.length - 1; length++) {
    assertThrows(() => parseResult(TEXT.slice(0, length), "file"), TypeError, "Cannot read file");
  }
  assertEquals(parseResult(TEXT.slice(0, -1), "file"), PARSED);
});

/** The fixture's file with the value at a path replaced; undefined removes it. */
function altered(path: string, value: unknown): string {
  const file = JSON.parse(TEXT);
  const keys = path.split("/");
  const last = keys.pop()!;
  keys.reduce((part, key) => part[key], file)[last] = value;
  return JSON.stringify(file);
}

const ALTERED: [string, string, string][] = [
  ["nothing", "", "it is not JSON"],
  ["text", "loss: 1", "it is not JSON"],
  ["two documents", TEXT + TEXT, "it is not JSON"],
  ["null", "null", "the file: Invalid input: expected object, received null"],
  ["an array", "[]", "the file: Invalid input: expected object, received array"],
  ["an empty object", "{}", "format: Invalid input: expected 1"],
  ["another format", altered("format", 2), "format: Invalid input: expected 1"],
  ["an older format", altered("format", undefined), "format: Invalid input: expected 1"],
  ["a key too many", altered("more", 1), 'the file: Unrecognized key: "more"'],
  ["a key too many inside", altered("run/config/more", 1), "run.config: Unrecognized key"],
  ["a run without samples", altered("run/sharpness/samples", undefined), "run.sharpness.samples: "],
  [
    "text for a number",
    altered("run/training/trainLoss", "1.25"),
    "run.training.trainLoss: Invalid input: expected number, received string",
  ],
  ["an accuracy of 2", altered("run/training/trainAccuracy", 2), "run.training.trainAccuracy: "],
  ["a negative batch size", altered("run/config/batchSize", -1), "run.config.batchSize: "],
  ["an unknown optimizer", altered("run/config/optimizer", "Adam"), "run.config.optimizer: "],
  ["a learning rate of 0", altered("run/config/learningRate", 0), "run.config.learningRate: "],
  ["a fractional seed", altered("run/config/seed", 0.5), "run.config.seed: "],
  ["an unknown end", altered("run/training/stopped", "bored"), "run.training.stopped: "],
  ["an MD5 of capitals", altered("run/data/x.bin", "A".repeat(32)), "run.data.x.bin: "],
  ["a time that is none", altered("timing/finished", "yesterday"), "timing.finished: "],
  ["a negative time", altered("timing/trainSeconds", -1), "timing.trainSeconds: "],
  ["a checksum of 63 digits", altered("sha256/run", "a".repeat(63)), "sha256.run: "],
  [
    "an infinite loss",
    TEXT.replace('"trainLoss": 1.25', '"trainLoss": 1e999'),
    "run.training.trainLoss: ",
  ],
  ["a changed run", altered("run/training/trainLoss", 1.26), "the checksum of its run must be "],
  ["a changed timing", altered("timing/threads", 3), "the checksum of its timing must be "],
  ["a sample less", altered("run/sharpness/samples", [0.1, -1e-7]), "the checksum of its run"],
  [
    "samples in another order",
    altered("run/sharpness/samples", [1 / 3, -1e-7, 0.1]),
    "the checksum of its run must be ",
  ],
];
for (const [what, text, message] of ALTERED) {
  Deno.test(`parseResult() refuses ${what}`, () => {
    const error = assertThrows(() => parseResult(text, "file"), TypeError, "Cannot read file");
    assertStringIncludes(error.message, message);
  });
}

Deno.test("parseResult() refuses 16 MB of faults in a list or record within 3 s and 600 MB", async () => {
  // A list of all faults would take gigabytes.
  const script = `
    import { parseResult } from "~/lib/results/schema.ts";
    const text = Deno.args[0];
    const nulls = "[" + "null,".repeat(3_200_000) + "0]";
    const names = "{" + Array.from({ length: 1_000_000 }, (_, n) => '"' + n + '":""').join() + "}";
    const hostile = [["epochLosses", nulls], ["samples", nulls], ["sizes", nulls],
      ["training", nulls], ["data", names]].map(([name, value]) =>
        JSON.stringify(JSON.parse(text), (key, old) =>
          key === name && (key === "data" || Array.isArray(old)) ? "HERE" : old
        ).replace('"HERE"', () => value));
    gc();
    const before = Deno.memoryUsage().rss;
    const start = performance.now();
    const messages = [];
    for (const each of hostile) {
      try { parseResult(each, "file"); } catch (error) { messages.push(error.message); }
    }
    const seconds = (performance.now() - start) / 1000;
    console.log(JSON.stringify({ messages, seconds, bytes: Deno.memoryUsage().rss - before }));`;
  const { code, stdout, stderr } = await ended(
    startScript(script, [TEXT], ["--v8-flags=--expose-gc"]),
  );
  assertEquals(code, 0, stderr);
  const { messages, seconds, bytes } = JSON.parse(stdout);
  assertEquals(messages, [
    "Cannot read file: run.training.epochLosses.0: Invalid input: expected number, received null",
    "Cannot read file: run.sharpness.samples.0: Invalid input: expected number, received null",
    "Cannot read file: run.protocol.sizes.0: Invalid input: expected number, received null",
    "Cannot read file: run.engines.training.0: Invalid input: expected object, received null",
    "Cannot read file: run.data: Too many files",
  ]);
  assertLess(seconds, 3);
  assertLess(bytes, 600e6);
});

Deno.test("parseResult() leaves Object.prototype alone and takes no value from __proto__", () => {
  const hostile = [
    TEXT.replace('"format": 1', '"__proto__": {"polluted": true}, "format": 1'),
    TEXT.replace('"config": {', '"config": {"__proto__": {"seed": 5}, '),
    TEXT.replace('"seed": 0', '"__proto__": {"seed": 0}'),
    TEXT.replace('"data": {', '"data": {"__proto__": "5dd7e06a14cb22eb9f671a540d1b7c25", '),
    '{"__proto__": {"format": 1}}',
    `{"__proto__": ${TEXT}}`,
  ];
  for (const text of hostile) {
    assert(text !== TEXT);
    try {
      // Accepted only where what is returned is what the checksums are of.
      assertEquals(parseResult(text, "file"), PARSED);
    } catch (error) {
      assertIsError(error, TypeError, "Cannot read file");
    }
    assertEquals(({} as Record<string, unknown>).polluted, undefined);
  }
});

Deno.test("parseResult() throws nothing but TypeError on any text and any JSON near a result", () => {
  const mutate = (value: unknown, path: number[], by: unknown): unknown => {
    if (path.length === 0 || typeof value !== "object" || value === null) return by;
    const keys = Object.keys(value);
    if (keys.length === 0) return by;
    const [first, ...rest] = path;
    const key = keys[first! % keys.length]!;
    const copy: Record<string, unknown> = Array.isArray(value)
      ? [...value] as unknown as Record<string, unknown>
      : { ...value };
    copy[key] = mutate((value as Record<string, unknown>)[key], rest, by);
    return copy;
  };
  const near = fc.tuple(fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }), fc.jsonValue())
    .map(([path, by]) => JSON.stringify(mutate(JSON.parse(TEXT), path, by)));
  let accepted = 0;
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), near), (text) => {
      try {
        assertEquals(parseResult(text, "file"), PARSED);
        accepted++;
      } catch (error) {
        assertIsError(error, TypeError, "Cannot read file");
      }
    }),
    { seed: 8, numRuns: 2000 },
  );
  // A value may be replaced by itself.
  assertLess(accepted, 20);
});

Deno.test("runSchema takes a diverged run: nulls in place of numbers", () => {
  const { run } = TINY_RESULT;
  const nothing = Object.fromEntries(
    ["trainLoss", "trainAccuracy", "testLoss", "testAccuracy", "gradientNorm", "weightNorm"].map(
      (key) => [key, null],
    ),
  );
  const diverged = {
    ...run,
    engines: { ...run.engines, sharpness: null },
    training: { ...run.training, ...nothing, stopped: "diverged", epochLosses: [], epochs: 0 },
    sharpness: null,
  };
  assert(runSchema.safeParse(diverged).success);
});
