/**
 * Starts a command with the permissions that its options call for, and no others.
 *
 * A task's permissions are fixed, so the folders and files that are named on the command line become
 * `--allow-read` and `--allow-write` here. What is wrong is refused, and `--help` answered. Paths are
 * those of the folder in which the task was typed.
 *
 * @module
 */
import "~/lib/cli/deno_version.ts";
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { helpOf, readValues, readWords, sayError, type Texts, toWords } from "~/lib/cli/words.ts";
import { type Command, type CommandName, COMMANDS } from "~/lib/cli/commands.ts";
import { type OptionName, optionOf } from "~/lib/cli/options.ts";
import { CHOICES_FILE } from "~/lib/engine.ts";
import { NPM } from "~/lib/files/programs.ts";

/** The project's root, with a slash at its end. */
export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));

/** Environment variables that the program and its packages read. */
const ENVIRONMENT = [
  "CIFAR10_DIR",
  // Of the packages: colours and widths of the terminal, debugging switches, temporary folders.
  ...["NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS", "CI", "DEBUG", "NODE_DEBUG", "NODE_ENV"],
  ...["TMPDIR", "DEV", "NVIDIA_TF32_OVERRIDE"],
  // Set while OpenBLAS is loaded, where it does not know the processor.
  "OPENBLAS_CORETYPE",
  // Set to 1 before ONNX Runtime is loaded.
  "ORT_DISABLE_TELEMETRY",
];

/** What Deno is called with to run a command with these options; `flags` are for Deno, too. */
export function commandWords(
  name: CommandName,
  texts: Texts,
  { flags, cifar10 }: { readonly flags: readonly string[]; readonly cifar10?: string },
): string[] {
  return [
    ...["run", "--frozen", "--no-prompt", ...flags, `--config=${ROOT}deno.json`],
    ...permissions(name, texts, cifar10),
    ...[`${ROOT}lib/cli/main.ts`, name, ...toWords(texts)],
  ];
}

/** The permissions of a command with these options, as flags for `deno run`. */
export function permissions(name: CommandName, texts: Texts, cifar10 = ""): string[] {
  const command: Command = COMMANDS[name];
  const read = [ROOT, cifar10];
  const write = [`${ROOT}data`];
  if (command.options.includes("engine")) write.push(`${ROOT}models/${CHOICES_FILE}`);
  for (const option of command.options) {
    const { path } = optionOf(option);
    const named = String(texts[option] ?? (path === "keep" ? `${ROOT}${option}` : ""));
    if (path === undefined || named === "") continue;
    read.push(path === "write" ? dirname(resolve(named)) : named);
    if (path !== "read") write.push(read.at(-1)!);
  }
  const submits = texts.slurm !== undefined && !texts["dry-run"];
  if (submits) read.push("/var/lib/nfs/etab");
  return [
    `--allow-read=${list(read)}`,
    `--allow-write=${list(write)}`,
    `--allow-env=${ENVIRONMENT.join(",")}`,
    "--allow-sys=hostname,networkInterfaces,osRelease,cpus,systemMemoryInfo",
    // By name, in the system's own search path: Deno has no narrower form of this permission.
    "--allow-ffi",
    // npm: only to fetch the data set, once. A job, or another build, may run anything anyway; and
    // where LD_LIBRARY_PATH is set, as environment modules do, Deno starts a program only if it may
    // start all.
    submits || texts.against !== undefined ? "--allow-run" : `--allow-run=${NPM}`,
    "--allow-net=www.cs.toronto.edu",
  ];
}

/**
 * A list of paths as a permission flag takes it. The flag splits at commas, so a path with one is
 * granted by the nearest folder above it that has none.
 */
function list(paths: readonly string[]): string {
  return paths.filter((path) => path !== "").map((path) => {
    let granted = resolve(path);
    while (granted.includes(",")) granted = dirname(granted);
    return granted;
  }).join(",");
}

/** The options with whole paths, from the folder in which the task was typed. */
export function fromHere(texts: Texts, here: string): Texts {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => {
      // A BLAS's file by its path.
      const [, file] = name === "engine" ? /^cpu:(.*[/\\].*)$/.exec(String(text)) ?? [] : [];
      if (file !== undefined) return [name, `cpu:${resolve(here, file)}`];
      if (optionOf(name as OptionName).path === undefined || text === "") return [name, text];
      // A slash at the end says that a folder is meant.
      const [, end = ""] = /[^/\\]([/\\])$/.exec(String(text)) ?? [];
      return [name, resolve(here, String(text)) + end];
    }),
  );
}

/** Where it is not set, as on servers, the look for a GPU prints errors that are none. */
export function displayFolder(): Record<string, string> {
  const isMissing = Deno.build.os === "linux" && !Deno.env.has("XDG_RUNTIME_DIR");
  return isMissing ? { XDG_RUNTIME_DIR: "/tmp" } : {};
}

async function launch(): Promise<number> {
  // Tasks name the command.
  const [name, ...words] = Deno.args as [CommandName, ...string[]];
  const command: Command = COMMANDS[name];
  const here = Deno.env.get("INIT_CWD") || Deno.cwd();
  const given = readWords(command, words);
  if (given.help) {
    console.log(helpOf(name, command));
    return 0;
  }
  const texts = fromHere(given, here);
  readValues(command, texts);
  const copy = Deno.env.get("CIFAR10_DIR");
  const cifar10 = copy ? resolve(here, copy) : "";
  const child = new Deno.Command(Deno.execPath(), {
    args: commandWords(name, texts, {
      // The first start installs the packages, which may take minutes: it says so.
      flags: existsSync(`${ROOT}node_modules`) ? ["--quiet"] : [],
      cifar10,
    }),
    ...{ stdin: "inherit", stdout: "inherit", stderr: "inherit" },
    env: {
      CIFAR10_DIR: cifar10,
      // Native code that would reach or write what the command was not told to.
      ORT_DISABLE_TELEMETRY: "1",
      MESA_SHADER_CACHE_DISABLE: "true",
      ...displayFolder(),
    },
  }).spawn();
  // Ctrl-C reaches the whole group, a signal to this process alone must be passed on; the command
  // takes two signals within half a second for one.
  const passedOn = new Set<string>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    if (signal === "SIGTERM" && Deno.build.os === "windows") continue;
    Deno.addSignalListener(signal, () => {
      passedOn.add(signal);
      try {
        child.kill(signal);
      } catch {
        // It has ended already.
      }
    });
  }
  const { code, signal } = await child.status;
  if (signal !== null && !passedOn.has(signal)) {
    console.error(
      `The system ended the command by ${signal}, most likely ` +
        (signal === "SIGKILL"
          ? "because memory ran out: fewer --threads or --images take less"
          : "for a fault in a native library: another --engine may do") +
        "; the same command goes on from what was kept",
    );
  }
  return code;
}

if (import.meta.main) Deno.exit(await launch().catch(sayError));
