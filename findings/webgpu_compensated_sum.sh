#!/usr/bin/env bash
# In a WebGPU shader a compensated sum is compiled away: what rounding lost is taken for 0.
#
# One would guess: float32 sums of many losses need Kahan's summation, and it works in WGSL as in C or JavaScript.
# True: WGSL lets a compiler reorder sums as if numbers were real, and Mesa's does: (a + b) - a is b, to its last
# bit, so Kahan's correction is 0 and 50,000 times 2.3 is off by 4.5e-4, as with the plain sum. The exact error of
# a product does not come either: fma(a, a, -p) rounds a * a first and is 0. Kahan's sum is right (2e-8) where the
# compiler cannot see through: with the sums' bits XORed with a 0 that the shader reads from a buffer.
# Here: shaders add up many short partial sums instead, and are tested against float64.
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
const code = `
@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read> others: array<f32>;
@group(0) @binding(2) var<storage, read_write> found: array<f32>;
fn hidden(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) ^ bitcast<u32>(others[2])); }
@compute @workgroup_size(1) fn main() {
  var plain = 0.0;
  var kahan = 0.0; var lost = 0.0;
  var masked = 0.0; var missed = 0.0;
  for (var i = 0u; i < arrayLength(&values); i++) {
    plain += values[i];
    let term = values[i] - lost;
    let next = kahan + term;
    lost = (next - kahan) - term;
    kahan = next;
    let own = values[i] - missed;
    let total = hidden(masked + own);
    missed = hidden(total - masked) - own;
    masked = total;
  }
  found[0] = plain;
  found[1] = kahan;
  found[2] = masked;
  found[3] = (others[0] + others[1]) - others[0];
  found[4] = fma(others[0], others[0], -others[3]);
}`;
const float = Math.fround;
const values = new Float32Array(50000).fill(2.3);
const [a, b] = [float(1.0001220703125), float(1e-6)];
const others = new Float32Array([a, b, 0, a * a]);
const { STORAGE, COPY_DST, COPY_SRC, MAP_READ } = GPUBufferUsage;
const inputs = [values, others].map((data) => {
  const buffer = device.createBuffer({ size: data.byteLength, usage: STORAGE | COPY_DST });
  device.queue.writeBuffer(buffer, 0, data);
  return buffer;
});
const output = device.createBuffer({ size: 20, usage: STORAGE | COPY_SRC });
const read = device.createBuffer({ size: 20, usage: MAP_READ | COPY_DST });
const module = device.createShaderModule({ code });
const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
const entries = [...inputs, output].map((buffer, binding) => ({ binding, resource: { buffer } }));
const encoder = device.createCommandEncoder();
const pass = encoder.beginComputePass();
pass.setPipeline(pipeline);
pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
pass.dispatchWorkgroups(1);
pass.end();
encoder.copyBufferToBuffer(output, 0, read, 0, 20);
device.queue.submit([encoder.finish()]);
await read.mapAsync(GPUMapMode.READ);
const [plain, kahan, masked, difference, product] = new Float32Array(read.getMappedRange());
let [sum, lost] = [0, 0];
for (const value of values) {
  const term = float(value - lost);
  const next = float(sum + term);
  lost = float(float(next - sum) - term);
  sum = next;
}
const error = (total) => Math.abs(total / (values[0] * values.length) - 1);
const show = (name, total) => console.log(`${name}: off by ${error(total).toExponential(1)}`);
console.log(`Deno 2.9.6, ${adapter.info.description}: 50,000 times 2.3 in float32`);
show("plain", plain);
show("Kahan", kahan);
show("Kahan, bits hidden", masked);
show("Kahan in JavaScript", sum);
console.log(`(a + b) - a: ${difference}, in float32 ${float(float(a + b) - a)}; b is ${b}`);
console.log(`fma(a, a, -float32(a * a)): ${product}, rounded once ${a * a - float(a * a)}`);
const ok = error(kahan) > 1e-4 && error(masked) < 1e-7 && error(sum) < 1e-7 && difference === b && product === 0;
Deno.exit(ok ? 0 : 1);
JS
node_modules/.bin/deno run --no-config --unstable-webgpu --allow-env run.js 2>stderr || { status=$?; grep -v XDG_RUNTIME_DIR stderr; exit $status; }
