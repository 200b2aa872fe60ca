/**
 * Files that are checked when they are read.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import { clearWay, DamagedFileError, readChecked } from "~/lib/files/checked.ts";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";

/** Reads a file whose bytes `decode` finds damaged by throwing `error`. */
async function readDamaged(path: string, error: unknown, said?: string[]): Promise<unknown> {
  const tell = said && ((message: string): void => void said.push(message));
  return await readChecked(path, tell, () => {
    throw error;
  });
}

Deno.test("readChecked() decodes what is there; what is not is undefined", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "file");
    assertEquals(await readChecked(path, undefined, () => 1), undefined);
    await Deno.writeTextFile(path, "ab");
    assertEquals(await readChecked(path, undefined, (bytes) => [...bytes]), [97, 98]);
  });
});

Deno.test("readChecked() sets a damaged file aside and says what is wrong, in one line", async () => {
  const { error } = z.object({ a: z.array(z.number()) }).safeParse({ a: ["x\n"] });
  const cases: [unknown, string][] = [
    [new DamagedFileError("it is short"), "it is short"],
    [new SyntaxError("no JSON\u001b[31m"), "no JSON\\u{1b}[31m"],
    [new TypeError("wrong kind"), "wrong kind"],
    [error, "a.0 Invalid input: expected number, received string"],
  ];
  for (const [thrown, reason] of cases) {
    await withFolder(async (folder) => {
      const path = join(folder, "file");
      await Deno.writeTextFile(path, "ab");
      // Without anybody to tell it stays.
      assertEquals(await readDamaged(path, thrown), undefined);
      assertEquals(listFiles(folder), ["file"]);
      const said: string[] = [];
      assertEquals(await readDamaged(path, thrown, said), undefined);
      const [before] = said[0]!.split("; set aside as ");
      assertEquals(before!.split(": ").slice(1).join(": "), reason);
      assertEquals(said, [
        `${before}; set aside as ${path}.damaged-1, it will be replaced`,
      ]);
      assertEquals(listFiles(folder), ["file.damaged-1"]);
    });
  }
});

Deno.test("readChecked() throws what says nothing about the file, which stays", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "file");
    await Deno.writeTextFile(path, "ab");
    for (const error of [new Error("out of memory"), new RangeError("x"), "text"]) {
      assertStrictEquals(
        await readDamaged(path, error, []).catch((thrown: unknown) => thrown),
        error,
      );
    }
    await assertRejects(() => readChecked(join(path, "below"), () => {}, () => 1), Error);
    assertEquals(listFiles(folder), ["file"]);
  });
});

Deno.test("clearWay() sets aside what stands in a file's place and is none", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "file");
    const said: string[] = [];
    const tell = (message: string): void => void said.push(message);
    await clearWay(path, tell);
    await Deno.writeTextFile(path, "");
    await clearWay(path, tell);
    assertEquals(said, []);
    await Deno.remove(path);
    await Deno.mkdir(path);
    await clearWay(path, tell);
    assertEquals(said, [
      `Cannot read ${path} as it must be a file: it is a directory; set aside as ` +
      `${path}.damaged-1, it will be replaced`,
    ]);
  });
});
