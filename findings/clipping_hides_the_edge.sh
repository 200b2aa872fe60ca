#!/usr/bin/env bash
# With clipped gradients the rates 0.1, 0.5 and 2 end equally sharp: rate x eigenvalue is 2, 11 and 41, where 2 is the
# edge.
#
# One would guess: clipping to the length 0.01 is for rare, long gradients. At the end of training, where the loss falls
# evenly, it does nothing, and the Hessian's largest eigenvalue is 2 / rate or less, as without it (the edge of
# stability, Cohen et al., arXiv 2103.00065); so a larger rate still ends in a flatter place.
# True: beyond the edge the weights swing along the sharpest direction, and the swing, which without clipping grows
# until it throws them out, is held: a step is never longer than rate x 0.01. The gradient gets as long as it takes for
# the rate that is left, rate x 0.01 / length, to be at the edge: this one times the eigenvalue is 2 at 0.5 and at 2. The
# loss falls as if nothing were, and the network is driven to no flatter place: a twentyfold rate leaves the eigenvalue
# within some 10 %, at that of gradient descent of a small rate. All steps are clipped, to the last. Without clipping the
# rate 0.5 is at a loss of 1e18.
# So where clipping is on, that a rate has no effect on sharpness may be the clipping's doing, and rate x eigenvalue tells
# nothing of an edge before the rate is the one that clipping leaves.
# Here: gradients are not clipped.
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
rows, targets = jnp.asarray(digits.data[:300] / 16), jax.nn.one_hot(jnp.asarray(digits.target[:300]), 10)
sizes, LIMIT = [(64, 32), (32, 10)], 0.01
keys = jax.random.split(jax.random.key(0), 2)
start, unflatten = ravel_pytree(
    [(jax.random.normal(key, size) / size[0] ** 0.5, jnp.zeros(size[1])) for key, size in zip(keys, sizes)])


def loss(weights):
    (first, bias), (second, last) = unflatten(weights)
    return ((jnp.tanh(rows @ first + bias) @ second + last - targets) ** 2).sum(1).mean() / 2


slope = jax.grad(loss)


@jax.jit
def eigenvalue(weights):
    product = lambda vector: jax.jvp(slope, (weights,), (vector,))[1]
    power = lambda _, vector: (lambda moved: moved / jnp.linalg.norm(moved))(product(vector))
    vector = jax.lax.fori_loop(0, 100, power, start / jnp.linalg.norm(start))
    return vector @ product(vector)


def trained(rate, limit, steps):
    rule = optax.chain(optax.clip_by_global_norm(limit), optax.sgd(rate))

    def step(carry, _):
        weights, state = carry
        gradient = slope(weights)
        change, state = rule.update(gradient, state)
        return (weights + change, state), jnp.linalg.norm(gradient)

    (weights, _), lengths = jax.jit(lambda: jax.lax.scan(step, (start, rule.init(start)), length=steps))()
    return weights, jnp.minimum(rate, rate * limit / lengths), (lengths > limit).mean()


print(f"JAX {jax.__version__}, Optax {optax.__version__}; gradient descent on 300 digits, squared error")
seen = {}
for rate, limit, steps in (
    (0.02, 1e9, 5000), (0.1, 1e9, 3000), (0.5, 1e9, 100), (0.1, LIMIT, 6000), (0.5, LIMIT, 3000), (2, LIMIT, 3000),
):
    weights, rates, share = trained(rate, limit, steps)
    sharp, left = float(eigenvalue(weights)), float(jnp.exp(jnp.log(rates[-200:]).mean()))
    seen[rate, limit] = sharp, rate * sharp, left * sharp, float(loss(weights)), float(share)
    print(f"  rate {rate:g}, {'clipped' if limit < 1 else 'as it is'}: loss {loss(weights):.3g}, eigenvalue {sharp:.3g}, "
          f"x rate {rate * sharp:.3g}, x rate that is left {left * sharp:.3g}; steps clipped {share:.2f}", flush=True)
clipped = [seen[rate, LIMIT] for rate in (0.1, 0.5, 2)]
alike = max(each[0] for each in clipped) < 1.25 * min(each[0] for each in clipped)
beyond = clipped[1][1] > 8 and clipped[2][1] > 30 and all(1.7 < each[2] < 2.3 for each in clipped[1:])
plain = abs(seen[0.1, 1e9][1] - 2) < 0.2 and seen[0.5, 1e9][3] > 1e6
sys.exit(0 if alike and beyond and plain and all(each[3] < 0.1 for each in clipped) else 1)
PY
