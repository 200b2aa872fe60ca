#!/usr/bin/env bash
# SAM is at an edge of stability at any learning rate: it never rests, and rate x eigenvalue is 0.09 to 0.64, not 2.
#
# One would guess: at a rate of 0.02 and an eigenvalue of 20 training is far from the edge, 2 / rate = 100, with SAM as
# without. SAM (arXiv 2010.01412) ends flatter by as much as its radius asks for, and in a bowl it ends at the minimum.
# True: SAM takes its gradient a radius further up, so near a minimum it is that of the radius, however near the weights
# are. In a bowl it swings for ever across the sharpest direction, and no other (Bartlett et al., arXiv 2210.01513), at
# the distance rate x c x radius / (2 - rate x c) for the curvature c. Its edge hangs on the gradient's length g:
# g / (2 radius) (sqrt(1 + 8 radius / (rate g)) - 1), which goes to 0 with g (Long and Bartlett, arXiv 2309.12488).
# So training comes to it at any rate: of the five networks below that SAM trained the eigenvalue is within 12 % of that
# edge, while 2 / rate is 3 to 23 times as high. And flatness is no matter of the radius alone: at one radius, 0.05, it is
# 6 at the rate 0.1, 12 at 0.02 and 20 at 0.005 (with losses of 0.03, 0.07 and 0.12); gradient descent at 0.02 has 22.5.
# So "rate x eigenvalue is below 2" does not say that SAM is not at an edge, to compare radii at one rate is to compare
# edges, and a rule that stops at a small gradient never stops SAM.
# Here: SAM is a measure (the worst case within a radius), not among the optimizers.
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


def trained(slope, weights, rate, radius, steps):
    """The weights after these steps of SAM, and the gradient's mean length (of logarithms) in the last 100."""
    def step(weights, _):
        gradient = slope(weights)
        length = jnp.linalg.norm(gradient)
        return weights - rate * slope(weights + radius * gradient / length), length

    weights, lengths = jax.jit(lambda: jax.lax.scan(step, weights, length=steps))()
    return weights, float(jnp.exp(jnp.log(lengths[-100:]).mean()))


print(f"JAX {jax.__version__}; a bowl of curvatures 10, 3 and 1, radius 0.05: distance along each after 20,000 steps")
curvatures, good = jnp.array([10.0, 3, 1]), True
for rate in (0.01, 0.1, 0.19):
    far = jnp.abs(trained(lambda at: curvatures * at, jnp.ones(3), rate, 0.05, 20_000)[0])
    told = rate * 10 * 0.05 / (2 - rate * 10)
    print(f"  rate {rate}: " + " ".join(f"{float(each):.3g}" for each in far) + f"; told {told:.3g}")
    good = good and bool(abs(far[0] / told - 1) < 1e-6 and far[1:].max() < 1e-50)

digits = load_digits()
rows, targets = jnp.asarray(digits.data[:300] / 16), jax.nn.one_hot(jnp.asarray(digits.target[:300]), 10)
sizes = [(64, 32), (32, 10)]
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


seen = {}
for rate, radius in ((0.02, 0), (0.02, 0.02), (0.02, 0.05), (0.02, 0.2), (0.005, 0.05), (0.1, 0.05)):
    weights, g = trained(slope, start, rate, radius, 5000)
    sharp = float(eigenvalue(weights))
    edge = g / (2 * radius) * ((1 + 8 * radius / (rate * g)) ** 0.5 - 1) if radius else 2 / rate
    seen[rate, radius] = sharp, sharp / edge, rate * sharp
    print(f"  digits, rate {rate}, radius {radius}: loss {loss(weights):.3f}, gradient {g:.3f}, eigenvalue {sharp:.3g}, "
          f"edge {edge:.3g}; x rate {rate * sharp:.2g}", flush=True)
plain = seen.pop((0.02, 0))
good = good and plain[1] < 0.3 and all(0.85 < part < 1.15 and product < 0.8 for _, part, product in seen.values())
by_rate = [seen[rate, 0.05][0] for rate in (0.1, 0.02, 0.005)]
sys.exit(0 if good and by_rate[0] < 0.7 * by_rate[1] and by_rate[1] < 0.7 * by_rate[2] else 1)
PY
