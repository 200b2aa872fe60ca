#!/usr/bin/env bash
# With batches of two a network whose logits are batch-normalised learns by epsilon alone: at 1e-3 it does, at 1e-5 not.
#
# One would guess: epsilon is there against a division by 0; 1e-3 (Keras) or 1e-5 (PyTorch) changes digits, not whether
# a network learns. If batches of two are too small to learn from, they are so with either.
# True: of two numbers a normalisation leaves the sign: +1 and -1, whatever they are. So without epsilon the loss is flat
# between jumps, and its gradient is 0. With epsilon the numbers are +-1 / sqrt(1 + epsilon / d^2), where d is half their
# distance, and their slope is epsilon / (d^2 + epsilon)^1.5: all that a network learns comes from there, and only where
# d is not much above the root of epsilon. After three epochs of SGD on digits 92 to 96 % of them are right at 1e-1 to
# 1e-3, at 1e-5 a quarter to a half, at 1e-8 a tenth to a fifth. Where two rows come close the slope is up to
# 1 / sqrt(epsilon): a few such steps throw the weights far out. Batches of four differ little from 1e-2 to 1e-8.
# So a study of small batches in two libraries may find that a batch of two learns, or that it does not. A batch of one
# has no gradient at any epsilon. A last batch of two rows is no small matter either.
# Here: epsilon is PyTorch's on all engines; the smallest batch of a study's grid has 32 rows, the last one 16.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 scikit-learn==1.9.1 jax==0.7.2
JAX_PLATFORMS=cpu v/bin/python -W ignore - <<'PY'
import sys
from functools import partial

import jax
import jax.numpy as jnp
from sklearn.datasets import load_digits

jax.config.update("jax_enable_x64", True)
digits = load_digits()
rows, labels = jnp.asarray(digits.data / 16), jnp.asarray(digits.target)
SIZES, RATE = [(64, 32), (32, 10)], 0.01


def logits(weights, rows, epsilon):
    (first, bias), (second, last) = weights
    values = jax.nn.relu(rows @ first + bias) @ second + last
    return (values - values.mean(0)) / jnp.sqrt(values.var(0) + epsilon)


def loss(weights, batch, epsilon):
    return -jax.nn.log_softmax(logits(weights, rows[batch], epsilon))[jnp.arange(len(batch)), labels[batch]].mean()


@partial(jax.jit, static_argnums=0)
def right(size, epsilon, seed):
    """The share of rows that is right, by the statistics of all rows, after three epochs."""
    keys = jax.random.split(jax.random.key(seed), 5)
    weights = [(jax.random.uniform(key, each, minval=-1, maxval=1) / each[0] ** 0.5, jnp.zeros(each[1]))
               for key, each in zip(keys, SIZES)]

    def step(weights, batch):
        slopes = jax.grad(loss)(weights, batch, epsilon)
        return jax.tree.map(lambda weight, slope: weight - RATE * slope, weights, slopes), None

    for key in keys[2:]:
        count = len(labels) // size
        batches = jax.random.permutation(key, len(labels))[: count * size].reshape(count, size)
        weights, _ = jax.lax.scan(step, weights, batches)
    return (logits(weights, rows, 0).argmax(1) == labels).mean()


epsilons = [1e-1, 1e-2, 1e-3, 1e-5, 1e-8]
print(f"JAX {jax.__version__}; share of 1,797 digits right after three epochs, three seeds")
good = True
for size in (2, 4):
    for epsilon in epsilons:
        found = [float(right(size, epsilon, seed)) for seed in range(3)]
        print(f"  batches of {size}, epsilon {epsilon:g}: " + " ".join(f"{each:.3f}" for each in found))
        learns = size == 4 or epsilon > 1e-4
        good = good and (min(found) > 0.9 if learns else max(found) < (0.6 if epsilon > 1e-6 else 0.25))
sys.exit(0 if good else 1)
PY
