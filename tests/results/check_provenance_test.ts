/**
 * Records that do not say whole how they came about: refused when written, read all the same.
 *
 * @module
 */
import { UsageError } from "~/lib/domain.ts";
import { DIRECTION_SEED } from "~/lib/measure.ts";
import { revisionIn } from "~/lib/reproduce/options.ts";
import {
  checkProvenance,
  formatRecord,
  parseRecord,
  type Provenance,
  readRecord,
  recordFile,
  type TrajectoryRecord,
  writeRecord,
} from "~/lib/results.ts";
import { writeWhole } from "~/lib/files/files.ts";
import { listTrajectories } from "~/lib/study.ts";
import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { syntheticRecords } from "~/tests/fixtures/synthetic_results.ts";
import { ROOT } from "~/tests/fixtures/script.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { pathToFileURL } from "node:url";
import {
  alone,
  assertSame,
  contents,
  silent,
  uninterrupted,
  withPlace,
} from "~/tests/fixtures/tiny_study.ts";

function part(
  did: string,
  from: number | undefined,
  to: number,
  revision = "0a1b2c3d",
): Provenance {
  return {
    ...{ did, to, revision, deno: "2.9.6", processor: "a processor", threads: 1, seconds: 1 },
    ...(from === undefined ? {} : { from }),
    ...{ engine: { name: "cpu", library: "a library" }, finished: "2026-11-01T10:00:00Z" },
  };
}

/** Four epochs, which so many pieces of work made. */
function recordOf(provenance: Provenance[], diverged = false): TrajectoryRecord {
  const [record] = syntheticRecords(alone("SGD"));
  return { content: { ...record!.content, epochLosses: [4, 3, 2, 1], diverged }, provenance };
}

/** Trainings from and to an epoch. */
const trained = (...spans: [from: number, to: number][]): TrajectoryRecord =>
  recordOf(spans.map(([from, to]) => part("trained", from, to)));
const again = [
  part("trained", 0, 4),
  part("trained again", 0, 2),
  part("measured trace", undefined, 4),
];
const CASES: [string, TrajectoryRecord, RegExp | undefined][] = [
  ["one training", trained([0, 4]), undefined],
  ["two that join", trained([0, 1], [1, 4]), undefined],
  ["a network again, and measured", recordOf(again), undefined],
  ["an end that diverged", recordOf([part("trained", 0, 5)], true), undefined],
  ["two spliced", trained([0, 2], [0, 4]), /overlap: .* 0, .* at 2$/],
  ["a gap", trained([0, 1], [2, 4]), /leave a gap: .* 2, .* at 1$/],
  ["too short", trained([0, 3]), /end at epoch 3 and its losses at 4$/],
  ["no revision", recordOf([part("trained", 0, 4, "unknown")]), /revision .* must be known/],
];

Deno.test("checkProvenance() names overlaps, gaps and unknown revisions; such a record is read, not written", async () => {
  const [trajectory] = listTrajectories(alone("SGD"));
  await withFolder(async (folder) => {
    for (const [what, record, fault] of CASES) {
      const found = checkProvenance(record);
      if (fault === undefined) {
        assertEquals(found, undefined, what);
        await writeRecord(folder, record);
        continue;
      }
      assertMatch(found!, fault, what);
      const error = await assertRejects(() => writeRecord(folder, record), Error);
      assertEquals(error.message, `Cannot write ${recordFile(folder, trajectory!)} as ${found}`);
      // As one that was written before this was looked at.
      await writeWhole(recordFile(folder, trajectory!), formatRecord(record));
      assertEquals(await readRecord(folder, trajectory!, silent), record, what);
    }
  });
});

Deno.test("run() leaves a record that does not say how it came about, and says so; --fresh replaces it", async () => {
  const study = alone("SGD", { stops: ["epochs:4"] });
  const wanted = await uninterrupted(study);
  await withPlace(async ({ folder, messages, compute, options: { folders } }) => {
    const { records: [record] } = await compute(alone("SGD"));
    const [trajectory] = listTrajectories(study);
    const provenance = record!.provenance.map((each) => ({ ...each, revision: "unknown" }));
    const path = recordFile(folders.results, trajectory!);
    const faulty = formatRecord({ ...record!, provenance });
    await writeWhole(path, faulty);
    const { missingRuns, computedRuns, records } = await compute(study);
    assertEquals([missingRuns, computedRuns, records.length], [1, 0, 1]);
    assertEquals(messages, [
      "SGD lr=0.1,batch=60,seed=0: its record is left as it is, as the revision that trained must be " +
      "known: it is unknown; --fresh computes it again",
      "1 run cannot be completed: see the messages above",
    ]);
    assertEquals(await Deno.readTextFile(path), faulty);
    await compute(study, { fresh: true });
    const found = await contents(folder);
    found.delete([...found.keys()].find((name) => name.includes("epoch=3"))!);
    assertSame(found, wanted);
  });
});

Deno.test("revisionIn() reads a repository, else the file that git fills in, else says what to do", () =>
  withFolder(async (folder) => {
    const [commit, other] = ["0123456789abcdef", "fedcba9876543210"];
    const git = pathToFileURL(`${folder}/git/`);
    const file = pathToFileURL(`${folder}/revision.txt`);
    const { message } = assertThrows(() => revisionIn(git, file), UsageError);
    assertMatch(message, /^Cannot compute as .*: write the commit into .*revision\.txt$/);
    await Deno.writeTextFile(file, "$Format:%H$\n");
    assertThrows(() => revisionIn(git, file), UsageError);
    await Deno.writeTextFile(file, `${other}\n`);
    assertEquals(revisionIn(git, file), other.slice(0, 12));
    const heads = new URL("refs/heads/", git);
    await Deno.mkdir(heads, { recursive: true });
    await Deno.writeTextFile(new URL("HEAD", git), `${commit}\n`);
    assertEquals(revisionIn(git, file), commit.slice(0, 12));
    await Deno.writeTextFile(new URL("HEAD", git), "ref: refs/heads/main\n");
    await Deno.writeTextFile(new URL("packed-refs", git), `# pack\n${commit} refs/heads/main\n`);
    assertEquals(revisionIn(git, file), commit.slice(0, 12));
    await Deno.writeTextFile(new URL("main", heads), `${other}\n`);
    assertEquals(revisionIn(git, file), other.slice(0, 12));
  }));

/** The records that are committed, by path. */
const COMMITTED = await Promise.all(
  listFiles(`${ROOT}results`).filter((path) => /^cifar10.*\.json$/.test(path)).map(async (path) =>
    [
      path.replace(/\.json$/, ""),
      parseRecord(await Deno.readTextFile(`${ROOT}results/${path}`)),
    ] as const
  ),
);

Deno.test("results/: every record says whole how it came about", () => {
  for (const [path, record] of COMMITTED) assertEquals(checkProvenance(record), undefined, path);
});

Deno.test("DIRECTION_SEED is the seed that all committed results were measured with", () => {
  const measures = COMMITTED.flatMap(([, { content }]) =>
    content.networks.flatMap(({ measures }) => measures)
  );
  const seeds = measures.flatMap(({ protocol }) => protocol.directionSeed ?? []);
  assertEquals([...new Set(seeds)], [DIRECTION_SEED]);
});

Deno.test("results/README.md names the records that several engines trained, and no others", async () => {
  const mixed = COMMITTED.flatMap(([path, { provenance }]) =>
    provenance.some(({ engines = [] }) => engines.length > 1) ? [path.replace(/^[^/]*\//, "")] : []
  );
  const readme = await Deno.readTextFile(`${ROOT}results/README.md`);
  const named = readme.matchAll(/`(\w+\/lr=\S+)`/g);
  assertEquals(Array.from(named, ([, path]) => path), mixed);
});

Deno.test("results/README.md says on what the records were computed, and how long it took", async () => {
  const all = COMMITTED.flatMap(([path, { provenance }]) =>
    provenance.map((each) => ({ ...each, path, images: path.split(/[=/]/)[1]! }))
  );
  const rows = [...Map.groupBy(all, ({ images, processor }) => `${images} | ${processor}`)].map(
    ([name, own]) => {
      const isTraining = ({ did }: Provenance): boolean => did.startsWith("trained");
      const epochs = own.filter(isTraining).reduce((sum, { from = 0, to }) => sum + to - from, 0);
      const hours = [true, false].map((wanted) =>
        own.filter((each) => isTraining(each) === wanted)
          .reduce((sum, { seconds, threads }) => sum + seconds * threads / 3600, 0).toFixed(1)
      );
      return [name, new Set(own.map(({ path }) => path)).size, epochs, ...hours].join(" | ");
    },
  );
  const readme = (await Deno.readTextFile(`${ROOT}results/README.md`)).replace(/ +/g, " ");
  const count = `There are ${COMMITTED.length} records:`;
  assertEquals(
    [...rows.map((row) => `| ${row} |`), count].filter((text) => !readme.includes(text)),
    [],
  );
});
