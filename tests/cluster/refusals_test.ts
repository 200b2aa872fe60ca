/**
 * Submissions that cannot be: one line, and nothing is left queued.
 *
 * @module
 */
import { join } from "node:path";
import { ensureCifar10 } from "~/lib/dataset.ts";
import { assertEquals, assertMatch } from "@std/assert";
import { MAY_MOUNT, withReadOnly } from "~/tests/fixtures/mount.ts";
import { HAS_SLURM, reproduceWith, withSlurm } from "~/tests/fixtures/slurm.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";

const STUDY = [
  ...["--preset", "quick", "--effects", "learning-rate", "--images", "200", "--seeds", "0"],
  ...["--stops", "epochs:1", "--measures", "-", "--slurm", "2"],
];

const foldersIn = (folder: string): string[] => [
  ...["--models", join(folder, "models"), "--results", join(folder, "results")],
];

/** A search path whose first folder has programs of these scripts. */
async function searchPath(folder: string, programs: Record<string, string>): Promise<string> {
  const bin = join(folder, "bin");
  await Deno.mkdir(bin);
  for (const [name, script] of Object.entries(programs)) {
    await Deno.writeTextFile(join(bin, name), `#!/bin/bash\n${script}\n`, { mode: 0o755 });
  }
  return `${bin}:${Deno.env.get("PATH")}`;
}

Deno.test(
  "sbatch's refusals are shown and leave nothing queued",
  { ignore: !HAS_SLURM },
  async () => {
    // Where data are fetched more is said.
    await ensureCifar10();
    await withSlurm(async ({ folder, environment, call }) => {
      const study = [...STUDY, ...foldersIn(folder)];
      const refused = async (env: Record<string, string>, options: string): Promise<string> => {
        const { code, stdout, stderr } = await reproduceWith(
          { ...environment, ...env },
          [...study, "--sbatch", options],
        );
        assertEquals([code, stdout], [1, ""]);
        assertEquals(await call("squeue", "--noheader"), "");
        return stderr;
      };
      assertEquals(
        await refused({}, "--partition=nowhere"),
        "Cannot submit, as Slurm says: sbatch: error: invalid partition specified: nowhere; " +
          "sbatch: error: Batch job submission failed: Invalid partition name specified\n",
      );
      assertMatch(
        await refused({}, "--partitions main"),
        /^Cannot submit, as Slurm says: \S*sbatch: unrecognized option '--partitions'; Try .*\n$/,
      );
      // The array is taken, the job after it is not.
      const sbatch = new TextDecoder().decode(
        (await new Deno.Command("which", { args: ["sbatch"] }).output()).stdout,
      ).trim();
      const PATH = await searchPath(folder, {
        sbatch: `[[ $* != *--dependency* ]] || { echo "sbatch: error: too many jobs" >&2; exit 1; }
exec ${sbatch} "$@"`,
      });
      assertEquals(
        await refused({ PATH }, "--partition=main"),
        "Cannot submit, as Slurm says: sbatch: error: too many jobs\n",
      );
    });
  },
);

Deno.test("without sbatch, in unusable folders and with wrong options nothing is submitted", async () => {
  await withFolder(async (folder) => {
    const far = join(folder, "far");
    const refused = async (
      { PATH, args = [], status = 1 }: { PATH: string; args?: string[]; status?: number },
    ): Promise<string> => {
      const { code, stdout, stderr } = await reproduceWith(
        { PATH },
        [...STUDY, ...foldersIn(far), ...args],
      );
      assertEquals([code, stdout], [status, ""]);
      assertEquals(listFiles(folder).filter((path) => path.endsWith("submitted")), []);
      return stderr;
    };
    assertEquals(
      await refused({ PATH: join(folder, "nothing") }),
      "Cannot submit as sbatch must be on PATH: it is not on this machine's\n",
    );
    const PATH = await searchPath(folder, {
      sbatch: `[ "$1" = --version ] || touch '${folder}/submitted'`,
      sinfo: "echo node1; echo node2",
      findmnt: 'echo "ext4 rw,relatime"',
    });
    assertMatch(
      await refused({ PATH }),
      /^Cannot submit as --models must be a folder that all nodes share: .* is not one, as its file system \(ext4\) is this machine's own\n$/,
    );
    const wrong = async (...args: string[]): Promise<string> =>
      await refused({ PATH, args, status: 2 });
    assertEquals(
      await wrong("--sbatch", "--array=1-3"),
      "--sbatch must not set --array=1-3: --slurm sets it\n",
    );
    assertEquals(
      await wrong("--sbatch", '--comment="a'),
      '--sbatch must be one line with its quotes closed: current value is --comment="a\n',
    );
    assertEquals(
      await wrong("--fresh"),
      "--slurm and --fresh must not be given together\n",
    );
    if (!MAY_MOUNT) return;
    await Deno.mkdir(join(far, "models"), { recursive: true });
    await withReadOnly(join(far, "models"), async () => {
      assertEquals(
        await refused({ PATH }),
        `Cannot submit as --models must be writable: ${far}/models: ` +
          "the folder cannot be written to; choose another or change its permissions\n",
      );
    });
  });
});
