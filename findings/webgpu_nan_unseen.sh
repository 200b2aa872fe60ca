#!/usr/bin/env bash
# In a WebGPU shader a network that diverged looks well: NaN is not seen, and 0 times it is 0.
#
# One would guess: x != x finds NaN, and 0 times NaN is NaN, as in any float32 arithmetic.
# True: WGSL lets a driver assume that there is neither NaN nor infinity, and Mesa's does. Of a NaN that was read
# from a buffer x != x is false, x * 0, x - x and max(x, 0) are 0 and step(0, x) is 1; infinity less itself is 0.
# exp, sqrt and 1 / x keep NaN, and so does `if (x < 0) { return 0; } return x;`. The bits are there:
# (bitcast<u32>(x) & 0x7fffffff) > 0x7f800000 finds it.
# Here: ReLU goes by the bits, losses are checked where they are read back, and a test diverges on purpose.
# Needs Node.js with npm, and a Vulkan driver of Mesa (its driver for processors will do: lavapipe).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init --yes >/dev/null && npm install --silent --no-audit --no-fund deno@2.9.6
cat >run.js <<'JS'
const adapter = await navigator.gpu?.requestAdapter();
if (!adapter) {
  console.log("no WebGPU adapter here: install a Vulkan driver of Mesa");
  Deno.exit(2);
}
const device = await adapter.requestDevice();
const terms = {
  "x != x": "f32(x != x)",
  "x * 0": "x * 0.0",
  "x - x": "x - x",
  "max(x, 0)": "max(x, 0.0)",
  "step(0, x)": "step(0.0, x)",
  "exp(x)": "exp(x)",
  "relu by if": "relu(x)",
  "by bits": "f32((bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u)",
};
const names = Object.keys(terms);
const lines = Object.values(terms).map((term, i) => `Y[id.x * ${names.length}u + ${i}u] = ${term};`);
const code = `
@group(0) @binding(0) var<storage, read> X: array<f32>;
@group(0) @binding(1) var<storage, read_write> Y: array<f32>;
fn relu(x: f32) -> f32 { if (x < 0.0) { return 0.0; } return x; }
@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3u) {
  let x = X[id.x];
  ${lines.join("\n  ")}
}`;
const values = new Float32Array([NaN, Infinity, 2]);
const size = values.length * names.length * 4;
const { STORAGE, COPY_DST, COPY_SRC, MAP_READ } = GPUBufferUsage;
const input = device.createBuffer({ size: values.byteLength, usage: STORAGE | COPY_DST });
const output = device.createBuffer({ size, usage: STORAGE | COPY_SRC });
const read = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
device.queue.writeBuffer(input, 0, values);
const module = device.createShaderModule({ code });
const pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
const entries = [input, output].map((buffer, binding) => ({ binding, resource: { buffer } }));
const encoder = device.createCommandEncoder();
const pass = encoder.beginComputePass();
pass.setPipeline(pipeline);
pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
pass.dispatchWorkgroups(values.length);
pass.end();
encoder.copyBufferToBuffer(output, 0, read, 0, size);
device.queue.submit([encoder.finish()]);
await read.mapAsync(GPUMapMode.READ);
const found = new Float32Array(read.getMappedRange());
console.log(`Deno 2.9.6, ${adapter.info.description}`);
const rows = [...values].map((x, i) => names.map((name, j) => [name, found[i * names.length + j]]));
for (const [i, row] of rows.entries()) {
  console.log(`x = ${values[i]}: ${row.map(([name, value]) => `${name} ${value}`).join(", ")}`);
}
const [nan, infinite] = rows.map((row) => row.map(([, value]) => value));
const ok = String(nan) === "0,0,0,0,1,NaN,NaN,1" && infinite[2] === 0;
Deno.exit(ok ? 0 : 1);
JS
node_modules/.bin/deno run --no-config --unstable-webgpu --allow-env run.js 2>stderr || { status=$?; grep -v XDG_RUNTIME_DIR stderr; exit $status; }
