/** Locks, in one process and between several. @module */
import { join } from "node:path";
import { isHeld, tryLock } from "~/lib/files/lock.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { outputUntil, startScript } from "~/tests/fixtures/script.ts";
import { withFailingOpen, withFolder } from "~/tests/fixtures/temporary_folder.ts";

/** Takes the lock that it is given, says so, and holds it until it is killed. */
const HOLDER = `
  import { tryLock } from "~/lib/files/lock.ts";
  const lock = await tryLock(Deno.args[0]);
  console.log(lock === undefined ? "taken" : "held");
  if (lock === undefined) Deno.exit(3);
  setInterval(() => {}, 1000);`;

Deno.test("a lock is held by one, within a process too, is named by it, and free after release()", () =>
  withFolder(async (folder) => {
    const path = join(folder, "new folder", "run.lock");
    assertEquals(await isHeld(path), undefined);
    const lock = await tryLock(path);
    assertEquals(lock!.abandonedBy, undefined);
    const holder = await Deno.readTextFile(path);
    assertMatch(
      holder,
      new RegExp(`^process ${Deno.pid} on \\S+, since \\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z\\n$`),
    );
    assertEquals(await isHeld(path), holder.trimEnd());
    assertEquals(await tryLock(path), undefined);
    assertEquals(await tryLock(path), undefined);
    lock!.release();
    // Emptied: nothing tells of a process that ended in order.
    assertEquals(await Deno.readTextFile(path), "");
    assertEquals(await isHeld(path), undefined);
    const again = await tryLock(path);
    assertEquals(again!.abandonedBy, undefined);
    again!.release();
  }));

Deno.test("tryLock() respects other processes; a killed one's lock is free and names it", () =>
  withFolder(async (folder) => {
    const path = join(folder, "run.lock");
    const processes = [0, 1, 2].map(() => startScript(HOLDER, [path]));
    const said = await Promise.all(processes.map((process) => outputUntil(process, "\n")));
    assertEquals(said.toSorted(), ["held\n", "taken\n", "taken\n"]);
    const holder = processes[said.indexOf("held\n")]!;
    assertEquals(await tryLock(path), undefined);
    holder.kill("SIGKILL");
    await Promise.all(processes.map(async (process) => {
      const { code } = await process.status;
      assertEquals(code, process === holder ? 137 : 3);
    }));
    const lock = await tryLock(path);
    assert(lock !== undefined);
    assertMatch(
      lock.abandonedBy!,
      new RegExp(`^process ${holder.pid} on \\S+, since [-\\dT:.]+Z$`),
    );
    // The new holder has signed over the old one.
    assertMatch(
      await Deno.readTextFile(path),
      new RegExp(`^process ${Deno.pid} on [^\\n]+\\n$`),
    );
    lock.release();
    assertEquals((await tryLock(path))!.abandonedBy, undefined);
  }));

Deno.test("tryLock() takes a lock file of any contents, and shows 200 bytes of it at most", () =>
  withFolder(async (folder) => {
    const path = join(folder, "run.lock");
    await Deno.writeFile(path, new Uint8Array(100_000).fill(0xff));
    const lock = await tryLock(path);
    assertEquals(lock!.abandonedBy, "\ufffd".repeat(200));
    lock!.release();
    // Nothing of it moves a terminal's cursor or changes its colours.
    await Deno.writeTextFile(path, "\u{1b}[31mred\u{7}\r\u{9b}2J\u{202e}\n");
    const hostile = await tryLock(path);
    assertEquals(hostile!.abandonedBy, "\\u{1b}[31mred\\u{7}\\u{d}\\u{9b}2J\\u{202e}");
    hostile!.release();
    assertEquals((await Deno.stat(path)).size, 0);
  }));

Deno.test("tryLock() fails where no lock can be", () =>
  withFolder(async (folder) => {
    assertEquals(
      (await assertRejects(() => tryLock(folder), Error)).message,
      `Cannot lock ${folder}: a folder stands in its place; move it away`,
    );
    await Deno.writeTextFile(join(folder, "file"), "");
    const below = join(folder, "file", "folder", "run.lock");
    assertEquals(
      (await assertRejects(() => tryLock(below), Error)).message,
      `Cannot lock ${below}: a file stands where a folder above it must be; move it away`,
    );
  }));

Deno.test("tryLock() names another user's lock file, held or left over, as what it is", () =>
  withFolder(async (folder) => {
    const path = join(folder, "run.lock");
    const lock = await tryLock(path);
    // As for a user who may not write it; root, who runs tests here and there, may always.
    const error = new Deno.errors.PermissionDenied("denied");
    const refused = (): Promise<string> =>
      withFailingOpen(
        { path, error, toWrite: true },
        async () => (await assertRejects(() => tryLock(path), Error)).message,
      );
    const start = `^Cannot lock ${path}: it belongs to another user \\(number \\d+\\), who `;
    assertMatch(await refused(), new RegExp(`${start}holds it: process ${Deno.pid} on .*; wait, `));
    lock!.release();
    const left = "left it over on \\d{4}-\\d\\d-\\d\\d and does not hold it; remove the file$";
    assertMatch(await refused(), new RegExp(start + left));
  }));
