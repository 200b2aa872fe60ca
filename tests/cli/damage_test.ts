/**
 * Studies over damaged files, which are named, set aside as they are and computed again, leftovers of
 * killed processes, and what cannot be read now: they end with what an undamaged one ends with.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { dirname, join } from "node:path";
import { sha256 } from "~/lib/files/files.ts";
import { tryLock } from "~/lib/files/lock.ts";
import { decodeModel, encodeModel } from "~/lib/model.ts";
import { formatRecord, parseRecord, recordFile } from "~/lib/results.ts";
import { listTrajectories } from "~/lib/study.ts";
import { describeTrajectory, lockFile, networkFile } from "~/lib/trainer.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { listFiles, withFailingOpen } from "~/tests/fixtures/temporary_folder.ts";
import {
  assertEnds,
  change,
  contents,
  type Place,
  uninterrupted,
  withPlace,
} from "~/tests/fixtures/tiny_study.ts";

/** Twelve trajectories, so that many damages share a study. */
const STUDY = change({ grid: { seeds: [0, 1, 2] } });
const TRAJECTORIES = listTrajectories(STUDY);

const KINDS = ["record", "network", "latest"] as const;
type Kind = typeof KINDS[number];

/** Where a trajectory's files lie. */
function filesOf({ options: { folders } }: Place, index: number): Record<Kind | "lock", string> {
  const trajectory = TRAJECTORIES[index]!;
  return {
    record: recordFile(folders.results, trajectory),
    network: networkFile(folders.models, trajectory, 3),
    latest: networkFile(folders.models, trajectory, "latest"),
    lock: lockFile(folders.models, trajectory),
  };
}

type Files = Record<Kind, readonly Uint8Array[]>;

let computed: Promise<Files> | undefined;
/** Files of the undamaged study by trajectory; the newest state as it was after one epoch. */
function original(): Promise<Files> {
  computed ??= withPlace(async (place) => {
    const read = (kind: Kind): Uint8Array[] =>
      TRAJECTORIES.map((_, index) => Deno.readFileSync(filesOf(place, index)[kind]));
    await place.compute({
      ...STUDY,
      stops: ["epochs:1"],
      measures: { first: [], others: [] },
    });
    const latest = read("latest");
    await Deno.remove(place.options.folders.results, { recursive: true });
    await Deno.remove(place.options.folders.models, { recursive: true });
    await place.compute(STUDY);
    return { record: read("record"), network: read("network"), latest };
  });
  return computed;
}

/** A damage: new bytes for a file, or something else in its place. */
type Damage =
  | { readonly bytes: (good: Uint8Array, from: { kind: Kind; other: Uint8Array }) => Uint8Array }
  | { readonly put: (path: string) => Promise<void> };

function flip(position: (length: number) => number): Damage {
  return { bytes: (good) => good.with(position(good.length), good[position(good.length)]! ^ 1) };
}

const DAMAGES: Record<string, Damage> = {
  "emptied": { bytes: () => new Uint8Array(0) },
  "its end missing": {
    // A record's last byte is a line feed, without which it is whole.
    bytes: (good, { kind }) => good.subarray(0, good.length - (kind === "record" ? 2 : 1)),
  },
  "a bit of its first byte": flip(() => 0),
  "a bit of its last byte": flip((length) => length - 1),
  "a byte more": { bytes: (good) => new Uint8Array(Buffer.concat([good, Uint8Array.of(48)])) },
  "another trajectory's file": { bytes: (_, { other }) => other },
  "an older schema, its checksum right": { bytes: (good, { kind }) => older(good, kind) },
  "a directory": { put: (path) => Deno.mkdir(join(path, "not empty"), { recursive: true }) },
  "a link to itself": { put: (path) => Deno.symlink(path, path) },
  "a pipe": {
    put: async (path) => {
      assert((await new Deno.Command("mkfifo", { args: [path] }).output()).success);
    },
  },
};

/** The file as a version wrote it that knew a field less. */
function older(good: Uint8Array, kind: Kind): Uint8Array {
  if (kind === "record") {
    const { content: _, ...file } = JSON.parse(new TextDecoder().decode(good));
    return new TextEncoder().encode(JSON.stringify({ ...file, format: 1 }));
  }
  const { sizes, parameters, state, metadata: { engines: _, ...metadata } } = decodeModel(
    good,
    "m",
  );
  return encodeModel(sizes, parameters, { state, metadata });
}

/** Puts the files there with which the damaged one is needed. */
async function lay(place: Place, index: number, kind: Kind): Promise<void> {
  const files = await original();
  const paths = filesOf(place, index);
  const good = (each: Kind): Uint8Array => files[each][index]!;
  const unmeasured = (): Uint8Array => {
    const { content, ...rest } = parseRecord(new TextDecoder().decode(good("record")));
    const networks = content.networks.map((network) => ({ ...network, measures: [] }));
    return new TextEncoder().encode(formatRecord({ ...rest, content: { ...content, networks } }));
  };
  const needed: Record<Kind, [Kind, Uint8Array][]> = {
    record: [["record", good("record")], ["network", good("network")], ["latest", good("latest")]],
    network: [["record", unmeasured()], ["network", good("network")], ["latest", good("latest")]],
    latest: [["latest", good("latest")]],
  };
  for (const [each, bytes] of needed[kind]) {
    await Deno.mkdir(dirname(paths[each]), { recursive: true });
    await Deno.writeFile(paths[each], bytes);
  }
}

/** Damages a file; what is returned fails unless it lies aside as it was. */
async function damage(
  place: Place,
  index: number,
  { kind, way }: { kind: Kind; way: string },
): Promise<(aside: string) => Promise<void>> {
  const files = await original();
  const path = filesOf(place, index)[kind];
  const how = DAMAGES[way]!;
  if ("bytes" in how) {
    const other = files[kind][(index + 1) % TRAJECTORIES.length]!;
    const bytes = how.bytes(files[kind][index]!, { kind, other });
    await Deno.writeFile(path, bytes);
    return async (aside) => assertEquals(sha256(await Deno.readFile(aside)), sha256(bytes), aside);
  }
  await Deno.remove(path);
  await how.put(path);
  const { ino } = await Deno.lstat(path);
  return async (aside) => assertEquals((await Deno.lstat(aside)).ino, ino, aside);
}

const CASES = KINDS.flatMap((kind) => Object.keys(DAMAGES).map((way) => ({ kind, way })));
const ROUNDS = Math.ceil(CASES.length / TRAJECTORIES.length);

for (let round = 0; round < ROUNDS; round++) {
  const cases = CASES.slice(round * TRAJECTORIES.length, (round + 1) * TRAJECTORIES.length);
  const name = `${cases[0]!.kind} ${cases[0]!.way} to ${cases.at(-1)!.kind} ${cases.at(-1)!.way}`;
  Deno.test(`run() over damages ${round + 1} of ${ROUNDS}, ${name}`, async () => {
    await withPlace(async (place) => {
      const asides = [];
      for (const [index, each] of cases.entries()) {
        await lay(place, index, each.kind);
        const path = filesOf(place, index)[each.kind];
        asides.push({ ...each, path, check: await damage(place, index, each) });
      }
      await place.compute(STUDY);
      const told = place.messages.filter((message) => message.includes(".damaged-"));
      for (const { kind, way, path, check } of asides) {
        const about = told.filter((message) => message.includes(`${path}.damaged-1,`));
        assertEquals(about.length, 1, `${kind} ${way}: ${place.messages.join("\n")}`);
        assertMatch(
          about[0]!,
          /^Cannot \P{Cc}+; set aside as \P{Cc}+, it counts as missing$/u,
        );
        await check(`${path}.damaged-1`);
      }
      assertEquals(told.length, asides.length, told.join("\n"));
      await assertEnds(place.folder, STUDY);
      const left = listFiles(place.folder).filter((path) => /\.damaged-\d+[/@]?$/.test(path));
      assertEquals(left.length, asides.length);
    });
  });
}

Deno.test("run() sets aside what is no file in the place of a lock", () =>
  withPlace(async (place) => {
    const locks = [0, 1].map((index) => filesOf(place, index).lock);
    for (const path of locks) await Deno.mkdir(join(path, "not empty"), { recursive: true });
    await place.compute();
    assertEquals(
      place.messages.toSorted(),
      locks.map((path) =>
        `Cannot read ${path} as it must be a file: it is a directory; set aside as ` +
        `${path}.damaged-1, it counts as missing`
      ).toSorted(),
    );
    for (const path of locks) assert((await Deno.stat(`${path}.damaged-1/not empty`)).isDirectory);
    await assertEnds(place.folder);
  }));

Deno.test("run() that takes over from a killed process removes what it left half written", () =>
  withPlace(async (place) => {
    const { record, latest, network, lock } = filesOf(place, 0);
    const torn = [record, latest, network].map((path, n) => `${path}.unfinished-${17 + n}`);
    // Of a trajectory that somebody may be at work on, and of nobody's.
    const others = [
      `${filesOf(place, 1).network}.unfinished-21`,
      `${network}.old`,
      `${network}.damaged-1`,
    ];
    for (const path of [...torn, ...others]) {
      await Deno.mkdir(dirname(path), { recursive: true });
      await Deno.writeTextFile(path, "torn");
    }
    await Deno.writeTextFile(lock, "process 1, started\u{9b}31m long ago\n");
    await place.compute();
    assertEquals(place.messages, [
      `${describeTrajectory(TRAJECTORIES[0]!)}: taking over from process 1, ` +
      "started\\u{9b}31m long ago, which ended without finishing",
    ]);
    const left = listFiles(place.folder).map((path) => join(place.folder, path));
    assertEquals([...torn, ...others].filter((path) => left.includes(path)), others);
    await assertEnds(place.folder);
  }));

for (const [kind, code] of [["record", "EIO"], ["latest", "EACCES"]] as const) {
  Deno.test(`run() stops at a ${kind} that cannot be read, leaves it, releases its locks`, async () => {
    await withPlace(async (place) => {
      await place.compute({ ...STUDY, stops: ["epochs:1"] });
      const [{ [kind]: path, ...first }, second] = [filesOf(place, 0), filesOf(place, 1)];
      const before = await Deno.readFile(path);
      place.messages.length = 0;
      const failure = Object.assign(new Error(`failed with ${code}`), { code });
      const error = await assertRejects(
        () => withFailingOpen({ path, error: failure }, () => place.compute()),
        Error,
      );
      const what = `Cannot read ${path}, which stays as it is: failed with ${code}`;
      assertEquals(error.message, what);
      assertEquals(await Deno.readFile(path), before);
      for (const file of [first.lock, second.lock]) {
        const lock = await tryLock(file);
        assert(lock !== undefined && lock.abandonedBy === undefined, file);
        lock.release();
      }
      // Once it can be read it is good.
      await place.compute();
      assertEquals(place.messages.filter((message) => message.includes("damaged")), []);
      const found = await contents(place.folder);
      for (const [path, content] of await uninterrupted()) {
        if (path.endsWith(".safetensors")) assertEquals(found.get(path), content, path);
      }
    });
  });
}
