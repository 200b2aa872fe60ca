/** The house: rooms behind doors, one way through, short files. @module */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assertEquals } from "@std/assert";
import { listFiles } from "~/tests/fixtures/temporary_folder.ts";

const LIB = fileURLToPath(new URL("../lib", import.meta.url));
/** All but AssemblyScript, which has a compiler and rules of its own. */
const FILES = listFiles(LIB).filter((path) => path.endsWith(".ts") && !path.includes("assembly"));

/** What each file of lib/ imports from lib/, types included, examples in comments left out. */
const IMPORTS = new Map(FILES.map((file) => {
  const source = Deno.readTextFileSync(join(LIB, file)).replace(/^ +\* .*$/gm, "");
  const found = source.matchAll(/\b(?:from|import)\s*\(?\s*"(~\/lib\/|\.{1,2}\/)([^"]+)"/g);
  return [
    file,
    [...found].map(([, start, path]) => start === "~/lib/" ? path! : `relative ${path}`),
  ];
}));

/** Rooms without a door: plumbing for all, and programs that nobody imports. */
const OPEN = ["files"];

/** "measure" of measure/lanczos.ts and of its door measure.ts. */
function roomOf(path: string): string {
  return path.replace(/\.ts$/, "").split("/")[0]!;
}

Deno.test("every file of lib/ imports by its whole path", () => {
  const relative = [...IMPORTS].flatMap(([file, paths]) =>
    paths.filter((path) => path.startsWith("relative")).map((path) => `${file}: ${path}`)
  );
  assertEquals(relative, []);
});

Deno.test("nobody in lib/ reaches past a door", () => {
  const past = [...IMPORTS].flatMap(([file, paths]) =>
    paths.filter((path) => {
      const room = roomOf(path);
      return path.includes("/") && room !== roomOf(file) && !OPEN.includes(room);
    }).map((path) => `${file}: ${path}`)
  );
  assertEquals(past, []);
});

Deno.test("rooms and files of lib/ import each other in one direction", () => {
  for (const nameOf of [roomOf, String]) {
    const graph = new Map<string, Set<string>>();
    for (const [file, paths] of IMPORTS) {
      const others = graph.get(nameOf(file)) ?? new Set();
      for (const path of paths) if (nameOf(path) !== nameOf(file)) others.add(nameOf(path));
      graph.set(nameOf(file), others);
    }
    // What imports nothing that is left goes, until nothing is left or only circles are.
    for (let before = Infinity; before > graph.size;) {
      before = graph.size;
      for (const [name, others] of graph) {
        if ([...others].every((other) => !graph.has(other))) graph.delete(name);
      }
    }
    assertEquals(
      [...graph].map(([name, others]) => [name, [...others].filter((o) => graph.has(o))]),
      [],
    );
  }
});

Deno.test("no file of lib/ has more than 350 lines", () => {
  const long = FILES.map((file) => {
    const lines = Deno.readTextFileSync(join(LIB, file)).split("\n").length - 1;
    return `${file}: ${lines}`;
  }).filter((entry) => Number(entry.split(": ")[1]) > 350);
  assertEquals(long, []);
});
