/**
 * A checkpoint for which there is no room.
 *
 * @module
 */
import { join } from "node:path";
import { listTrajectories } from "~/lib/study.ts";
import { describeTrajectory, networkFile, trajectoryPath } from "~/lib/trainer.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { diskTest, FULL, withDisk, withRoom } from "~/tests/fixtures/mount.ts";
import {
  abortAt,
  alone,
  assertSame,
  contents,
  uninterrupted,
  withPlace,
} from "~/tests/fixtures/tiny_study.ts";

diskTest(
  "run() whose checkpoint finds no room keeps the one before, and goes on from it",
  () =>
    withDisk((disk) =>
      withPlace(async ({ folder, messages, options, compute }) => {
        const study = alone("AdaGrad", { stops: ["epochs:4"] });
        const [trajectory] = listTrajectories(study);
        const { models } = options.folders;
        await Deno.mkdir(models);
        const [place] = trajectoryPath(trajectory!).split("/");
        await Deno.symlink(disk, join(models, place!));
        const latest = networkFile(models, trajectory!, "latest");
        // Parameters and AdaGrad's sums are 197 KB: once, not twice.
        await withRoom(disk, 300_000, async () => {
          const error = await assertRejects(() => compute(study, { checkpointSeconds: 0 }), Error);
          assertEquals(error.message, `Cannot write ${latest}: ${FULL}`);
          // The same where the user stops the study: its message is not all that is said.
          const stopped = abortAt(1, "epoch");
          assertEquals(await assertRejects(() => compute(study, stopped.options)), stopped.reason);
        });
        const going = `${describeTrajectory(trajectory!)}: going on after epoch 1`;
        assertEquals(messages, [going, `Cannot write ${latest}: ${FULL}`]);
        await compute(study);
        assertEquals(messages.slice(2), [going]);
        const found = new Map([
          ...await contents(folder),
          ...[...await contents(disk)].map(([path, content]) =>
            [join("models", place!, path), content] as const
          ),
        ]);
        assertSame(found, await uninterrupted(study));
      })
    ),
);
