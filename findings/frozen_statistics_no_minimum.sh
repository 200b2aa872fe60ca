#!/usr/bin/env bash
# With frozen batch statistics a trained network has the same loss to twelve digits, and a gradient more than a hundred
# times as long: it is at no minimum, and sharper.
#
# One would guess: model.eval() with the exact statistics of all rows is the very same function, so its gradient and
# curvature at these weights are the same; only small batches or stale running means tell the two apart.
# True: it is the same at these weights and nowhere else. With frozen statistics a step can also make all logits
# larger or shift them, which the live normalisation takes back. A loss that normalised logits hold up (see
# normalised_logits_floor.sh) falls at once where they may grow: where training has come to rest, the frozen gradient
# is 130 and 280 times as long. The Hessian's largest eigenvalue is 1.3 to 2.6 times as large after training and eleven
# times at random weights, where the trace turns from below 0 to 340 and 400.
# So sharpness in eval mode, which PyHessian sets by itself, is that of a landscape in which the network was never
# trained, and not at a critical point of it.
# Here: statistics are those of the moved network's own logits; `frozen-batchnorm` is a measure of its own.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 scikit-learn==1.9.1 jax==0.7.2
JAX_PLATFORMS=cpu v/bin/python -W ignore - <<'PY'
import sys

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from sklearn.datasets import load_digits

jax.config.update("jax_enable_x64", True)
digits = load_digits()
rows, labels = jnp.asarray(digits.data[:300] / 16), jnp.asarray(digits.target[:300])
sizes, RADIUS = [(64, 16), (16, 10)], 0.5


def study(seed):
    """At random weights, after 300 and after 6,000 steps: each with live and with frozen statistics."""
    keys = jax.random.split(jax.random.key(seed), 3)
    start = [(jax.random.normal(key, size) / size[0] ** 0.5, jnp.zeros(size[1])) for key, size in zip(keys, sizes)]
    flat, unflatten = ravel_pytree(start)
    draws = jax.random.normal(keys[2], (100, flat.size))
    draws = RADIUS * draws / jnp.linalg.norm(draws, axis=1, keepdims=True)

    def values(weights):
        (first, bias), (second, last) = unflatten(weights)
        return jax.nn.relu(rows @ first + bias) @ second + last

    def loss(weights, statistics=None):
        logits = values(weights)
        mean, deviation = (logits.mean(0), logits.std(0)) if statistics is None else statistics
        return -jax.nn.log_softmax((logits - mean) / deviation)[jnp.arange(300), labels].mean()

    @jax.jit
    def measures(weights):
        own = values(weights)
        found = []
        for statistics in (None, (own.mean(0), own.std(0))):
            here = lambda at: loss(at, statistics)
            curvatures = jnp.linalg.eigvalsh(jax.hessian(here)(weights))
            rise = jax.vmap(lambda move: (here(weights + move) + here(weights - move)) / 2)(draws).mean()
            slope = jnp.linalg.norm(jax.grad(here)(weights))
            found.append([here(weights), slope, curvatures[-1], curvatures.sum(), rise - here(weights)])
        return jnp.array(found)

    def step(_, carry):
        weights, speed = carry
        speed = 0.9 * speed + jax.grad(loss)(weights)
        return weights - 0.02 * speed, speed

    descend = jax.jit(lambda carry, steps: jax.lax.fori_loop(0, steps, step, carry))
    carry, found = (flat, 0 * flat), []
    for steps in (0, 300, 5700):
        carry = descend(carry, steps)
        found.append(measures(carry[0]))
    return found


print(f"JAX {jax.__version__}; loss, length of the gradient, largest eigenvalue, trace, rise at {RADIUS}: live, frozen")
good = True
for seed in (0, 1):
    found = study(seed)
    for when, (live, frozen) in zip(("random weights", "300 steps", "6,000 steps"), found):
        print(f"  seed {seed}, {when}: " + ",  ".join(f"{a:.4g} {b:.4g}" for a, b in zip(live, frozen)))
    live, frozen = found[-1]
    good = good and bool(abs(live[0] - frozen[0]) < 1e-12 and frozen[1] > 50 * live[1] and frozen[2] > 1.15 * live[2])
sys.exit(0 if good else 1)
PY
