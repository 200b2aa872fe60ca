/**
 * Starts a command with the permissions that its arguments call for, and no others.
 *
 * `deno task reproduce --results /mnt/a` must be able to write to /mnt/a, and nothing else needs to;
 * a task's permissions are fixed, so this launcher turns the folders and files that are named on the
 * command line into `--allow-read` and `--allow-write`. It imports no package.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { NPM } from "~/lib/files/npm.ts";

/** The project's root. */
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const COMMANDS = ["reproduce", "train", "sharpness", "measure", "bench"] as const;
type Command = typeof COMMANDS[number];

/** Environment variables that the program and its packages read. */
const ENVIRONMENT = [
  "CIFAR10_DIR",
  // Of the packages: colours and widths of the terminal, debugging switches, temporary folders.
  "NO_COLOR",
  "FORCE_COLOR",
  "TERM",
  "COLUMNS",
  "CI",
  "DEBUG",
  "NODE_DEBUG",
  "NODE_ENV",
  "TMPDIR",
  "DEV",
  "NVIDIA_TF32_OVERRIDE",
  // Set while OpenBLAS is loaded, where it does not know the processor.
  "OPENBLAS_CORETYPE",
  // Set to 1 before ONNX Runtime is loaded.
  "ORT_DISABLE_TELEMETRY",
];

/** Folders and files that a command reads and writes besides the project and the data. */
const flags: Record<Command, (args: Arguments) => { read: string[]; write: string[] }> = {
  reproduce: (args) => {
    const folders = [args.models ?? `${ROOT}models`, args.results ?? `${ROOT}results`];
    return { read: folders, write: folders };
  },
  train: ({ init, out, models = `${ROOT}models` }) => ({
    read: [
      models,
      ...(init === undefined ? [] : [init]),
      ...(out === undefined ? [] : [dirname(resolve(out))]),
    ],
    write: [models, ...(out === undefined ? [] : [dirname(resolve(out))])],
  }),
  sharpness: readsModel,
  measure: readsModel,
  bench: () => ({ read: [], write: [] }),
};

function readsModel({ model }: Arguments): { read: string[]; write: string[] } {
  return { read: model === undefined ? [] : [model], write: [] };
}

interface Arguments {
  readonly data?: string;
  readonly models?: string;
  readonly results?: string;
  readonly out?: string;
  readonly init?: string;
  readonly model?: string;
  readonly slurm?: string;
}

/**
 * The permissions of a command with these arguments, as flags for `deno run`.
 */
export function permissions(command: Command, args: readonly string[]): string[] {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: text,
      models: text,
      results: text,
      out: text,
      init: text,
      model: text,
      slurm: text,
    },
    strict: false,
  });
  const named = Object.fromEntries(
    Object.entries(values).filter(([, value]) => typeof value === "string" && value !== ""),
  ) as Arguments;
  const { read, write } = flags[command](named);
  const own = `${ROOT}data`;
  const copies = [named.data, Deno.env.get("CIFAR10_DIR")].filter((path) => path);
  const submits = command === "reproduce" && named.slurm !== undefined && !values["dry-run"];
  if (submits) read.push("/var/lib/nfs/etab");
  return [
    `--allow-read=${list([ROOT, ...copies as string[], ...read])}`,
    `--allow-write=${list([own, ...write])}`,
    `--allow-env=${ENVIRONMENT.join(",")}`,
    "--allow-sys=hostname,networkInterfaces,osRelease,cpus,systemMemoryInfo",
    // By name, in the system's own search path: Deno has no narrower form of this permission.
    "--allow-ffi",
    // Only to fetch the data set, once.
    // A job may run anything anyway; and where LD_LIBRARY_PATH is set, as environment modules do,
    // Deno starts a program only if it may start all.
    submits ? "--allow-run" : `--allow-run=${NPM}`,
    "--allow-net=www.cs.toronto.edu",
  ];
}

/**
 * A list of paths as a permission flag takes it. The flag splits at commas, so a path with one is
 * granted by the nearest folder above it that has none.
 */
function list(paths: readonly string[]): string {
  return paths.map((path) => {
    let granted = resolve(path);
    while (granted.includes(",")) granted = dirname(granted);
    return granted;
  }).join(",");
}

async function launch(): Promise<number> {
  const [command, ...args] = Deno.args;
  const known = COMMANDS.find((name) => name === command);
  if (known === undefined) {
    console.error(`Cannot start ${command} as the command must be one of ${COMMANDS.join(", ")}`);
    return 2;
  }
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      // The first start installs the packages, which may take minutes: it says so.
      ...(existsSync(`${ROOT}node_modules`) ? ["--quiet"] : []),
      "--no-prompt",
      `--config=${ROOT}deno.json`,
      ...permissions(known, args),
      `${ROOT}lib/cli/${known}.ts`,
      ...args,
    ],
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
    env: {
      // Native code that would reach or write what the command was not told to.
      ORT_DISABLE_TELEMETRY: "1",
      MESA_SHADER_CACHE_DISABLE: "true",
      // Where it is not set, as on servers, the look for a GPU prints errors that are none.
      ...(Deno.build.os !== "linux" || Deno.env.has("XDG_RUNTIME_DIR")
        ? {}
        : { XDG_RUNTIME_DIR: "/tmp" }),
    },
  }).spawn();
  // Ctrl-C reaches the whole group, a signal to this process alone must be passed on; the command
  // takes two signals within half a second for one.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    if (signal === "SIGTERM" && Deno.build.os === "windows") continue;
    Deno.addSignalListener(signal, () => {
      try {
        child.kill(signal);
      } catch {
        // It has ended already.
      }
    });
  }
  const { code } = await child.status;
  return code;
}

if (import.meta.main) Deno.exit(await launch());
