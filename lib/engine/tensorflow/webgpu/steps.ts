/**
 * Steps of training that are recorded once and enqueued again for every batch.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Steps } from "~/lib/engine/tensorflow/operations.ts";
import { launch } from "~/lib/engine/tensorflow/webgpu/launch.ts";
import type { Launcher, Recording } from "~/lib/engine/tensorflow/webgpu/launcher.ts";

/** Steps whose work is launches of `launcher` alone, none of which makes a tensor that outlives a step. */
export function createSteps(launcher: Launcher): Steps {
  const cursor = tf.keep(tf.tensor1d([0, 0], "int32"));
  const recordings = new Map<string, Recording>();

  function move(name: string, code: string, uniforms: Record<string, number>): void {
    launch(launcher, {
      name,
      code: `fn main() { ${code} }`,
      inputs: {},
      target: cursor,
      uniforms,
      threads: 1,
      workgroups: [1, 1],
    });
  }

  return {
    cursor,
    // From a uniform, as WebGPU refuses the buffer of uniforms that a kernel does not read.
    rewind: () => move("rewind", "result[0] = uniforms.start; result[1] = 0;", { start: 0 }),
    take(rows, kind, work): void {
      const key = `${rows} ${kind}`;
      const known = recordings.get(key);
      if (known) return known.replay();
      const recording = launcher.record(() => {
        work();
        move("advance", "result[0] += uniforms.rows; result[1] += 1;", { rows });
      });
      recordings.set(key, recording);
    },
    dispose(): void {
      for (const recording of recordings.values()) recording.dispose();
      recordings.clear();
      cursor.dispose();
    },
  };
}
