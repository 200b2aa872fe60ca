#!/usr/bin/env bash
# Adadelta of TensorFlow.js is plain gradient descent, to the last digit that it prints.
#
# One would guess: its steps are the gradient times root mean square of past steps / root mean square of gradients,
# so their size does not hang on the gradient's. In Optax the first step is 0.0032 for a gradient of 1 as of 100.
# True: the gradients' mean square is taken before the new gradient enters, that of the steps after. Both begin at
# 0, so the first step is the gradient, both means become the same, and their ratio is 1 for ever. Every step is
# learning rate x gradient: 1 and 100. A comparison of optimizers by it compares gradient descent with itself.
# Here: Adadelta is not among the optimizers; those that are have one rule on all engines, tested against float64.
# Needs Node.js with npm, and Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
echo '{"type":"module","dependencies":{"@tensorflow/tfjs":"4.22.0"}}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 jax==0.7.2 optax==0.2.8
cat >run.js <<'JS'
import * as tf from "@tensorflow/tfjs";
await tf.setBackend("cpu");
const gradients = [1, -2, 3, 0.5, 100];
const weightsBy = (rule) => {
  const weight = tf.variable(tf.scalar(0));
  return gradients.map((gradient) => {
    rule.applyGradients({ [weight.name]: tf.scalar(gradient) });
    return weight.dataSync()[0].toPrecision(6);
  }).join(" ");
};
console.log("tfjs 4.22.0 adadelta:", weightsBy(tf.train.adadelta(1, 0.9, 1e-6)));
console.log("tfjs 4.22.0 sgd:", weightsBy(tf.train.sgd(1)));
JS
cat >run.py <<'PY'
import jax.numpy as jnp
import optax

rule = optax.adadelta(1.0, rho=0.9, eps=1e-6)
weight = jnp.zeros(())
state, seen = rule.init(weight), []
for gradient in 1.0, -2.0, 3.0, 0.5, 100.0:
    change, state = rule.update(jnp.array(gradient), state, weight)
    weight = optax.apply_updates(weight, change)
    seen.append(f"{float(weight):.2g}")
print("optax 0.2.8 adadelta:", *seen)
PY
seen=$(node run.js 2>/dev/null; JAX_PLATFORMS=cpu v/bin/python run.py)
echo "$seen"
adadelta=$(grep "tfjs 4.22.0 adadelta:" <<<"$seen" | cut -d: -f2)
sgd=$(grep "tfjs 4.22.0 sgd:" <<<"$seen" | cut -d: -f2)
[ -n "$sgd" ] && [ "$adadelta" = "$sgd" ] && grep -q "optax 0.2.8 adadelta: -0.0032 " <<<"$seen" || exit 1
