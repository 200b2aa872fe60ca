/**
 * What computed: the program's revision, Deno, the processor.
 *
 * @module
 */
import { cpus } from "node:os";
import type { Engine, EngineInfo } from "~/lib/engine.ts";
import type { Provenance } from "~/lib/results.ts";

/**
 * A piece of work as a record keeps it.
 *
 * @param engine What did it; `engines` of the work, what is behind a training up to `to`, stand in the
 * record where they are several.
 */
export function provenanceOf(
  engine: Engine,
  { engines = [], ...work }: Pick<Provenance, "did" | "from" | "to" | "seconds"> & {
    readonly engines?: readonly EngineInfo[];
  },
): Provenance {
  return {
    ...work,
    seconds: Math.round(work.seconds * 100) / 100,
    revision: revision(),
    deno: Deno.version.deno,
    processor: processor(),
    engine: { ...engine.info },
    ...(engines.length > 1 ? { engines: engines.map((info) => ({ ...info })) } : {}),
    threads: engine.concurrency,
    finished: new Date().toISOString(),
  };
}

/** The processor's name; "unknown" where the system does not tell. */
export function processor(): string {
  return cpus()[0]?.model.trim() || "unknown";
}

let known: string | undefined;

/** The commit that is checked out; "unknown" where the program is not in a git repository. */
function revision(): string {
  return known ??= readRevision();
}

function readRevision(): string {
  const git = new URL("../../.git/", import.meta.url);
  try {
    const head = Deno.readTextFileSync(new URL("HEAD", git)).trim();
    if (!head.startsWith("ref: ")) return head.slice(0, 12);
    const ref = head.slice(5);
    try {
      return Deno.readTextFileSync(new URL(ref, git)).trim().slice(0, 12);
    } catch {
      const packed = Deno.readTextFileSync(new URL("packed-refs", git));
      return packed.split("\n").find((line) => line.endsWith(` ${ref}`))?.slice(0, 12) ?? "unknown";
    }
  } catch {
    return "unknown";
  }
}
