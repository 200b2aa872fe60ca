/**
 * Executes the notebooks, in place or as copies with other constants.
 *
 * @module
 */
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { displayFolder } from "~/lib/cli/launch.ts";
import { sayError } from "~/lib/cli/words.ts";
import { splitList, UsageError } from "~/lib/domain.ts";

const FOLDER = fileURLToPath(new URL("../../notebooks/", import.meta.url));

const HELP = `Executes the notebooks in place, or copies with other constants in notebooks/changed/.

deno task notebooks [--set NAME=VALUE]... [NOTEBOOK]...

  --set NAME=VALUE  sets a constant of the cell "parameters": JSON, a word, or a list's values 1,2,3;
                    without a NOTEBOOK in all that have it`;

interface Notebook {
  readonly cells: { metadata: { tags?: string[] }; source: string[]; outputs?: unknown[] }[];
}

/**
 * A notebook's text with constants of its cell tagged "parameters" set.
 *
 * @param settings `NAME=VALUE`: JSON, or a word; at a list's place also values between commas.
 * @returns undefined where the cell lacks one of them.
 */
export function setConstants(text: string, settings: readonly string[]): string | undefined {
  const notebook = JSON.parse(text) as Notebook;
  const cell = notebook.cells.find(({ metadata }) => metadata.tags?.includes("parameters"));
  let source = cell?.source.join("") ?? "";
  for (const setting of settings) {
    const [, name, value] = /^([A-Z_]+)=(.+)$/s.exec(setting) ?? [];
    if (name === undefined || value === undefined) {
      throw new UsageError(
        `Cannot set a constant as --set must be NAME=VALUE, in capitals: current value is ${setting}`,
      );
    }
    const [, start, old] = new RegExp(`^(const ${name} = )(.*?);`, "m").exec(source) ?? [];
    if (start === undefined || old === undefined) return undefined;
    const isList = old.startsWith("[") && !value.startsWith("[");
    const set = isList ? `[${splitList(value).map(literal).join(", ")}]` : literal(value);
    if (kindOf(set) !== kindOf(old)) {
      throw new UsageError(
        `Cannot set ${name} as it must be ${kindOf(old)}: current value is ${value}`,
      );
    }
    source = source.replace(start + old, () => start + set);
  }
  if (cell) cell.source = source.split(/(?<=\n)/);
  return JSON.stringify(notebook, null, 1) + "\n";
}

/** Of constants, by their first letter. */
const KINDS: Readonly<Record<string, string>> = {
  ...{ "[": "a list", "{": "an object", '"': "a text" },
  ...{ t: "true or false", f: "true or false", n: "null" },
};

function kindOf(constant: string): string {
  return KINDS[constant.charAt(0)] ?? "a number";
}

function literal(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return JSON.stringify(text);
  }
}

/** Paths of what is to be executed: the notebooks, or copies that are written here. */
function listPaths(names: readonly string[], settings: readonly string[]): string[] {
  const all = [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
    .filter((name) => name.endsWith(".ipynb")).sort();
  const asked = names.map((name) => `${basename(name, ".ipynb")}.ipynb`);
  const unknown = asked.filter((name) => !all.includes(name));
  if (unknown.length > 0) {
    throw new UsageError(`Cannot execute ${unknown.join(", ")}: there are ${all.join(", ")}`);
  }
  const chosen = asked.length > 0 ? asked : all;
  if (settings.length === 0) return chosen.map((name) => FOLDER + name);
  const paths = chosen.flatMap((name) => {
    const text = setConstants(Deno.readTextFileSync(FOLDER + name), settings);
    if (text === undefined) return [];
    Deno.mkdirSync(`${FOLDER}changed`, { recursive: true });
    Deno.writeTextFileSync(`${FOLDER}changed/${name}`, text);
    return [`${FOLDER}changed/${name}`];
  });
  if (paths.length > 0) return paths;
  const where = `no cell tagged "parameters" of ${chosen.join(", ")}`;
  throw new UsageError(`Cannot set ${settings.join(" ")} as ${where} has it`);
}

function readOptions(): { names: string[]; settings: string[]; help: boolean | undefined } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        set: { type: "string", multiple: true, default: [] },
        help: { type: "boolean", short: "h" },
      },
    });
    return { names: positionals, settings: values.set, help: values.help };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function main(): number {
  const { names, settings, help } = readOptions();
  if (help) {
    console.log(HELP);
    return 0;
  }
  const paths = listPaths(names, settings);
  // Training may take any time.
  const seconds = settings.length === 0 ? 900 : -1;
  const execution = [`timeout=${seconds}`, "record_timing=False"];
  try {
    const { code } = new Deno.Command("jupyter", {
      args: [
        ...["nbconvert", "--to", "notebook", "--execute", "--inplace"],
        ...[...execution.map((each) => `--ExecutePreprocessor.${each}`), ...paths],
      ],
      env: { NO_COLOR: "1", ...displayFolder() },
      ...{ stdin: "null", stdout: "inherit", stderr: "inherit" },
    }).outputSync();
    if (code !== 0) console.error("If the kernel deno is not there: deno jupyter --install");
    return code === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("Cannot execute notebooks as there is no jupyter: pip install nbconvert");
    return 1;
  }
}

if (import.meta.main) Deno.exitCode = await Promise.try(main).catch(sayError);
