/** What a notebook shows, and constants that are set in one. @module */
import { setConstants } from "~/lib/cli/notebooks.ts";
import { formatProgress } from "~/lib/files/progress.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { ROOT } from "~/tests/fixtures/script.ts";

Deno.test("formatProgress() shows a bar, a share and the time left where they are known", () => {
  assertEquals(
    formatProgress({ message: "training", done: 3, total: 4, secondsLeft: 150 }),
    // 0.75 * 30 = 22.5 rounds to 23.
    `${"█".repeat(23)}${"░".repeat(7)} 75 %  3 min left  training`,
  );
  assertEquals(formatProgress({ message: "loading" }), "loading");
  assertEquals(formatProgress({ message: "", done: 9, total: 4 }), "█".repeat(30) + " 100 %");
});

const TEXT = JSON.stringify({
  cells: [
    { metadata: {}, source: ["const PRESET = 1;"] },
    {
      metadata: { tags: ["parameters"] },
      source: [
        'const PRESET = "standard"; // or "quick"\n',
        "const SEEDS = [0, 1];\n",
        "const A = 1;",
      ],
    },
  ],
});

function sources(settings: readonly string[]): string[][] {
  return JSON.parse(setConstants(TEXT, settings)!).cells
    .map(({ source }: { source: string[] }) => source);
}

Deno.test("setConstants() sets constants of the cell tagged parameters, comments kept", () => {
  assertEquals(sources(["PRESET=quick", "SEEDS=3,4"]), [
    ["const PRESET = 1;"],
    ['const PRESET = "quick"; // or "quick"\n', "const SEEDS = [3, 4];\n", "const A = 1;"],
  ]);
  assertEquals(sources(["SEEDS=[1e-3]", "A=2"])[1]!.slice(1), [
    "const SEEDS = [0.001];\n",
    "const A = 2;",
  ]);
  for (const [wrong, kind] of [["A=No", "a number"], ["SEEDS=[0,1", "a list"]]) {
    const [name, value] = wrong!.split("=");
    assertEquals(
      assertThrows(() => sources([wrong!])).message,
      `Cannot set ${name} as it must be ${kind}: current value is ${value}`,
    );
  }
  assertEquals(
    sources(["SEEDS=SGD, Adam(beta1=0.8,beta2=0.9)"])[1]![1],
    'const SEEDS = ["SGD", "Adam(beta1=0.8,beta2=0.9)"];\n',
  );
});

Deno.test("setConstants() quotes what a value holds: it is data, never code", () => {
  const value = `"; $& await x(); //`;
  assertEquals(
    sources([`PRESET=${value}`])[1]![0],
    `const PRESET = ${JSON.stringify(value)}; // or "quick"\n`,
  );
});

Deno.test("setConstants() says what is missing or malformed", async () => {
  assertEquals(setConstants(TEXT, ["NONE=1"]), undefined);
  assertThrows(() => setConstants(TEXT, ["PRESET"]), Error, "must be NAME=VALUE");
  for (const name of ["learning_rate", "batch_size", "optimizer", "measures"]) {
    const text = await Deno.readTextFile(`${ROOT}notebooks/${name}.ipynb`);
    assert(setConstants(text, ["PRESET=quick", "COMPUTE=true", "SEEDS=0"]) !== undefined, name);
  }
  const measures = await Deno.readTextFile(`${ROOT}notebooks/measures.ipynb`);
  assertThrows(
    () => setConstants(measures, ["RESCALED=5"]),
    Error,
    "Cannot set RESCALED as it must be an object: current value is 5",
  );
  assertThrows(() => setConstants(TEXT, ["A=null"]), Error, "must be a number");
});
