#!/usr/bin/env bash
# Muon's steps are the shorter the smaller the batch: without momentum one image's is a tenth as long as that of 256.
#
# One would guess: Muon makes all directions of a layer's step equally long, so the step has one length at a learning
# rate, whatever the gradient is, as the step of sign descent has.
# True: it makes those equally long that the gradient has. The gradient of one image has one in each layer: its rank is
# at most the batch size. A step is about as long as the root of the rank. Gradients that are 128 times as large change
# nothing. With beta=0 the first layer of a network of 64-128-10 units moves by 1, 2 to 3, 5 and 9 learning rates with
# batches of 1, 4, 16 and 64, throughout. From 64 to 256 little is added, as the layer has 64 inputs. With the usual
# beta=0.95 the momentum gathers directions. The first step is as short; with a batch of 1 the tenth is less than half
# as long as with 256, the two-hundredth about nine tenths. So at one learning rate batch sizes differ in the length of
# their steps, and small ones have a warm-up that nobody asked for.
# Here: Muon is not among the optimizers.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check jax==0.7.2 optax==0.2.8 numpy==2.4.6 scikit-learn==1.9.1
JAX_PLATFORMS=cpu v/bin/python -W ignore - <<'PY'
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits

RATE, SHOWN = 1e-3, (1, 10, 50, 200)
digits = load_digits()
rows, labels = jnp.asarray(digits.data / 16, jnp.float32), jnp.asarray(digits.target)


def loss(weights, batch, scale):
    (first, second), (shift, offset) = weights
    logits = jax.nn.relu(rows[batch] @ first + shift) @ second + offset
    return scale * optax.softmax_cross_entropy_with_integer_labels(logits, labels[batch]).mean()


def lengths(size, beta, scale=1.0):
    """The length of the first layer's step in learning rates, at these steps."""
    random = np.random.default_rng(0)
    normal = lambda shape, width: jnp.asarray(random.normal(0, width, shape), jnp.float32)
    weights = ((normal((64, 128), 0.18), normal((128, 10), 0.1)), (jnp.zeros(128), jnp.zeros(10)))
    rule = optax.contrib.muon(RATE, beta=beta)
    state, seen = rule.init(weights), {}

    @jax.jit
    def move(weights, state, batch):
        change, state = rule.update(jax.grad(loss)(weights, batch, scale), state, weights)
        return optax.apply_updates(weights, change), state, jnp.linalg.norm(change[0][0]) / RATE

    for step in range(1, SHOWN[-1] + 1):
        weights, state, length = move(weights, state, jnp.asarray(random.integers(0, len(labels), size)))
        if step in SHOWN:
            seen[step] = float(length)
    return seen


print(f"Optax {optax.__version__}, Muon; length of the first layer's step in learning rates")
seen = {(size, beta): lengths(size, beta) for beta in (0.0, 0.95) for size in (1, 4, 16, 64, 256)}
for (size, beta), found in seen.items():
    said = ", ".join(f"{length:.2f} at {step}" for step, length in found.items())
    print(f"  beta {beta}, batches of {size}: {said}")
large = lengths(4, 0.0, 128.0)
print(f"  beta 0.0, batches of 4, gradients x 128: {large[1]:.2f}, {large[200]:.2f}")
plain = {size: [seen[size, 0.0][step] for step in SHOWN] for size in (1, 4, 16, 64, 256)}
good = abs(large[1] / plain[4][0] - 1) < 0.01
for size, least, most in ((1, 0.6, 1.3), (4, 1.8, 3.3), (16, 4.2, 6.2), (64, 8, 10), (256, 8, 10.5)):
    good &= all(least < length < most for length in plain[size])
one, many = seen[1, 0.95], seen[256, 0.95]
good &= one[1] < 0.15 * many[1] and one[10] < 0.5 * many[10] and 0.8 * many[200] < one[200] < many[200]
sys.exit(0 if good else 1)
PY
