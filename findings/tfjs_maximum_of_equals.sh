#!/usr/bin/env bash
# In TensorFlow.js the gradient of a maximum over ten equal numbers adds up to ten.
#
# One would guess: where several numbers are the largest one, the gradient is shared among them, as in JAX and in
# PyTorch's amax, or goes to one of them: it adds up to 1, as a step of all by h moves the maximum by h.
# True: tf.max and tf.min give each of them the whole. A network whose last layer starts at 0 has such logits for every
# image: a hinge loss on the best wrong class pushes each of the nine wrong ones by 1 in the first step, where 1 is
# theirs together. (tf.maxPool and tf.logSumExp add up to 1.) tf.maximum(a, b) gives the whole to a: so ReLU as
# tf.maximum(x, 0) has the slope 1 at 0, as tf.clipByValue has, and tf.maximum(0, x) and tf.relu have 0. A unit whose
# weights are 0, pruned ones say, learns by one spelling and stays as it is by another.
# Here: ReLU's gradient is 0 at 0 on every engine, written out; no maximum has a gradient.
# Needs Node.js with npm.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @tensorflow/tfjs@4.22.0
cat >run.js <<'JS'
const tf = require("@tensorflow/tfjs");
const slopes = (f, at) => [...tf.grad(f)(tf.tensor1d(at)).dataSync()];
const zeros = Array(10).fill(0);
const ofTies = {
  max: slopes((x) => tf.max(x), zeros),
  min: slopes((x) => tf.min(x), zeros),
  apart: slopes((x) => tf.max(x), [0, 1, 2, 3]),
  logSumExp: slopes((x) => tf.logSumExp(x), zeros),
};
const both = tf.grads((a, b) => tf.maximum(a, b))([tf.scalar(1), tf.scalar(1)]).map((each) => each.dataSync()[0]);
const atZero = {
  relu: (x) => tf.relu(x),
  "maximum(0, x)": (x) => tf.maximum(0, x),
  "maximum(x, 0)": (x) => tf.maximum(x, 0),
  clipByValue: (x) => tf.clipByValue(x, 0, 1e9),
};
const spelled = Object.entries(atZero).map(([name, f]) => [name, slopes(f, [0])[0]]);
console.log(`TensorFlow.js ${tf.version.tfjs}, gradients of ten equal numbers:`);
for (const [name, found] of Object.entries(ofTies)) console.log(`  ${name}: ${found.map((each) => +each.toFixed(3))}`);
console.log(`of maximum(1, 1): ${both}; of ReLU at 0: ${spelled.map((each) => each.join(" ")).join(", ")}`);
const sum = (values) => values.reduce((total, each) => total + each, 0);
const isWhole = sum(ofTies.max) === 10 && sum(ofTies.min) === 10 && sum(ofTies.apart) === 1;
process.exit(isWhole && `${spelled.map(([, slope]) => slope)}` === "0,0,1,1" ? 0 : 1);
JS
node run.js 2>/dev/null
