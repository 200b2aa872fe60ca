#!/usr/bin/env bash
# With normalised logits He's initial weights at the learning rate 0.6 are PyTorch's at 0.1: the same network, step by
# step, and a sixth as sharp.
#
# One would guess: initialisation and learning rate are two choices. Another start of the same kind gives another path of
# much the same speed, and two studies with the rate 0.1 have used one rate.
# True: where logits are batch-normalised, c times all weights are the same function with 1 / c of the gradient. So c
# times the start at c^2 times the rate takes the same path, c times as large. For c = 2, a power of two, each of
# 1,000 losses is the same to the last bit. nn.Linear draws with a standard deviation of 1 / sqrt(3 inputs), He's rule
# says sqrt(2 / inputs): c is the root of 6. To change PyTorch's start for He's and leave the rate is to train at a sixth
# of it. The Hessian's largest eigenvalue is 1 / c^2 as large all along: of one function, at "the same" place, a quarter
# or a sixth. Rate x eigenvalue is the same. By Adam c and the rate's factor are equal.
# So neither a rate nor a sharpness of two studies compares before their starts do. The network below has no biases:
# those of layer l would need c^l. Batch normalisation's epsilon counts for less the larger the weights are; it is 0.
# Here: the start is PyTorch's, and `weight-norm` stands beside each sharpness.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 scikit-learn==1.9.1 jax==0.7.2 optax==0.2.8
JAX_PLATFORMS=cpu v/bin/python -W ignore - <<'PY'
import sys

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree
from sklearn.datasets import load_digits

jax.config.update("jax_enable_x64", True)
digits = load_digits()
rows, labels = jnp.asarray(digits.data[:300] / 16), jnp.asarray(digits.target[:300])
sizes = [(64, 32), (32, 32), (32, 10)]
keys = jax.random.split(jax.random.key(0), 3)
start, unflatten = ravel_pytree(
    [jax.random.normal(key, size) / (3 * size[0]) ** 0.5 for key, size in zip(keys, sizes)])


def loss(weights):
    first, second, third = unflatten(weights)
    values = jax.nn.relu(jax.nn.relu(rows @ first) @ second) @ third
    logits = (values - values.mean(0)) / values.std(0)
    return -jax.nn.log_softmax(logits)[jnp.arange(300), labels].mean()


def trained(weights, rule):
    """The weights after 1,000 steps of all rows, and the loss before each of them."""
    def step(carry, _):
        weights, state = carry
        value, slope = jax.value_and_grad(loss)(weights)
        change, state = rule.update(slope, state)
        return (weights + change, state), value

    (weights, _), losses = jax.jit(lambda: jax.lax.scan(step, (weights, rule.init(weights)), length=1000))()
    return weights, losses


@jax.jit
def eigenvalue(weights):
    product = lambda vector: jax.jvp(jax.grad(loss), (weights,), (vector,))[1]
    power = lambda _, vector: (lambda moved: moved / jnp.linalg.norm(moved))(product(vector))
    vector = jax.lax.fori_loop(0, 100, power, start / jnp.linalg.norm(start))
    return vector @ product(vector)


print(f"JAX {jax.__version__}, Optax {optax.__version__}; losses at steps 10, 100, 1,000; rate x eigenvalue; eigenvalue")
he, seen = 6**0.5, {}
for name, factor, rate, rule in (
    ("PyTorch's start", 1, 0.1, optax.sgd),
    ("twice that", 2, 0.4, optax.sgd),
    ("He's", he, 0.6, optax.sgd),
    ("He's", he, 0.1, optax.sgd),
    ("Adam, PyTorch's", 1, 0.001, lambda rate: optax.adam(rate, eps=1e-30)),
    ("Adam, twice that", 2, 0.002, lambda rate: optax.adam(rate, eps=1e-30)),
):
    weights, losses = trained(factor * start, rule(rate))
    seen[name, rate] = losses, float(eigenvalue(weights))
    print(f"  {name}, rate {rate:g}: " + " ".join(f"{float(losses[i]):.17g}" for i in (9, 99, 999))
          + f"; {rate * seen[name, rate][1]:.3f}; {seen[name, rate][1]:.3f}")
(losses, sharp), (twice, quarter), (large, sixth), (slow, _), (adam, _), (adam_twice, _) = seen.values()
same = bool((losses == twice).all() and (adam == adam_twice).all() and jnp.abs(losses - large)[:100].max() < 1e-9)
sharpness = abs(sharp / quarter - 4) < 1e-6 and abs(sharp / sixth - 6) < 0.06
print("to the last bit:", same, "; ratios", sharp / quarter, sharp / sixth)
sys.exit(0 if same and sharpness and slow[99] > losses[99] + 0.05 else 1)
PY
