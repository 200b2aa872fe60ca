/** Files that are whole or absent, checked when they are read; and progress. @module */
import { join } from "node:path";
import { z } from "zod";
import { DamagedFileError, readChecked } from "~/lib/files/checked.ts";
import { readIfThere, reasonOf, setAside, sha256, writeWhole } from "~/lib/files/files.ts";
import { Meter } from "~/lib/files/progress.ts";
import { printable } from "~/lib/files/text.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";

Deno.test("writeWhole() writes text and bytes, makes folders, and leaves nothing beside", () =>
  withFolder(async (folder) => {
    const path = join(folder, "a", "b", "c d.txt");
    await writeWhole(path, "é\n");
    assertEquals(await Deno.readFile(path), Uint8Array.of(0xc3, 0xa9, 10));
    // Part of a larger buffer: its own bytes and no others.
    await writeWhole(path, Uint8Array.of(1, 2, 3, 4, 5).subarray(1, 3));
    assertEquals(await Deno.readFile(path), Uint8Array.of(2, 3));
    await writeWhole(path, "");
    assertEquals(await Deno.readFile(path), new Uint8Array(0));
    assertEquals(listFiles(folder), ["a/", "a/b/", join("a", "b", "c d.txt")]);
  }));

Deno.test("writeWhole() by many at once leaves one whole version, and readers see whole ones", () =>
  withFolder(async (folder) => {
    const path = join(folder, "file");
    const versions = Array.from({ length: 8 }, (_, i) => String(i).repeat(200_000 + 9000 * i));
    await writeWhole(path, versions[0]!);
    let writing = true;
    let reads = 0;
    const reader = (async (): Promise<void> => {
      while (writing) {
        const bytes = await readIfThere(path);
        assert(versions.includes(new TextDecoder().decode(bytes)));
        reads++;
      }
    })();
    for (let round = 0; round < 40; round++) {
      await Promise.all(versions.map((version) => writeWhole(path, version)));
    }
    writing = false;
    await reader;
    assert(reads > 0);
    assert(versions.includes(await Deno.readTextFile(path)));
    assertEquals(listFiles(folder), ["file"]);
  }));

Deno.test("writeWhole() that cannot write says so and keeps what was there", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "file"), "old");
    const below = join(folder, "file", "more");
    const error = await assertRejects(() => writeWhole(below, "new"), Error);
    assert(error.message.startsWith(`Cannot write ${below}: `), error.message);
    assertEquals(await Deno.readTextFile(join(folder, "file")), "old");
    // A folder in the file's place.
    await Deno.mkdir(join(folder, "folder"));
    const place = join(folder, "folder");
    const refused = await assertRejects(() => writeWhole(place, "new"), Error);
    assert(refused.message.startsWith(`Cannot write ${place}: `), refused.message);
    assertEquals(listFiles(folder), ["file", "folder/"]);
  }));

Deno.test("readIfThere() tells what is not there from what is no file and what cannot be read", () =>
  withFolder(async (folder) => {
    for (const way of [["none"], ["none", "below"]]) {
      assertEquals(await readIfThere(join(folder, ...way)), undefined);
    }
    const path = join(folder, "file");
    await assertRejects(() => readIfThere(folder), TypeError, "must be a file: it is a directory");
    await Deno.writeTextFile(path, "12345");
    const below = join(path, "below");
    const error = await assertRejects(() => readIfThere(below), Error);
    assert(!(error instanceof TypeError));
    assert(error.message.startsWith(`Cannot read ${below}, which stays as it is: `), error.message);
    await Deno.symlink("loop", join(folder, "loop"));
    await assertRejects(() => readIfThere(join(folder, "loop")), TypeError);
    await Deno.symlink("nowhere", join(folder, "broken"));
    await assertRejects(() => readIfThere(join(folder, "broken")), TypeError, "a link to nothing");
  }));

Deno.test("printable() escapes what moves a terminal and keeps 500 letters", () => {
  assertEquals(
    printable("é 漢 \u{1b}[1m\0\n\u{85}\u{2028}\u{feff}"),
    "é 漢 \\u{1b}[1m\\u{0}\\u{a}" +
      "\\u{85}\\u{2028}\\u{feff}",
  );
  assertEquals(printable("a".repeat(501)), "a".repeat(500) + "...");
  assertEquals(printable("abc", 2), "ab...");
});

Deno.test("setAside() takes the first free number and keeps what is in the file", () =>
  withFolder(async (folder) => {
    const path = join(folder, "x.json");
    for (const contents of ["one", "two", "three"]) {
      await Deno.writeTextFile(path, contents);
      const aside = await setAside(path);
      assertEquals(await Deno.readTextFile(aside), contents);
    }
    assertEquals(listFiles(folder), [1, 2, 3].map((n) => `x.json.damaged-${n}`));
    // A link is renamed, not what it points to; a number that a broken link has is not free.
    await Deno.writeTextFile(join(folder, "target"), "far");
    await Deno.symlink(join(folder, "target"), path);
    await Deno.symlink(join(folder, "nowhere"), `${path}.damaged-4`);
    assertEquals(await setAside(path), `${path}.damaged-5`);
    assertEquals(await Deno.readTextFile(join(folder, "target")), "far");
    await assertRejects(() => setAside(path), Deno.errors.NotFound);
  }));

Deno.test("sha256() is FIPS 180-4's, parts one behind the other", () => {
  // The standard's example.
  const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assertEquals(sha256("abc"), abc);
  assertEquals(sha256("a", Uint8Array.of(98), "c"), abc);
  // A view's own bytes, whatever its type.
  assertEquals(sha256(new Uint16Array(Uint8Array.of(0, 0, 97, 98, 0, 0).buffer, 2, 1), "c"), abc);
});

Deno.test("reasonOf() says what to do about a full disk and a folder that cannot be written", () => {
  const failure = (code: string): Error => Object.assign(new Error("failed"), { code });
  for (const code of ["ENOSPC", "EDQUOT"]) {
    assertEquals(
      reasonOf(failure(code)),
      "the disk is full; make room and start again, what is finished is kept",
    );
  }
  for (const code of ["EACCES", "EPERM", "EROFS"]) {
    assertEquals(
      reasonOf(failure(code)),
      "the folder cannot be written to; choose another or change its permissions",
    );
  }
  assertEquals(reasonOf(failure("EIO")), "failed");
});

/** Reads a file whose bytes `decode` finds damaged by throwing `error`. */
async function readDamaged(path: string, error: unknown, said?: string[]): Promise<unknown> {
  const tell = said && ((message: string): void => void said.push(message));
  return await readChecked(path, tell, () => {
    throw error;
  });
}

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
        `${before}; set aside as ${path}.damaged-1, it counts as missing`,
      ]);
      assertEquals(listFiles(folder), ["file.damaged-1"]);
    });
  }
});

Deno.test("readChecked() throws what says nothing about the file, which stays", () =>
  withFolder(async (folder) => {
    const path = join(folder, "file");
    await Deno.writeTextFile(path, "ab");
    for (const error of [new Error("out of memory"), new RangeError("x"), "text"]) {
      assert(await readDamaged(path, error, []).catch((thrown: unknown) => thrown) === error);
    }
    await assertRejects(() => readChecked(join(path, "below"), () => {}, () => 1), Error);
    assertEquals(listFiles(folder), ["file"]);
  }));

Deno.test("Meter counts what is left of each work, a tenth more of one that goes beyond", () => {
  const meter = new Meter();
  const state = (): unknown[] => {
    const { message, done, total } = meter.report("x");
    return [message, done, Math.round(100 * total!)];
  };
  meter.expect("a", 0.3);
  meter.expect("b", 1);
  meter.add("a", 0.1);
  assertEquals(state(), ["x", 0.1, 130]);
  meter.add("a", 0.2);
  assertEquals(state().at(-1), 130);
  meter.add("a", 0.1);
  assertEquals(state().at(-1), 144);
  meter.expect("a", 0);
  meter.expect("b", 0);
  assertEquals(state().at(-1), 40);
});
