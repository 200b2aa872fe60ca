/**
 * `deno task setup:gpu`: installs @tensorflow/tfjs-node-gpu for machines with CUDA, or with `--cpu`
 * @tensorflow/tfjs-node. Nothing else needs them; WebGPU needs no installation.
 *
 * They go into a folder of their own in node_modules, out of reach of deno.json and its lock file:
 * their install script downloads libtensorflow, which nobody else should wait for.
 *
 * @module
 */
import { existsSync } from "node:fs";
import type { Main } from "~/lib/cli/main.ts";
import { loadTfjsNode, TFJS_NODE_VERSION, tfjsNodeHome } from "~/lib/engine.ts";
import { runNpm } from "~/lib/files/programs.ts";

/** Installs what is asked for. @throws {Error} If npm fails, as offline, or it does not load. */
export const main: Main = async ({ cpu }) => {
  const name = cpu ? "tfjs-node" : "tfjs-node-gpu";
  console.error(`Installing @tensorflow/${name} ${TFJS_NODE_VERSION} ...`);
  const home = tfjsNodeHome(name);
  const isNew = !existsSync(home);
  await Deno.mkdir(home, { recursive: true });
  const dependencies = { [`@tensorflow/${name}`]: TFJS_NODE_VERSION };
  const description = JSON.stringify({ private: true, dependencies });
  await Deno.writeTextFile(new URL("package.json", home), description);
  try {
    await runNpm(home, ["install", "--no-audit", "--no-fund"]);
  } catch (cause) {
    // What was there before may work.
    if (isNew) await Deno.remove(home, { recursive: true });
    throw new Error(
      `Cannot install ${name}: ${(cause as Error).message}; its install script downloads ` +
        "libtensorflow, some 400 MB: run this again with npm where the internet can be reached; meanwhile " +
        "`--engine tensorflow:webgpu` uses the GPU with nothing to install but its driver",
      { cause },
    );
  }
  console.error(`@tensorflow/${name} ${await loadTfjsNode(name)} is ready`);
};
