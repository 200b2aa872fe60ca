#!/usr/bin/env bash
# By SAM's one step the sharpest of five networks is the flattest: it finds a 370th of the worst case there, and 0.97 to 1
# of it in flat ones.
#
# One would guess: the rise along the gradient at SAM's usual radius, 0.05 (arXiv 2010.01412), is a good estimate of the
# largest rise in the ball, or falls short of it by much the same share everywhere, so it ranks networks as that does.
# True: where the gradient points says how a network was trained. At the edge of stability it points along the sharpest
# direction, since training swings across it, and one step finds nearly all. At a learning rate below the edge training
# has come to rest in all sharp directions: what is left of the gradient points along flat ones, at right angles to the
# sharpest (cosine below 1e-4). Five rates, with batch-normalised logits, end at losses of 0.37 to 0.38: by eigenvalue
# (31 to 0.27) and by the worst case (0.052 to 0.002) each is flatter than the one before. By one step the first is the
# flattest of all, and the second, of two thirds its eigenvalue, is more than 200 times as sharp.
# Nine more steps, each to where the gradient at the last one points, find 0.99 of the worst case in all five.
# Here: worst-case takes ten steps and keeps the rise of each, the first of them SAM's.
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
ROWS, INPUTS, UNITS, CLASSES, RADIUS = 300, 10, 16, 5, 0.05
labels = np.arange(ROWS) % CLASSES
rows = jnp.array(random.normal(0, 1, (CLASSES, INPUTS))[labels] + random.normal(0, 1, (ROWS, INPUTS)))
start, unravel = ravel_pytree([jnp.array(random.uniform(-1, 1, (INPUTS, UNITS)) / INPUTS**0.5), jnp.zeros(UNITS),
                               jnp.array(random.uniform(-1, 1, (UNITS, CLASSES)) / UNITS**0.5), jnp.zeros(CLASSES)])


@jax.jit
def loss(weights):
    first, bias, second, last = unravel(weights)
    logits = jnp.tanh(rows @ first + bias) @ second + last
    logits = (logits - logits.mean(0)) / jnp.sqrt(logits.var(0) + 1e-5)
    return -jax.nn.log_softmax(logits)[jnp.arange(ROWS), labels].mean()


slope, hessian = jax.jit(jax.grad(loss)), jax.jit(jax.hessian(loss))


@jax.jit
def trained(rate, steps):
    return jax.lax.fori_loop(0, steps, lambda _, weights: weights - rate * jax.grad(loss)(weights), start)


def unit(vector):
    return vector / jnp.linalg.norm(vector)


@jax.jit
def climbed(weights, direction, steps):
    """The rise after these steps of ascent, each to the surface of the ball, from a point on it."""
    step = lambda _, moved: RADIUS * unit(jax.grad(loss)(weights + moved))
    return loss(weights + jax.lax.fori_loop(0, steps, step, RADIUS * unit(direction))) - loss(weights)


found = []
print(f"JAX {jax.__version__}, full-batch gradient descent; rises at the radius {RADIUS}")
for rate, steps in ((0.02, 50_000), (0.1, 10_000), (0.5, 2000), (2.0, 500), (8.0, 500)):
    weights = trained(rate, steps)
    gradient = slope(weights)
    values, vectors = jnp.linalg.eigh(hessian(weights))
    top = vectors[:, -1]
    one, ten = float(climbed(weights, gradient, 0)), float(climbed(weights, gradient, 9))
    worst = max(float(climbed(weights, each, 300)) for each in (top, -top, gradient))
    cosine = float(abs(unit(gradient) @ top))
    found.append((loss(weights), values[-1], one, ten, worst))
    print(f"rate {rate:4}: loss {loss(weights):.4f}, eigenvalue {values[-1]:6.3f}, x rate {rate * values[-1]:.2f}, "
          f"cosine {cosine:.0e}, one step {one:.5f}, ten {ten:.5f}, worst {worst:.5f}, share {one / worst:.4f}")
losses, largest, one, ten, worst = np.array(found, dtype=float).T
good = (np.ptp(losses) < 0.01 and (np.diff(largest) < 0).all() and (np.diff(worst) < 0).all()
        and one[0] < one[1:].min() / 5 and one[0] < worst[0] / 100 and (one[2:] / worst[2:]).min() > 0.9
        and (ten / worst).min() > 0.95)
sys.exit(0 if good else 1)
PY
