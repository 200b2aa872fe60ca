#!/usr/bin/env bash
# A WebGPU shader that runs on Mesa's driver for processors leaves its loops after 65,535 rounds, without a word.
#
# One would guess: a loop over 100,000 rows takes 100,000 rounds, or the device is lost because it takes too long.
# True: a loop of 100,000 rounds ends after 65,535, and what stands after it is done. All loops of an invocation
# share the rounds: the second of two loops of 50,000 takes 15,534, and ten times 10,000 inside one another are
# 65,523. So a sum over all images is that of the first ones, a finite number that looks like a result. Two
# invocations of 50,000 rounds each are whole.
# Here: 256 invocations share the rows, and 50,000 images take under 7,000 rounds of the longest shader.
# Needs Node.js with npm, and Mesa's Vulkan driver for processors (lavapipe) as WebGPU's only adapter.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init --yes >/dev/null && npm install --silent --no-audit --no-fund deno@2.9.6
cat >run.js <<'JS'
const adapter = await navigator.gpu?.requestAdapter();
if (!adapter?.info.description.includes("llvmpipe")) {
  console.log(`the adapter is not Mesa's for processors: ${adapter?.info.description ?? "none"}`);
  Deno.exit(2);
}
const device = await adapter.requestDevice();
const { STORAGE, COPY_DST, COPY_SRC, MAP_READ } = GPUBufferUsage;

/** What two invocations have each counted. */
async function count(body) {
  const code = `
@group(0) @binding(0) var<storage, read_write> rounds: array<u32>;
@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) { ${body} }`;
  const output = device.createBuffer({ size: 8, usage: STORAGE | COPY_SRC });
  const read = device.createBuffer({ size: 8, usage: MAP_READ | COPY_DST });
  const module = device.createShaderModule({ code });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
  const entries = [{ binding: 0, resource: { buffer: output } }];
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(2);
  pass.end();
  encoder.copyBufferToBuffer(output, 0, read, 0, 8);
  device.queue.submit([encoder.finish()]);
  await read.mapAsync(GPUMapMode.READ);
  return [...new Uint32Array(read.getMappedRange())].join(" and ");
}

const loop = (rounds, body, name = "i") => `for (var ${name} = 0u; ${name} < ${rounds}u; ${name}++) { ${body} }`;
const add = "rounds[id.x] += 1u;";
const found = {
  "50,000 rounds": await count(loop(50000, add)),
  "100,000 rounds": await count(loop(100000, add)),
  "the second 50,000": await count(loop(50000, "rounds[id.x] = 0u;") + loop(50000, add)),
  "10 times 10,000": await count(loop(10, loop(10000, add, "j"))),
  "after 100,000": await count(loop(100000, add) + "rounds[id.x] = 7u;"),
};
console.log(`Deno 2.9.6, ${adapter.info.description}, rounds of two invocations`);
for (const [name, rounds] of Object.entries(found)) console.log(`${name}: ${rounds}`);
const expected = [50000, 65535, 15534, 65523, 7].map((rounds) => `${rounds} and ${rounds}`);
Deno.exit(Object.values(found).join() === expected.join() ? 0 : 1);
JS
node_modules/.bin/deno run --no-config --unstable-webgpu --allow-env run.js 2>stderr || { status=$?; grep -v XDG_RUNTIME_DIR stderr; exit $status; }
