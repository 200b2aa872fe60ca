import { libraryOf } from "~/lib/reproduce/engine_on_data.ts";
import { processor } from "~/lib/reproduce/engine_on_data.ts";
import { listTrajectories } from "~/lib/study.ts";
import { readNetwork, writeNetwork } from "~/lib/trainer.ts";
import { assert, assertEquals } from "@std/assert";
import { alone, withPlace } from "~/tests/fixtures/tiny_study.ts";

Deno.test("libraryOf() is that of the record on this processor, else that of the newest state", async () => {
  const study = alone("SGD");
  const [trajectory] = listTrajectories(study);
  await withPlace(async ({ compute, options: { folders: { models } } }) => {
    assertEquals(await libraryOf(models, [trajectory!], new Map()), undefined);
    const { records: [record] } = await compute(study);
    const by = (library: string, where: string): typeof record => ({
      ...record!,
      provenance: record!.provenance.map((part) => (
        { ...part, processor: where, engine: { name: "cpu", library } }
      )),
    });
    const of = (one: typeof record): Promise<string | undefined> =>
      libraryOf(models, [trajectory!], new Map([[trajectory!, one!]]));
    assertEquals(await of(by("onnxruntime-node 1.0", processor())), "onnxruntime");
    assertEquals(await of(by("OpenBLAS 0.3", processor())), "blas");
    assertEquals(await of(by("OpenBLAS 0.3", "another processor")), undefined);
    const latest = await readNetwork(models, trajectory!, "latest", assert);
    const engines = [{ name: "cpu", library: "onnxruntime-node 1.0" }];
    await writeNetwork(models, trajectory!, { ...latest!, engines }, { latest: true });
    assertEquals(await libraryOf(models, [trajectory!], new Map()), "onnxruntime");
  });
});
