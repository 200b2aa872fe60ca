/**
 * What native code does outside Deno's permissions: seen from the system's side, in a process whose
 * home folder is empty.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { ensureCifar10 } from "~/lib/dataset.ts";
import { callProgram } from "~/lib/files/programs.ts";
import { TRAIN } from "~/tests/fixtures/command.ts";
import { ended, ROOT, scriptWords, startScript } from "~/tests/fixtures/script.ts";
import { withFolder } from "~/tests/fixtures/temporary_folder.ts";

const hasStrace = await callProgram("strace", ["-V"]) !== undefined;
if (!hasStrace) console.warn("No strace: what native code does is not looked at (Debian: strace)");

/** Where Deno keeps its own caches. */
const { denoDir } = JSON.parse((await callProgram(Deno.execPath(), ["info", "--json"]))!.stdout);

/** What Deno itself and the system's devices write. */
const NOT_NATIVE = [denoDir, `${ROOT}node_modules/.deno/`, "/dev/", "/proc/self/"];

/** Opens ONNX Runtime, multiplies by it and closes it. */
const MULTIPLY = `
  import { openEngine } from "~/lib/engine.ts";
  import { makeDataset, makeSplit } from "~/tests/fixtures/tiny_dataset.ts";
  const dataset = makeDataset(makeSplit([0, 9, 5, 3], [0, 1]));
  const engine = await openEngine("cpu:onnxruntime", { dataset, threads: 1, onMessage: console.log });
  const parameters = new Float32Array(new SharedArrayBuffer(24));
  console.log((await engine.evaluate([2, 2], [parameters], { split: "train" })).length);
  await engine.close();`;

interface Traced {
  /** Addresses beyond this machine's own sockets. */
  readonly connections: readonly string[];
  /** Files and folders that were made or written. */
  readonly written: readonly string[];
}

/** Runs Deno under strace, at home in an empty folder of its own. */
async function trace(args: readonly string[]): Promise<Traced> {
  return await withFolder(async (home) => {
    const log = `${home}.strace`;
    const words = [
      ...["-f", "-qq", "-o", log],
      ...["-e", "trace=connect,sendto,sendmsg,sendmmsg,open,openat,creat,mkdir,mkdirat"],
      ...[Deno.execPath(), ...args],
    ];
    const env = {
      ...{ HOME: home, XDG_CACHE_HOME: `${home}/.cache`, DENO_DIR: denoDir, NO_COLOR: "1" },
      ...{ DENO_NO_UPDATE_CHECK: "1", ORT_DISABLE_TELEMETRY: "0" },
    };
    const called = await callProgram("strace", words, { cwd: ROOT, env });
    assertEquals(called!.code, 0, called!.stderr);
    assertEquals([...Deno.readDirSync(home)], []);
    const lines = (await Deno.readTextFile(log)).split("\n");
    await Deno.remove(log);
    return {
      connections: lines.filter((line) => /AF_INET|sin6?_port/.test(line)),
      written: lines.filter((line) =>
        /^\d+ +((open|openat|creat)\(.*O_(WRONLY|RDWR|CREAT)|mkdir(at)?\()/.test(line) &&
        !/ = -1 E/.test(line)
      ).map((line) => /"((?:[^"\\]|\\.)*)"/.exec(line)![1]!)
        .filter((path) => !NOT_NATIVE.some((own) => path.startsWith(own))),
    };
  });
}

Deno.test("train connects to nothing and writes in its named folders only, with an empty home", {
  ignore: !hasStrace,
}, async () => {
  await ensureCifar10();
  const folder = await Deno.makeTempDir();
  const { connections, written } = await trace([
    ...["task", "--quiet", "train", ...TRAIN],
    ...["--images", "256", "--max-epochs", "1", "--models", `${folder}/models`],
    ...["--out", `${folder}/m.safetensors`],
  ]);
  await Deno.remove(folder, { recursive: true });
  assertEquals(connections, []);
  assertEquals(written.filter((path) => !path.startsWith(folder)), []);
  assertEquals(written.some((path) => path.startsWith(`${folder}/m.safetensors`)), true);
});

Deno.test("a bare import that opens ONNX Runtime connects to nothing and writes nothing", {
  ignore: !hasStrace,
}, async () => {
  const words = scriptWords(MULTIPLY, [], ["--quiet", "-A"]);
  assertEquals(await trace(words), { connections: [], written: [] });
});

Deno.test("where its telemetry may not be turned off ONNX Runtime is not loaded, as one line says", async () => {
  const permissions = ["--quiet", "--allow-read", "--allow-ffi", "--allow-sys"];
  const { code, stdout, stderr } = await ended(startScript(MULTIPLY, [], { permissions }));
  assertEquals([code, stdout], [1, ""]);
  assertStringIncludes(
    stderr,
    "Cannot load onnxruntime-node as its usage telemetry must be turned off first: allow it with " +
      "--allow-env=ORT_DISABLE_TELEMETRY",
  );
});
