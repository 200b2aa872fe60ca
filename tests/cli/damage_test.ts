/**
 * Whole studies over damaged files: every file kind in every way is named, set aside as it is and
 * computed again, and what is shown is what an undamaged study shows.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { dirname, join } from "node:path";
import { ensureCifar10 } from "~/lib/dataset.ts";
import { listFigures } from "~/lib/figures/list_figures.ts";
import { sha256 } from "~/lib/files/files.ts";
import { decodeModel, encodeModel } from "~/lib/model/model_file.ts";
import { fillUniform, openStream } from "~/lib/random.ts";
import { plan } from "~/lib/reproduce/run.ts";
import { type RunFiles, runFiles } from "~/lib/results/run_files.ts";
import { listRuns, runPath } from "~/lib/study/study.ts";
import { tryLock } from "~/lib/files/lock.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { listFiles } from "~/tests/fixtures/temporary_folder.ts";
import { assertSame, change, contents, withPlace } from "~/tests/fixtures/tiny_study.ts";

/** Twelve runs, so that many damages share a study. */
const STUDY = change({ grid: { seeds: [0, 1, 2] } });
const CONFIGS = listRuns(STUDY.grid);

type Kind = "result" | "model" | "checkpoint";
const KINDS = ["result", "model", "checkpoint"] as const;

/** The undamaged study. */
interface Original {
  /** By kind, in the order of the runs. */
  readonly files: Record<Kind, readonly Uint8Array[]>;
  readonly contents: Map<string, unknown>;
  readonly figures: readonly string[];
}

let computed: Promise<Original> | undefined;
function original(): Promise<Original> {
  computed ??= withPlace(async ({ folder, compute, options }) => {
    const all = CONFIGS.map((config) => runFiles(STUDY, config, options.folders!));
    const checkpoints = new Map<string, Uint8Array>();
    const { results } = await compute(STUDY, {
      checkpointSeconds: 0,
      onProgress({ message }): void {
        // At the end of the second epoch the checkpoint of the first is there.
        const found = /^(\S+): epoch 2/.exec(message);
        const files = all.find(({ model }) => found && model.endsWith(`${found[1]}.safetensors`));
        if (files) checkpoints.set(files.checkpoint, Deno.readFileSync(files.checkpoint));
      },
    });
    return {
      files: {
        result: all.map(({ result }) => Deno.readFileSync(result)),
        model: all.map(({ model }) => Deno.readFileSync(model)),
        checkpoint: all.map(({ checkpoint }) => checkpoints.get(checkpoint)!),
      },
      contents: await contents(folder),
      figures: svgs(results),
    };
  });
  return computed;
}

function svgs(results: readonly { run: Parameters<typeof listFigures>[1][number] }[]): string[] {
  return listFigures(STUDY, results.map(({ run }) => run)).map(({ svg }) => svg);
}

/** A damage: new bytes for a file, or something else in its place. */
type Damage =
  | { readonly bytes: (good: Uint8Array, from: { kind: Kind; other: Uint8Array }) => Uint8Array }
  | { readonly put: (path: string) => Promise<void> };

function flip(position: (length: number) => number): Damage {
  return {
    bytes: (good) => {
      const bytes = good.slice();
      bytes[position(bytes.length)]! ^= 1;
      return bytes;
    },
  };
}

const DAMAGES: Record<string, Damage> = {
  "emptied": { bytes: () => new Uint8Array(0) },
  "1 byte": { bytes: (good) => good.subarray(0, 1) },
  "its first half": { bytes: (good) => good.subarray(0, good.length >> 1) },
  "its end missing": {
    // A result's last byte is a line feed, without which it is whole.
    bytes: (good, { kind }) => good.subarray(0, good.length - (kind === "result" ? 2 : 1)),
  },
  "a bit of its first byte": flip(() => 0),
  "a bit of its header": flip(() => 40),
  "a bit of its middle": flip((length) => length >> 1),
  "a bit of its last byte": flip((length) => length - 1),
  "zeros": { bytes: (good) => new Uint8Array(good.length) },
  "any bytes": {
    bytes: (good) => {
      const floats = new Float32Array(good.length);
      fillUniform(floats, openStream(1, 0), 128);
      return new Uint8Array(floats);
    },
  },
  "a byte more": { bytes: (good) => joined(good, Uint8Array.of(48)) },
  "twice the file": { bytes: (good) => joined(good, good) },
  "another run's file": { bytes: (_, { other }) => other },
  "an older schema, its checksum right": { bytes: (good, { kind }) => older(good, kind) },
  "a directory": {
    put: (path) => Deno.mkdir(join(path, "not empty"), { recursive: true }),
  },
  "a link to itself": { put: (path) => Deno.symlink(path, path) },
  "a pipe": {
    put: async (path) => {
      assert((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
    },
  },
  "64 GiB of nothing": {
    put: async (path) => {
      await Deno.writeFile(path, new Uint8Array());
      await Deno.truncate(path, 2 ** 36);
    },
  },
};

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([one, other]));
}

/** The file as a version before wrote it that knew a field less. */
function older(good: Uint8Array, kind: Kind): Uint8Array {
  if (kind === "result") {
    const file = JSON.parse(new TextDecoder().decode(good));
    delete file.run.protocol.directionSeed;
    file.sha256.run = sha256(JSON.stringify(file.run));
    return new TextEncoder().encode(JSON.stringify(file, null, 1));
  }
  const { sizes, parameters, state, metadata } = decodeModel(good, kind);
  const record = JSON.parse(metadata.run!);
  delete record.engines;
  return encodeModel(sizes, parameters, {
    state,
    metadata: { ...metadata, run: JSON.stringify(record) },
  });
}

/** Puts the undamaged study in place, without the files that would make one of `kind` needless. */
async function lay(files: readonly RunFiles[], kinds: readonly Kind[]): Promise<void> {
  const { files: good } = await original();
  for (const [index, file] of files.entries()) {
    const kind = kinds[index] ?? "result";
    for (const each of KINDS.slice(KINDS.indexOf(kind))) {
      if (each === "checkpoint" && kind !== "checkpoint") continue;
      await Deno.mkdir(dirname(file[each]), { recursive: true });
      await Deno.writeFile(file[each], good[each][index]!);
    }
  }
}

/** What was set aside, and that it is what was there. */
type Aside = (aside: string) => Promise<void>;

async function damage(file: RunFiles, kind: Kind, how: Damage): Promise<Aside> {
  const { files: good } = await original();
  const index = CONFIGS.indexOf(file.config);
  const path = file[kind];
  if ("bytes" in how) {
    const other = good[kind][(index + 1) % CONFIGS.length]!;
    const bytes = how.bytes(good[kind][index]!, { kind, other });
    await Deno.writeFile(path, bytes);
    return async (aside) => assertEquals(sha256(await Deno.readFile(aside)), sha256(bytes), aside);
  }
  await Deno.remove(path);
  await how.put(path);
  const { isFile, isDirectory, isSymlink, size, ino } = await Deno.lstat(path);
  return async (aside) => {
    const info = await Deno.lstat(aside);
    assertEquals(
      [info.isFile, info.isDirectory, info.isSymlink, info.size, info.ino],
      [isFile, isDirectory, isSymlink, size, ino],
    );
  };
}

/** Fails unless every path was set aside as it was, with one message each and no others. */
async function assertAside(messages: readonly string[], asides: Map<string, Aside>): Promise<void> {
  for (const [path, holdsDamage] of asides) {
    const [message, ...more] = messages.filter((each) => each.includes(`${path}.damaged-1,`));
    assert(message !== undefined, `${path}: ${messages.join("\n")}`);
    assertEquals(more, []);
    // It names the file and what is wrong with it, in one line, before it says where it has gone.
    const [reason, rest] = message.split("; set aside as ");
    assertStringIncludes(reason!, `Cannot `);
    assertStringIncludes(reason!, path);
    assertEquals(rest, `${path}.damaged-1, it will be computed again`);
    assertMatch(message, /^\P{Cc}*$/u);
    await holdsDamage(`${path}.damaged-1`);
  }
  assertEquals(messages.length, asides.size, messages.join("\n"));
}

const CASES = KINDS.flatMap((kind) => Object.keys(DAMAGES).map((way) => ({ kind, way })));
const ROUNDS = Array.from(
  { length: Math.ceil(CASES.length / CONFIGS.length) },
  (_, round) => CASES.slice(round * CONFIGS.length, (round + 1) * CONFIGS.length),
);

for (const [round, cases] of ROUNDS.entries()) {
  const what = `${cases[0]!.kind} ${cases[0]!.way} to ${cases.at(-1)!.kind} ${cases.at(-1)!.way}`;
  Deno.test(`run() over damages ${round + 1} of ${ROUNDS.length}, ${what}`, async () => {
    const wanted = await original();
    await withPlace(async ({ folder, messages, options, compute }) => {
      const files = CONFIGS.map((config) => runFiles(STUDY, config, options.folders!));
      await lay(files, cases.map(({ kind }) => kind));
      const asides = new Map<string, Aside>();
      for (const [index, { kind, way }] of cases.entries()) {
        const file = files[index]!;
        asides.set(file[kind], await damage(file, kind, DAMAGES[way]!));
      }
      const planned = await plan(STUDY, options);
      assertEquals(
        planned.runs.map(({ cached }) => cached),
        CONFIGS.map((_, i) => i >= cases.length),
      );

      const { results, cachedRuns, computedRuns } = await compute(STUDY);
      assertEquals([cachedRuns, computedRuns], [CONFIGS.length - cases.length, cases.length]);
      await assertAside(messages, asides);
      assertSame(await contents(folder), wanted.contents);
      assertEquals(svgs(results), wanted.figures);
      // Nothing is left beside but what was set aside.
      const damaged = listFiles(folder).filter((path) => /\.damaged-\d+[/@]?$/.test(path));
      assertEquals(damaged.length, cases.length);
      // And it is as if nothing had been: all is cached now.
      const again = await compute(STUDY, { data: join(folder, "nowhere") });
      assertEquals([again.cachedRuns, messages.length], [CONFIGS.length, cases.length]);
    });
  });
}

Deno.test("run() never shows what is damaged: without data to compute it again there is nothing", async () => {
  await withPlace(async ({ folder, options, compute }) => {
    const files = CONFIGS.map((config) => runFiles(STUDY, config, options.folders!));
    await lay(files, []);
    const { result } = files[5]!;
    // Good JSON of the right form: another loss.
    const text = await Deno.readTextFile(result);
    await Deno.writeTextFile(result, text.replace(/("loss": \d+\.\d)\d/, "$17"));
    assert(await Deno.readTextFile(result) !== text);
    const error = await assertRejects(() => compute(STUDY, { data: join(folder, "nowhere") }));
    assertStringIncludes((error as Error).message, "nowhere");
  });
});

Deno.test("run() names damaged files of a copy of the data and takes right ones", async () => {
  const wanted = await original();
  const right = await ensureCifar10();
  const [batch, test] = ["data_batch_1.bin", "test_batch.bin"] as const;
  const bytes = await Deno.readFile(right[batch]!);
  const damages: [string, Uint8Array][] = [
    ["it is 15365000 bytes", bytes.subarray(0, bytes.length >> 1)],
    ["it is 30730000 bytes", bytes.with(bytes.length >> 1, bytes[bytes.length >> 1]! ^ 1)],
    ["it is 30730000 bytes", await Deno.readFile(right[test]!)],
  ];
  await withPlace(async ({ folder, messages, compute }) => {
    const copy = join(folder, "copy");
    await Deno.mkdir(copy);
    await Deno.symlink(right[test]!, join(copy, test));
    for (const [found, damaged] of damages) {
      await Deno.writeFile(join(copy, batch), damaged);
      await compute(STUDY, { data: copy });
      assertEquals(messages.length, 2);
      assertStringIncludes(messages[0]!, `${join(copy, batch)} is not used: ${found} with MD5 `);
      assertStringIncludes(messages[1]!, `${copy} has no intact ${batch}: taken from `);
      // A copy of one's own is left as it is.
      assertEquals(sha256(await Deno.readFile(join(copy, batch))), sha256(damaged));
      assertSame(await contents(folder), wanted.contents);
      messages.length = 0;
      for (const each of ["models", "results"]) {
        await Deno.remove(join(folder, each), { recursive: true });
      }
    }
  });
});

Deno.test("run() sets aside what is no file in the place of a lock or a time", async () => {
  const wanted = await original();
  await withPlace(async ({ folder, messages, options, compute }) => {
    const files = CONFIGS.map((config) => runFiles(STUDY, config, options.folders!));
    await lay(files, []);
    const paths = [files[0]!.lock, files[1]!.seconds, files[2]!.lock];
    for (const [index, path] of paths.entries()) {
      await Deno.remove(files[index]!.result);
      await Deno.remove(files[index]!.model);
      await Deno.mkdir(join(path, "not empty"), { recursive: true });
    }
    await compute(STUDY);
    assertEquals(
      messages.toSorted(),
      paths.map((path) =>
        `Cannot use ${path} as it must be a file; set aside as ${path}.damaged-1, it will be ` +
        "computed again"
      ).toSorted(),
    );
    for (const path of paths) assert((await Deno.stat(`${path}.damaged-1/not empty`)).isDirectory);
    assertSame(await contents(folder), wanted.contents);
  });
});

/** Makes reading one file fail, as a disk or a permission does, the `nth` time. */
async function withUnreadable<T>(
  { path, code, nth = 1 }: { path: string; code: string; nth?: number },
  work: () => Promise<T>,
): Promise<T> {
  const { readFile } = Deno;
  let times = 0;
  Deno.readFile = (file, options): ReturnType<typeof readFile> =>
    file === path && ++times === nth
      ? Promise.reject(Object.assign(new Error(`failed with ${code}`), { code }))
      : readFile(file, options);
  try {
    return await work();
  } finally {
    Deno.readFile = readFile;
  }
}

Deno.test("run() stops at a file that cannot be read, leaves it and releases its locks", async () => {
  const wanted = await original();
  const cases = [
    { kind: "result", code: "EIO" },
    { kind: "model", code: "EIO" },
    // Once to see that nothing is to be trained, then to be measured, after other runs' models.
    { kind: "model", code: "EIO", nth: 2 },
    { kind: "checkpoint", code: "EACCES" },
  ] as const;
  const index = 7;
  for (const { kind, ...failure } of cases) {
    await withPlace(async ({ folder, messages, options, compute }) => {
      const files = CONFIGS.map((config) => runFiles(STUDY, config, options.folders!));
      await lay(files, CONFIGS.map((_, i) => i === index ? kind : "model"));
      const before = listFiles(folder);
      const path = files[index]![kind];
      const error = await assertRejects(
        () => withUnreadable({ path, ...failure }, () => compute(STUDY)),
        Error,
      );
      assertEquals(
        error.message,
        `Cannot read ${path}, which stays as it is: failed with ${failure.code}`,
      );
      assertEquals(messages, []);
      assertEquals(listFiles(folder).filter((each) => before.includes(each)), before);
      for (const { lock: file } of files) {
        const lock = await tryLock(file);
        assert(lock !== undefined && lock.abandonedBy === undefined, file);
        lock.release();
      }
      // Once it can be read it is good.
      await compute(STUDY);
      const resumed = `${runPath(CONFIGS[index]!)}: going on after epoch 1`;
      assertEquals(messages, kind === "checkpoint" ? [resumed] : []);
      assertSame(await contents(folder), wanted.contents);
    });
  }
});

Deno.test("plan() says that a result cannot be read", async () => {
  await withPlace(async ({ options }) => {
    const files = CONFIGS.map((config) => runFiles(STUDY, config, options.folders!));
    await lay(files, []);
    const { result } = files[3]!;
    const error = await assertRejects(
      () => withUnreadable({ path: result, code: "EIO" }, () => plan(STUDY, options)),
      Error,
    );
    assertEquals(error.message, `Cannot read ${result}, which stays as it is: failed with EIO`);
  });
});

Deno.test("run() with fresh sets folders aside and keeps what another process works on", async () => {
  const wanted = await original();
  await withPlace(async ({ folder, messages, options, compute }) => {
    const files = CONFIGS.map((config) => runFiles(STUDY, config, options.folders!));
    await lay(files, []);
    const folders = [files[0]!.result, files[1]!.model, files[2]!.checkpoint, files[3]!.seconds];
    for (const path of folders) {
      await Deno.remove(path).catch(() => {});
      await Deno.mkdir(join(path, "not empty"), { recursive: true });
    }
    const held = await tryLock(files[4]!.lock);
    const { cachedRuns, computedRuns } = await compute(STUDY, {
      fresh: true,
      onProgress: ({ message }) => assert(!message.startsWith("waiting"), message),
    });
    held!.release();
    assertEquals([cachedRuns, computedRuns], [1, 11]);
    assertEquals(messages, [
      "Removing the results and models of 12 runs to compute them again",
      ...folders.map((path) =>
        `Cannot use ${path} as it must be a file; set aside as ${path}.damaged-1, it will be ` +
        "computed again"
      ),
      `${runPath(CONFIGS[4]!)}: another process works on it; its files are kept`,
    ]);
    for (const path of folders) {
      assert((await Deno.stat(`${path}.damaged-1/not empty`)).isDirectory);
    }
    assertSame(await contents(folder), wanted.contents);
  });
});

Deno.test("run() that takes over from a killed process removes what it left half written", async () => {
  const wanted = await original();
  await withPlace(async ({ folder, messages, options, compute }) => {
    const files = CONFIGS.map((config) => runFiles(STUDY, config, options.folders!));
    await lay(files, CONFIGS.map(() => "model"));
    const [first, second] = files;
    await Deno.writeTextFile(first!.lock, "process 1, started\u{9b}31m long ago\n");
    await Deno.mkdir(dirname(first!.result), { recursive: true });
    const torn = [
      `${first!.result}.unfinished-17`,
      `${first!.model}.unfinished-18`,
      `${first!.checkpoint}.unfinished-19`,
      `${first!.seconds}.unfinished-20`,
    ];
    // Of a run that somebody may be at work on, and of nobody's.
    const others = [
      `${second!.model}.unfinished-21`,
      `${first!.model}.old`,
      `${first!.model}.damaged-1`,
    ];
    for (const path of [...torn, ...others]) await Deno.writeTextFile(path, "torn");
    await compute(STUDY);
    assertEquals(messages, [
      `${
        runPath(CONFIGS[0]!)
      }: taking over from process 1, started\\u{9b}31m long ago, which ended ` +
      "without finishing",
    ]);
    const left = listFiles(folder).map((path) => join(folder, path));
    assertEquals([...torn, ...others].filter((path) => left.includes(path)), others);
    assertSame(await contents(folder), wanted.contents);
  });
});
