#!/usr/bin/env bash
# A network whose logits are batch-normalised diverges at no learning rate; it ends at 2 / rate from 0.1 to 100.
#
# One would guess: beyond some rate training diverges, normalised or not; where it does not, and the Hessian's largest
# eigenvalue ends at 2 / learning rate (the edge of stability, Cohen et al., arXiv 2103.00065), a larger rate has found
# a flatter place: a thousandth of the eigenvalue is another minimum.
# True: with W the network is also with c W, and the gradient stands at right angles to the weights, so that each step
# makes them longer; the eigenvalue falls as 1 / c^2. Steps that are too long lengthen the weights until they are not
# (see Arora et al., arXiv 1812.03981). Here the rates 0.1, 1, 10 and 100 all end with each row right and eigenvalue x
# rate from 1.9 to 2.4: a thousandfold fall of the eigenvalue, in which the weights' length is what has changed. Brought
# back to the length 1 the four networks are within a factor of 7 of one another, and in no order. At a million the
# first step throws the weights so far out that all later ones are too short: the eigenvalue is 10^-10, the flattest
# network of all, and it has learned next to nothing. Without normalisation 10 is too large.
# So on such networks sharpness by learning rate says first how long the weights are.
# Here: logits are normalised; relative measures, which no layer's scale changes, and `weight-norm` stand beside.
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
sizes = [(64, 32), (32, 10)]
keys = jax.random.split(jax.random.key(0), 2)
start = [(jax.random.normal(key, size) / size[0] ** 0.5, jnp.zeros(size[1])) for key, size in zip(keys, sizes)]
flat, unflatten = ravel_pytree(start)


def logits(weights, normalised):
    (first, bias), (second, last) = unflatten(weights)
    values = jax.nn.relu(rows @ first + bias) @ second + last
    return (values - values.mean(0)) / values.std(0) if normalised else values


def loss(weights, normalised=True):
    return -jax.nn.log_softmax(logits(weights, normalised))[jnp.arange(300), labels].mean()


@jax.jit
def eigenvalue(weights):
    def product(vector):
        return jax.jvp(jax.grad(loss), (weights,), (vector,))[1]

    def power(_, vector):
        moved = product(vector)
        return moved / jnp.linalg.norm(moved)

    vector = jax.lax.fori_loop(0, 200, power, jax.random.normal(keys[0], weights.shape))
    return vector @ product(vector)


def trained(rate, normalised):
    slope = jax.grad(lambda weights: loss(weights, normalised))
    return jax.jit(lambda: jax.lax.fori_loop(0, 2000, lambda _, weights: weights - rate * slope(weights), flat))()


print(f"JAX {jax.__version__}; gradient descent on 300 digits, 2,000 steps; at the start: loss {loss(flat):.2f}")
seen = {}
for rate in (0.1, 1, 10, 100, 1e4, 1e6):
    end, plain = trained(rate, True), trained(rate, False)
    right = (logits(end, True).argmax(1) == labels).mean()
    length, largest = jnp.linalg.norm(end), eigenvalue(end)
    seen[rate] = [float(x) for x in (right, largest, largest * rate, largest * length**2, length)]
    print(f"  rate {rate:g}: loss {loss(end):.3f}, right {right:.3f}, length {length:.2g}, eigenvalue {largest:.2g}, "
          f"x rate {largest * rate:.3g}, at length 1 {largest * length**2:.0f}; "
          f"without normalisation: loss {loss(plain, False):.3g}")
edge = [seen[rate] for rate in (0.1, 1, 10, 100)]
at_edge = all(right == 1 and 1.8 < product < 2.8 for right, _, product, *_ in edge)
falls = edge[0][1] > 500 * edge[-1][1] and max(each[3] for each in edge) < 8 * min(each[3] for each in edge)
frozen = seen[1e6][1] < 1e-8 and seen[1e6][0] < 0.5 and seen[1e6][4] > 1e6
sys.exit(0 if at_edge and falls and frozen else 1)
PY
