/**
 * What shows in a notebook that Deno's kernel runs, under a client that reads slowly; skipped where
 * there is no nbclient or no kernel.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { callProgram } from "~/lib/files/programs.ts";
import { ROOT } from "~/tests/fixtures/script.ts";

/** Executes cells in a folder and prints [output type, text] of each; an update is one output. */
const CLIENT = `
import json, sys, time
import nbformat
from jupyter_client.kernelspec import get_kernel_spec
from nbclient import NotebookClient
if len(sys.argv) == 1:
    get_kernel_spec("deno")
    sys.exit(0)
class Slow(NotebookClient):
    def process_message(self, msg, cell, cell_index):
        time.sleep(0.03)
        return super().process_message(msg, cell, cell_index)
cells = [nbformat.v4.new_code_cell(source) for source in json.loads(sys.argv[2])]
nb = nbformat.v4.new_notebook(cells=cells)
Slow(nb, kernel_name="deno", timeout=120, resources={"metadata": {"path": sys.argv[1]}}, allow_errors=True).execute()
text = lambda o: o.get("text") or o.get("evalue") or o["data"]["text/plain"]
print(json.dumps([[[o["output_type"], text(o)] for o in cell["outputs"]] for cell in cells]))
`;

const execute = (python: string, ...args: string[]): ReturnType<typeof callProgram> =>
  callProgram(python, ["-c", CLIENT, ...args], { env: { NO_COLOR: "1" } });

let found: string | undefined;
// The system's has its packages where another stands before it.
for (const python of ["python3", "/usr/bin/python3"]) {
  if ((await execute(python))?.code === 0) found ??= python;
}
if (!found) console.log("skipped: no python3 with nbclient, or no kernel named deno");

Deno.test("a notebook: every output stands in its cell; progress leaves its last line", {
  ignore: !found,
}, async () => {
  const cells = [
    `import { showProgress, showSentences } from "~/lib/notebook.ts";
       const { onProgress, close } = showProgress();
       for (let done = 0; done < 12; done++) {
         onProgress({ message: "training", done, total: 12 });
         await new Promise((resolve) => setTimeout(resolve, 60));
       }
       await close("trained");`,
    `const quiet = showProgress(); await quiet.close("nothing to do");`,
    `await showSentences(["a", "b"]);`,
    `const { presets } = await import("~/lib/study.ts"); await showSentences(Object.keys(presets));`,
    `import { showRun } from "~/lib/notebook.ts";
       const { runs } = await showRun({ ...presets.quick, stops: ["epochs:20"], maxEpochs: 10 }, { cachedOnly: true });`,
  ];
  const folder = `${ROOT}notebooks`;
  const { code, stdout, stderr } = (await execute(found!, folder, JSON.stringify(cells)))!;
  assertEquals(code, 0, stderr);
  const [progress, quiet, sentences, later, short] = JSON.parse(stdout) as string[][][];
  assertEquals(progress, [["display_data", "trained"]]);
  assertEquals(quiet, [["display_data", "nothing to do"]]);
  assertEquals(sentences, [["display_data", "a\nb"]]);
  assertStringIncludes(JSON.stringify(later), "quick");
  assertEquals(short, [[
    "display_data",
    "30 runs with a result at the stop epochs:20 (after 20 epochs), 30 of them did not reach it, " +
    "none missing",
  ]]);
});
