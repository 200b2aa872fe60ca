#!/usr/bin/env bash
# One function with each unit cut into two halves has the same Hessian trace and largest eigenvalue; the measures that
# are called scale-free are halved.
#
# One would guess: trace and eigenvalue change with the weights' scale and the number of weights, so between networks of
# two widths one trusts what follows the scale: steps in proportion to each unit's norm (filter normalisation, arXiv
# 1712.09913) or to each weight (ASAM, arXiv 2102.11600). One function in two forms has one value there.
# True: a ReLU unit is two units of its weights / root 2, coming and going. That maps the weights into the wider network
# without changing a distance, and logits, trace and largest eigenvalue are the same to nine digits. But steps
# that are drawn for each half in proportion to its own size cancel in part: the rise along filter-normalised
# directions, that along directions in proportion to weights and the largest eigenvalue of |w| H |w| fall to a half
# or less, in four parts to a quarter or less.
# So "the wider network is flatter" by these measures may be no more than that it is wider.
# Here: the study's networks are of one shape.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 jax==0.7.2
JAX_PLATFORMS=cpu v/bin/python -W ignore - <<'PY'
import sys

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

jax.config.update("jax_enable_x64", True)
random = np.random.default_rng(0)
ROWS, INPUTS, UNITS, CLASSES, RADIUS = 300, 20, 8, 5, 0.1
labels = np.arange(ROWS) % CLASSES
rows = random.normal(0, 1, (CLASSES, INPUTS))[labels] + random.normal(0, 1.2, (ROWS, INPUTS))


def logits(network):
    first, bias, second, last = network
    return jax.nn.relu(rows @ first + bias) @ second + last


def loss(network):
    return -jax.nn.log_softmax(logits(network))[jnp.arange(ROWS), labels].mean()


def cut(network, parts):
    first, bias, second, last = network
    return [jnp.tile(first, parts) / parts**0.5, jnp.tile(bias, parts) / parts**0.5,
            jnp.tile(second, (parts, 1)) / parts**0.5, last]


def by_filter(weight, draw):
    """The draw with the norms of the weights of each unit; biases stay."""
    return draw * jnp.linalg.norm(weight, axis=0) / jnp.linalg.norm(draw, axis=0) if weight.ndim == 2 else 0 * draw


def by_weight(weight, draw):
    return abs(weight) * draw


def measures(network):
    flat, unravel = ravel_pytree(network)
    at = jax.jit(lambda weights: loss(unravel(weights)))
    hessian = jax.jit(jax.hessian(at))(flat)
    largest = [jnp.linalg.eigvalsh(each)[-1] for each in (hessian, abs(flat)[:, None] * hessian * abs(flat))]
    rises = []
    for scaled in (by_filter, by_weight):
        def rise(draw):
            step = RADIUS * ravel_pytree(list(map(scaled, network, unravel(draw))))[0]
            return (at(flat + step) + at(flat - step)) / 2 - at(flat)

        draws = np.random.default_rng(1).normal(size=(500, flat.size))
        rises.append(jax.jit(lambda draws: jax.lax.map(rise, draws))(draws).mean())
    return [float(each) for each in (jnp.trace(hessian), *largest, *rises)]


network = [jnp.array(random.uniform(-1, 1, (INPUTS, UNITS)) / INPUTS**0.5), jnp.zeros(UNITS),
           jnp.array(random.uniform(-1, 1, (UNITS, CLASSES)) / UNITS**0.5), jnp.zeros(CLASSES)]
step = jax.jit(lambda network: jax.tree.map(lambda weight, slope: weight - 0.5 * slope, network, jax.grad(loss)(network)))
for _ in range(800):
    network = step(network)
names = ["trace", "largest eigenvalue", "that of |w| H |w|", "rise by filters", "rise by weights"]
print(f"JAX {jax.__version__}, {UNITS} ReLU units, training loss {loss(network):.5f}; each unit in 1, 2 and 4 parts")
change = max(float(abs(logits(cut(network, parts)) - logits(network)).max()) for parts in (2, 4))
print(f"logits differ by {change:.0e}")
found = np.array([measures(cut(network, parts)) for parts in (1, 2, 4)])
for name, values in zip(names, found.T):
    shares = f"{values[1] / values[0]:.4f} and {values[2] / values[0]:.4f} of the first"
    print(f"{name:>18}: " + " ".join(f"{value:.6f}" for value in values) + f", {shares}")
share = found[1:] / found[0]
same, half = share[:, :2], share[:, 2:]
good = change < 1e-12 and abs(same - 1).max() < 1e-9 and half[0].max() < 0.6 and half[1].max() < 0.35 and half.min() > 0.1
sys.exit(0 if good else 1)
PY
