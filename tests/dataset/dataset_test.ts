/**
 * The loader against the real CIFAR-10.
 *
 * The real data are taken from data/, or fetched into it by the first test.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { ensureCifar10, firstRows, loadImagesLabels } from "~/lib/dataset.ts";
import { readDataset } from "~/lib/dataset/split.ts";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { ended, startScript } from "~/tests/fixtures/script.ts";
import {
  FILES,
  md5,
  NAMES,
  only,
  openPlaces,
  recordsOf,
} from "~/tests/fixtures/dataset_fixture.ts";

// The canonical binary files.
const CANONICAL_MD5 = {
  "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
  "data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
  "data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
  "data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
  "data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
  "test_batch.bin": "803d5f7f4d78ea53de84dbe85f74fb6d",
};

Deno.test("ensureCifar10() finds or fetches files with the canonical names", async () => {
  const paths = await ensureCifar10({ onMessage: console.error });
  assertEquals(Object.keys(paths).sort(), Object.keys(CANONICAL_MD5).sort());
});

Deno.test("loadImagesLabels() holds the canonical records, with known moments and balanced classes", async () => {
  const messages: string[] = [];
  const { train, test, md5: loaded } = await loadImagesLabels(5, {
    onMessage: (message) => messages.push(message),
  });
  assertEquals(messages, []);
  assertEquals([train.size, test.size], [50_000, 10_000]);
  assertEquals(loaded, CANONICAL_MD5);
  for (let file = 0; file < 5; file++) {
    const records = recordsOf(train, file * 10_000, (file + 1) * 10_000);
    assertEquals(md5(records), Object.values(CANONICAL_MD5)[file]);
  }
  assertEquals(md5(recordsOf(test, 0, 10_000)), CANONICAL_MD5["test_batch.bin"]);
  const [means, deviations] = [
    [0.49139968, 0.48215841, 0.44653091],
    [0.24703223, 0.24348513, 0.26158784],
  ];
  for (let channel = 0; channel < 3; channel++) {
    // Sums of 51.2 million integers up to 65,025 stay below 2^53: they are exact.
    let [sum, squares] = [0, 0];
    for (let n = 0; n < train.size; n++) {
      for (let i = n * 3072 + channel * 1024, end = i + 1024; i < end; i++) {
        const value = train.pixels[i]!;
        sum += value;
        squares += value * value;
      }
    }
    const count = train.size * 1024;
    const mean = sum / count;
    const deviation = Math.sqrt(squares / count - mean * mean);
    // The values are given to 8 decimals.
    assertAlmostEquals(mean / 255, means![channel]!, 0.5e-8);
    assertAlmostEquals(deviation / 255, deviations![channel]!, 0.5e-8);
  }
  for (const { pixels, labels } of [train, test]) {
    for (const { buffer } of [pixels, labels]) assert(buffer instanceof SharedArrayBuffer);
    const counts = new Array(10).fill(0);
    for (const label of labels) counts[label]++;
    assertEquals(counts, new Array(10).fill(labels.length / 10));
  }
});

// In processes of their own, as all tests share the environment of theirs.
Deno.test("dataDirectory() takes the option, then CIFAR10_DIR, then the project's own", async () => {
  const directories = async (directory: string): Promise<unknown> => {
    const script = `import { dataDirectory } from "~/lib/dataset.ts";
      Deno.env.set("CIFAR10_DIR", Deno.args[0]);
      console.log(JSON.stringify([dataDirectory("/option"), dataDirectory(), dataDirectory("")]));`;
    const { stdout, stderr } = await ended(startScript(script, [directory]));
    assertEquals(stderr, "");
    return JSON.parse(stdout);
  };
  const own = fileURLToPath(new URL("../../data", import.meta.url));
  assertEquals(await directories("/from/it"), ["/option", "/from/it", "/from/it"]);
  assertEquals(await directories(""), ["/option", own, own]);
});

Deno.test("firstRows() shares memory", async () => {
  const { train } = await readDataset(2, await openPlaces(FILES));
  const first = firstRows(train, 4);
  assertEquals([first.size, first.labels.length, first.pixels.length], [4, 4, 4 * 3072]);
  assert(first.pixels.buffer === train.pixels.buffer);
  assertEquals(recordsOf(first, 0, 4), recordsOf(train, 0, 4));
});

Deno.test("readDataset() demands only the files that it loads and writes nothing then", async () => {
  const places = await openPlaces(only(NAMES[0], NAMES[2]));
  const { train, md5: loaded } = await readDataset(1, places);
  assertEquals(train.size, 3);
  assertEquals(Object.keys(loaded), [NAMES[0], NAMES[2]]);
  assertEquals([...Deno.readDirSync(places.home)].length, 2);
  assertEquals(places.messages, []);
});
