/**
 * A run's files under every kind of damage: named, set aside under another name, and never used.
 *
 * @module
 */
import { join } from "node:path";
import { decodeModel, encodeModel } from "~/lib/model/model_file.ts";
import { initialise, type LayerSizes } from "~/lib/model/layout.ts";
import { formatResult } from "~/lib/results/schema.ts";
import { decodeTensors, encodeTensors } from "~/lib/model/safetensors.ts";
import {
  type CheckpointRecord,
  forget,
  hasResult,
  type ModelRecord,
  readCheckpoint,
  readModel,
  readResult,
  readSeconds,
  type RunFiles,
  runFiles,
  writeCheckpoint,
  writeModel,
  writeResult,
} from "~/lib/results/run_files.ts";
import type { RunConfig, Study } from "~/lib/study/study.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { TINY_RESULT, TINY_RUN, TINY_STUDY } from "~/tests/fixtures/result_fixture.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { share } from "~/tests/fixtures/tiny_dataset.ts";

const SIZES = TINY_STUDY.training.sizes;
const { run } = TINY_RESULT;
const { radius: _r, directions: _d, directionSeed: _s, ...protocol } = run.protocol;
const MODEL_RECORD: ModelRecord = {
  config: run.config,
  protocol,
  data: run.data,
  engines: run.engines.training,
  training: run.training,
};
const { training: _t, ...rest } = MODEL_RECORD;
const CHECKPOINT_RECORD: CheckpointRecord = { ...rest, epochLosses: [2.25] };
const PARAMETERS = initialise(SIZES, 1);
const NO_STATE = share([]);

interface Place {
  readonly folder: string;
  readonly files: RunFiles;
  readonly messages: string[];
  /** Paths of `files` relative to the folder. */
  readonly relative: (path: string) => string;
}

/** A new place for the tiny study's first run. */
async function withPlace(
  work: (place: Place) => Promise<void>,
  { study = TINY_STUDY, config = TINY_RUN }: { study?: Study; config?: RunConfig } = {},
): Promise<void> {
  await withFolder(async (folder) => {
    const folders = { models: join(folder, "models"), results: join(folder, "results") };
    await work({
      folder,
      files: runFiles(study, config, folders),
      messages: [],
      relative: (path) => path.slice(folder.length + 1),
    });
  });
}

/** For what must find nothing damaged. */
const UNDAMAGED = (message: string): void => assert(false, message);

/** The three kinds of files that are checked when they are read. */
const KINDS = {
  result: {
    write: (files: RunFiles): Promise<void> => writeResult(files, TINY_RESULT),
    read: readResult as (files: RunFiles, onDamage: (message: string) => void) => Promise<unknown>,
  },
  model: {
    write: (files: RunFiles): Promise<void> =>
      writeModel(files, PARAMETERS, { record: MODEL_RECORD, seconds: 12 }),
    read: readModel,
  },
  checkpoint: {
    write: (files: RunFiles): Promise<void> =>
      writeCheckpoint(files, { parameters: PARAMETERS, state: NO_STATE }, {
        record: CHECKPOINT_RECORD,
        seconds: 6,
      }),
    read: readCheckpoint,
  },
} as const;
const encoder = new TextEncoder();
const NAMES = ["result", "model", "checkpoint"] as const;

Deno.test("runFiles() names a run's files below the study's folders", () => {
  const files = runFiles(TINY_STUDY, TINY_RUN, { models: "m", results: "r" });
  const below = "quick,layers=3072-2-10,images=20,max-epochs=2";
  const stem = join("m", below, "SGD", "lr=0.1,batch=128,seed=0");
  assertEquals(
    [files.result, files.model, files.checkpoint, files.seconds, files.lock],
    [
      join("r", `${below},directions=3`, "SGD", "lr=0.1,batch=128,seed=0.json"),
      `${stem}.safetensors`,
      `${stem}.checkpoint.safetensors`,
      `${stem}.seconds`,
      `${stem}.lock`,
    ],
  );
});

Deno.test("readResult(), readModel() and readCheckpoint() give what was written", async () => {
  await withPlace(async ({ files, messages }) => {
    const onDamage = (message: string): void => void messages.push(message);
    for (const name of NAMES) assertEquals(await KINDS[name].read(files, onDamage), undefined);
    assertEquals(await hasResult(files), false);
    await KINDS.result.write(files);
    const result = await readResult(files, onDamage);
    assertEquals({ run: result!.run, timing: result!.timing }, TINY_RESULT);
    assertEquals(await hasResult(files), true);
    await KINDS.checkpoint.write(files);
    const checkpoint = await readCheckpoint(files, onDamage);
    assertEquals(checkpoint!.model.parameters, PARAMETERS);
    assertEquals(checkpoint!.record, CHECKPOINT_RECORD);
    assertEquals(checkpoint!.seconds, 6);
    await KINDS.model.write(files);
    const model = await readModel(files, onDamage);
    assertEquals(model!.model.parameters, PARAMETERS);
    assertEquals(model!.record, MODEL_RECORD);
    assertEquals(await readSeconds(files), 12);
    // The model makes its checkpoint needless.
    assertEquals(await readCheckpoint(files, onDamage), undefined);
    assertEquals(messages, []);
  });
});

Deno.test("readCheckpoint() gives AdaGrad's state back to the bit", async () => {
  const config = { ...TINY_RUN, optimizer: "AdaGrad" } as const;
  await withPlace(async ({ files }) => {
    const state = initialise(SIZES, 9);
    const record = { ...CHECKPOINT_RECORD, config };
    await writeCheckpoint(files, { parameters: PARAMETERS, state }, { record, seconds: 1 });
    const checkpoint = await readCheckpoint(files, (message) => {
      throw new Error(message);
    });
    assertEquals(checkpoint!.model.state, state.slice());
  }, { config });
});

Deno.test("writeModel() gives the same bytes whatever time the training took", async () => {
  await withPlace(async ({ files }) => {
    const bytes: Uint8Array[] = [];
    for (const seconds of [1, 2]) {
      await writeModel(files, PARAMETERS, { record: MODEL_RECORD, seconds });
      bytes.push(await Deno.readFile(files.model));
    }
    assertEquals(bytes[0], bytes[1]);
  });
});

Deno.test("forget() removes all files of a run and nothing else", async () => {
  await withPlace(async ({ folder, files }) => {
    await forget(files, UNDAMAGED); // nothing there
    for (const name of ["result", "model", "checkpoint"] as const) await KINDS[name].write(files);
    const other = runFiles(TINY_STUDY, { ...TINY_RUN, seed: 1 }, {
      models: join(folder, "models"),
      results: join(folder, "results"),
    });
    await writeResult(other, { ...TINY_RESULT, run: { ...run, config: other.config } });
    await forget(files, UNDAMAGED);
    assertEquals(listFiles(folder).filter((path) => !path.endsWith("/")), [
      other.result.slice(folder.length + 1),
    ]);
  });
});

Deno.test("readSeconds() is 0 where nothing or nonsense is kept", async () => {
  await withPlace(async ({ files }) => {
    assertEquals(await readSeconds(files), 0);
    await KINDS.model.write(files);
    for (const text of ["", "soon", "-5", "NaN"]) {
      await Deno.writeTextFile(files.seconds, text);
      assertEquals(await readSeconds(files), 0);
    }
    await Deno.writeTextFile(files.seconds, "1.5\n");
    assertEquals(await readSeconds(files), 1.5);
  });
});

/** Another study's, another run's and another program's files, by what is wrong with them. */
const IMPOSTORS: Record<typeof NAMES[number], [string, () => string | Uint8Array, string][]> = {
  result: [
    [
      "another seed",
      () => formatResult({ ...TINY_RESULT, run: { ...run, config: { ...run.config, seed: 1 } } }),
      "for this run as its seed must be 0: current value is 1",
    ],
    [
      "another learning rate",
      () =>
        formatResult({
          ...TINY_RESULT,
          run: { ...run, config: { ...run.config, learningRate: 0.2 } },
        }),
      "for this run as its learningRate must be 0.1: current value is 0.2",
    ],
    [
      "another radius",
      () =>
        formatResult({
          ...TINY_RESULT,
          run: { ...run, protocol: { ...run.protocol, radius: 1 } },
        }),
      "for this run as its radius must be 5: current value is 1",
    ],
    [
      "another network",
      () =>
        formatResult({
          ...TINY_RESULT,
          run: { ...run, protocol: { ...run.protocol, sizes: [3072, 3, 10] } },
        }),
      "for this run as its sizes must be [3072,2,10]: current value is [3072,3,10]",
    ],
    [
      "an older format",
      () => formatResult(TINY_RESULT).replace('"format": 1', '"format": 0'),
      ": format: Invalid input: expected 1",
    ],
    [
      "bytes that are no text",
      () => Uint8Array.of(0x22, 0xff, 0x22),
      "The encoded data",
    ],
  ],
  model: [
    [
      "another seed",
      () => modelBytes({ ...MODEL_RECORD, config: { ...run.config, seed: 7 } }),
      "for this run as its seed must be 0: current value is 7",
    ],
    [
      "another protocol",
      () => modelBytes({ ...MODEL_RECORD, protocol: { ...protocol, maxEpochs: 3 } }),
      "for this run as its maxEpochs must be 2: current value is 3",
    ],
    [
      "another network",
      () => modelBytes(MODEL_RECORD, [3072, 3, 10]),
      "for this run as its 1 must be 2: current value is 3",
    ],
    ["a record of an older form", () => modelBytes({ epochs: 3 }), "its record is not a run's"],
    [
      "a right record and no checksum",
      () => {
        const { tensors, metadata } = decodeTensors(modelBytes(MODEL_RECORD), "file");
        return encodeTensors(tensors, { run: metadata.run! });
      },
      "for this run as it has no checksum",
    ],
    ["another program's model", () => encodeModel(SIZES, PARAMETERS), "its record is not a run's"],
    [
      "a record that is no JSON",
      () => encodeModel(SIZES, PARAMETERS, { metadata: { run: "{" } }),
      "JSON",
    ],
  ],
  checkpoint: [
    [
      "another optimizer",
      () =>
        modelBytes(
          { ...CHECKPOINT_RECORD, config: { ...run.config, optimizer: "AdaGrad" } },
          SIZES,
          {
            seconds: "1",
          },
        ),
      'for this run as its optimizer must be "SGD": current value is "AdaGrad"',
    ],
    [
      "a state that SGD has not",
      () =>
        encodeModel(SIZES, PARAMETERS, {
          state: PARAMETERS,
          metadata: { run: JSON.stringify(CHECKPOINT_RECORD), seconds: "1" },
        }),
      "for this run as its state length must be 0: current value is 6176",
    ],
    [
      "no time",
      () => modelBytes(CHECKPOINT_RECORD),
      "its record is not a run's",
    ],
    [
      "a finished model",
      () => modelBytes(MODEL_RECORD, SIZES, { seconds: "1" }),
      "its record is not a run's",
    ],
  ],
};

function modelBytes(
  record: object,
  sizes: LayerSizes = SIZES,
  metadata: Record<string, string> = {},
): Uint8Array {
  return encodeModel(sizes, initialise(sizes, 1), {
    metadata: { ...metadata, run: JSON.stringify(record) },
  });
}

/** Puts `damage` in the file's place and expects it set aside with this in the message. */
async function expectAside(
  name: typeof NAMES[number],
  { files, folder, relative }: Place,
  { damage, reason }: { damage: (path: string) => Promise<void>; reason: string },
): Promise<void> {
  const { read } = KINDS[name];
  await damage(files[name]);
  const info = await Deno.stat(files[name]);
  const contents = info.isFile ? await Deno.readFile(files[name]) : undefined;
  const before = listFiles(folder);
  const messages: string[] = [];
  assertEquals(await read(files, (message) => messages.push(message)), undefined);
  assertEquals(messages.length, 1, reason);
  assertStringIncludes(messages[0]!, reason);
  // The message names the file before it says where it has gone.
  assertStringIncludes(messages[0]!.split("; set aside as ")[0]!, files[name]);
  const aside = messages[0]!.match(/; set aside as (.*), it will be computed again$/)![1]!;
  assertMatch(aside, /\.damaged-\d+$/);
  assertEquals(aside.replace(/\.damaged-\d+$/, ""), files[name]);
  // Renamed, not deleted, and nothing else touched.
  if (contents !== undefined) assertEquals(await Deno.readFile(aside), contents);
  const renamed = before.map((path) =>
    path.replace(
      relative(files[name]),
      (whole) => path === whole || path.startsWith(`${whole}/`) ? relative(aside) : whole,
    )
  );
  assertEquals(listFiles(folder).toSorted(), renamed.toSorted());
  // And it is as if it had never been there.
  assertEquals(await read(files, (message) => messages.push(message)), undefined);
  assertEquals(messages.length, 1);
}

for (const name of NAMES) {
  const { read, write } = KINDS[name];

  Deno.test(`a truncated, emptied or altered ${name} is named and set aside`, async () => {
    await withPlace(async (place) => {
      const { files } = place;
      await write(files);
      const good = await Deno.readFile(files[name]);
      const length = good.length;
      for (const bytes of [0, 1, 7, 8, 9, 100, length >> 1, length - 5, length - 1]) {
        // A result's last byte is a line feed, which may be missing.
        if (name === "result" && bytes === length - 1) continue;
        const damage = (path: string): Promise<void> =>
          Deno.writeFile(path, good.subarray(0, bytes));
        await expectAside(name, place, { damage, reason: files[name] });
      }
      for (const at of [0, 8, 40, length >> 1, length - 3]) {
        const damage = (path: string): Promise<void> => {
          const flipped = good.slice();
          flipped[at]! ^= 1;
          return Deno.writeFile(path, flipped);
        };
        await expectAside(name, place, { damage, reason: files[name] });
      }
      const damage = (path: string): Promise<void> =>
        Deno.writeFile(path, Uint8Array.of(...good, 65));
      await expectAside(name, place, { damage, reason: files[name] });
      // The good one is good, in the end.
      await Deno.writeFile(files[name], good);
      assert(await read(files, (message) => assert(false, message)) !== undefined);
    });
  });

  for (const [what, make, reason] of IMPOSTORS[name]) {
    const bytes = make();
    Deno.test(`a ${name} with ${what} is named and set aside`, async () => {
      await withPlace(async (place) => {
        await write(place.files);
        const damage = (path: string): Promise<void> =>
          Deno.writeFile(path, typeof bytes === "string" ? encoder.encode(bytes) : bytes);
        await expectAside(name, place, { damage, reason });
      });
    });
  }

  Deno.test(`a folder in a ${name}'s place is set aside with what is in it`, async () => {
    await withPlace(async (place) => {
      await write(place.files);
      const damage = async (path: string): Promise<void> => {
        await Deno.remove(path);
        await Deno.mkdir(path);
        await Deno.writeTextFile(join(path, "inside"), "kept");
      };
      await expectAside(name, place, { damage, reason: "irectory" });
    });
  });

  Deno.test(`two readers of a damaged ${name} at once: one sets it aside, none fails`, async () => {
    await withPlace(async ({ files, folder }) => {
      await write(files);
      await Deno.writeTextFile(files[name], "torn");
      const messages: string[] = [];
      const found = await Promise.all(
        Array.from({ length: 5 }, () => read(files, (message) => messages.push(message))),
      );
      assertEquals(found, Array(5).fill(undefined));
      assertEquals(messages.length, 1);
      assertEquals(listFiles(folder).filter((path) => path.includes(".damaged-")).length, 1);
    });
  });
}

Deno.test("hasResult() tells damaged from good and touches neither", async () => {
  await withPlace(async ({ files, folder }) => {
    await KINDS.result.write(files);
    await Deno.writeTextFile(files.result, "torn");
    const before = listFiles(folder);
    assertEquals(await hasResult(files), false);
    assertEquals(listFiles(folder), before);
    assertEquals(await Deno.readTextFile(files.result), "torn");
  });
});

Deno.test("a model on disk opens without this program's record: PyTorch's names and values", async () => {
  await withPlace(async ({ files }) => {
    await KINDS.model.write(files);
    const { parameters, sizes } = decodeModel(await Deno.readFile(files.model), "file");
    assertEquals(sizes, [...SIZES]);
    assertEquals(parameters, PARAMETERS);
  });
});
