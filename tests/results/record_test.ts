import fc from "fast-check";
import { z } from "zod";
import { DamagedFileError } from "~/lib/files/checked.ts";
import {
  formatRecord,
  parseRecord,
  type Provenance,
  readRecord,
  recordFile,
  runsAt,
  runsCsv,
  type TrajectoryRecord,
  writeRecord,
} from "~/lib/results.ts";
import { listTrajectories, presets, type Study } from "~/lib/study.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { syntheticRecord } from "~/tests/fixtures/synthetic_results.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { silent } from "~/tests/fixtures/tiny_study.ts";

const STUDY: Study = {
  ...presets.quick,
  stops: ["epochs:4", "loss:2"],
  measures: {
    first: ["sharpness(directions=2)", "generalization-gap"],
    others: ["sharpness(directions=2)"],
  },
};
const [TRAJECTORY, OTHER] = listTrajectories(STUDY);
const WORK: Provenance = {
  did: "trained",
  from: 0,
  to: 4,
  revision: "0a1b2c",
  deno: "2.9.6",
  processor: "A [ 1, 2 ] processor\n[ 3 ]",
  engine: { name: "cpu", library: "none" },
  threads: 2,
  seconds: 1.5,
  finished: "2026-11-25T12:00:00.000Z",
};
const RECORD: TrajectoryRecord = {
  ...syntheticRecord(STUDY, TRAJECTORY!, { samples: [1 / 3, -1e-7] }),
  provenance: [WORK],
};
const TEXT = formatRecord(RECORD);

Deno.test("parseRecord() undoes formatRecord(), which always gives the same bytes", () => {
  assertEquals(parseRecord(TEXT), RECORD);
  assertEquals(formatRecord(parseRecord(TEXT)), TEXT);
  // Known keys have their order whatever the caller's.
  const reversed = (value: object): object => Object.fromEntries(Object.entries(value).reverse());
  const networks = RECORD.content.networks.map(reversed);
  const shuffled = { ...reversed(RECORD), content: reversed({ ...RECORD.content, networks }) };
  assertEquals(formatRecord(shuffled as TrajectoryRecord), TEXT);
  // Numbers of a list share a line: one a loss would be a long file.
  assertStringIncludes(TEXT, `"samples": [${1 / 3}, -1e-7]`);
  assert(TEXT.endsWith("}\n"));
  // What could not be read again is refused.
  for (const loss of [NaN, Infinity]) {
    const content = { ...RECORD.content, epochLosses: [loss] };
    assertThrows(() => formatRecord({ ...RECORD, content }), z.ZodError);
  }
});

/** The record with unknown things in every place that a reader passes. */
function fromTheFuture(): TrajectoryRecord {
  const { content } = RECORD;
  return {
    ...RECORD,
    more: { b: [1, "x"], a: null },
    provenance: [{ ...WORK, energy: { joules: 5 } }],
    content: {
      ...content,
      optimum: [1, 2],
      trajectory: { ...content.trajectory, augmentation: "none" },
      stops: { ...content.stops, "plateau:3": 2 },
      networks: content.networks.map((network) => ({
        ...network,
        entropy: 0.5,
        measures: [
          ...network.measures,
          {
            ...network.measures[0]!,
            measure: "entropy",
            protocol: { kernel: "box", width: 2 },
            spectrum: { values: [1, 2], kind: "full" },
          },
        ],
      })),
    },
  };
}

Deno.test("parseRecord() keeps what it does not know, and readers pass it over", () => {
  const future = fromTheFuture();
  assertEquals(parseRecord(formatRecord(future)), future);
  assertEquals(formatRecord(parseRecord(formatRecord(future))), formatRecord(future));
  const [known] = runsAt(STUDY, [RECORD]);
  const [run] = runsAt(STUDY, [future]);
  const { config, network } = known!;
  assertEquals({ ...run!, config, network }, known!);
  assertEquals(runsCsv([run!]), runsCsv([known!]));
});

Deno.test("parseRecord() notices every change of content or provenance", () => {
  const altered = (path: string, value: unknown): string => {
    const file = JSON.parse(TEXT);
    const keys = path.split("/");
    const last = keys.pop()!;
    keys.reduce((part, key) => part[key], file)[last] = value;
    return JSON.stringify(file);
  };
  const networks = JSON.parse(TEXT).content.networks;
  const changes: [string, unknown, string][] = [
    ["content/epochLosses/0", 2.25, "content"],
    ["content/diverged", true, "content"],
    ["content/networks", networks.slice(1), "content"],
    ["content/networks/0/measures/0/samples/1", 0, "content"],
    ["content/more", 1, "content"],
    ["provenance", [], "provenance"],
    ["provenance/0/threads", 3, "provenance"],
  ];
  for (const [path, value, part] of changes) {
    const { message } = assertThrows(() => parseRecord(altered(path, value)), DamagedFileError);
    assert(message.startsWith(`the checksum of its ${part} must be `), message);
  }
  const refused: [string, unknown][] = [
    ["format", 1],
    ["content/networks/0/trainLoss", "1.25"],
    ["content/networks/0/trainAccuracy", 2],
    ["content/networks/0/sha256", "0".repeat(63)],
    ["content/trajectory/learningRate", 0],
    ["content/trajectory/batchSize", -1],
    ["content/epochLosses", [null]],
    ["provenance/0/seconds", -1],
    ["sha256", undefined],
  ];
  for (const [path, value] of refused) {
    assertThrows(() => parseRecord(altered(path, value)), z.ZodError, undefined, path);
  }
});

Deno.test("parseRecord() of any JSON near a record: the same record, or an error that means damage", () => {
  const mutate = (value: unknown, [first, ...rest]: number[], by: unknown): unknown => {
    const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
    if (first === undefined || keys.length === 0) return by;
    const copy: Record<string, unknown> =
      (Array.isArray(value) ? [...value] : { ...value as object }) as never;
    const key = keys[first % keys.length]!;
    copy[key] = mutate(copy[key], rest, by);
    return copy;
  };
  const near = fc.tuple(fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }), fc.jsonValue())
    .map(([path, by]) => JSON.stringify(mutate(JSON.parse(TEXT), path, by)));
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), near), (text) => {
      try {
        assertEquals(parseRecord(text), RECORD);
      } catch (error) {
        const kinds = [DamagedFileError, SyntaxError, z.ZodError, TypeError];
        assert(kinds.some((kind) => error instanceof kind), `${error}`);
      }
    }),
    { seed: 8, numRuns: 500 },
  );
});

Deno.test("readRecord() gives what writeRecord() wrote; who only looks leaves a damaged one", async () => {
  await withFolder(async (folder) => {
    const path = recordFile(folder, TRAJECTORY!);
    assertEquals(await readRecord(folder, TRAJECTORY!, silent), undefined);
    await writeRecord(folder, RECORD);
    assertEquals(await readRecord(folder, TRAJECTORY!, silent), RECORD);
    assertEquals(await readRecord(folder, OTHER!, silent), undefined);
    await Deno.writeFile(path, Uint8Array.of(0xff, 0xfe));
    assertEquals(await readRecord(folder, TRAJECTORY!, undefined), undefined);
    assertEquals(listFiles(folder).filter((file) => file.includes(".damaged-")), []);
    const said: string[] = [];
    assertEquals(await readRecord(folder, TRAJECTORY!, (text) => said.push(text)), undefined);
    assert(said[0]!.startsWith(`Cannot read ${path}: The encoded data`), said[0]);
    assertStringIncludes(said[0]!, `; set aside as ${path}.damaged-1, it counts as`);
  });
});
