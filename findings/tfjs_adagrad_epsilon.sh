#!/usr/bin/env bash
# AdaGrad of TensorFlow.js cannot be made PyTorch's: its epsilon stands under the root, and no option sets it.
#
# One would guess: with its accumulators started at 0, as PyTorch's are, tf.train.adagrad takes PyTorch's steps.
# True: it divides by sqrt(sum + 1e-7), PyTorch by sqrt(sum) + 1e-10. PyTorch's first step moves every weight by
# the learning rate, whatever its gradient is. TensorFlow.js moves one with a gradient of 1e-4 by 0.30 of it and
# one with 1e-5 by 0.03; as it comes, with accumulators of 0.1, by 0.0003 and 0.00003: gradient descent at some
# three times the rate. Optax differs in the same way and lets eps be set: eps=0 gives PyTorch's step.
# A gradient of length 0.3 over 1.7 million weights is 2e-4 each. Here: the rule is PyTorch's on all engines.
# Needs Node.js with npm, and Python 3 with venv; installs PyTorch (some 3 GB).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
echo '{"type":"module","dependencies":{"@tensorflow/tfjs":"4.22.0"}}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6 jax==0.7.2 optax==0.2.8
cat >run.js <<'JS'
import * as tf from "@tensorflow/tfjs";
await tf.setBackend("cpu");
for (const accumulator of [0.1, 0]) {
  const steps = [1e-2, 1e-4, 1e-5].map((gradient) => {
    const weight = tf.variable(tf.scalar(0));
    tf.train.adagrad(1, accumulator).applyGradients({ [weight.name]: tf.scalar(gradient) });
    return (-weight.dataSync()[0]).toPrecision(2);
  });
  console.log(`tfjs 4.22.0, accumulator ${accumulator}: ${steps.join(" ")}`);
}
JS
cat >run.py <<'PY'
import jax.numpy as jnp
import optax
import torch

gradients = [1e-2, 1e-4, 1e-5]
weight = torch.zeros(3, requires_grad=True)
weight.grad = torch.tensor(gradients)
torch.optim.Adagrad([weight], lr=1.0).step()
print("torch 2.6.0:", *(f"{-step:.2g}" for step in weight.tolist()))
for eps in 1e-7, 0.0:
    rule = optax.adagrad(1.0, initial_accumulator_value=0.0, eps=eps)
    steps, _ = rule.update(jnp.array(gradients), rule.init(jnp.zeros(3)))
    print(f"optax 0.2.8, accumulator 0, eps {eps:g}:", *(f"{-step:.2g}" for step in steps.tolist()))
PY
echo "first steps at rate 1 for gradients of 1e-2, 1e-4 and 1e-5"
{ node run.js; v/bin/python run.py; } | tee found
grep -q "accumulator 0.1: 0.032 0.00032 0.000032" found && grep -q "js.*accumulator 0: 1.0 0.30 0.032" found &&
  grep -q "torch 2.6.0: 1 1 1" found && grep -q "eps 1e-07: 1 0.3 0.032" found && grep -q "eps 0: 1 1 1" found
