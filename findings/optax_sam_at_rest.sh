#!/usr/bin/env bash
# Optax's SAM turns all weights into NaN at the first gradient that is exactly 0.
#
# One would guess: where the gradient is 0 there is no direction to climb, so nothing moves. Another SAM adds
# 1e-12 to the norm, and stays.
# True: `normalize`, which the adversarial step of the documentation begins with, divides by the norm as it
# is, and 0 / 0 is NaN. With the hinge loss that is the moment when every row of a batch has its margin: plain SGD
# of the same rate rests there with a loss of 0.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 jax==0.7.2 optax==0.2.8
JAX_PLATFORMS=cpu v/bin/python - <<'PY'
import sys
import jax
import jax.numpy as jnp
import optax
from optax.contrib import normalize, sam

rows = jnp.array([[1.0, 2.0], [2.0, 1.0], [-1.0, -1.5], [-2.0, -1.0]])
labels = jnp.array([1.0, 1.0, -1.0, -1.0])
gradient = jax.grad(lambda weights: optax.hinge_loss(rows @ weights, labels).mean())


def train(optimizer, updates=40):
    """The weights, and the largest gradient that was seen last before they stopped being numbers."""
    weights = jnp.zeros(2)
    state, last = optimizer.init(weights), None
    for _ in range(updates):
        slope = gradient(weights)
        change, state = optimizer.update(slope, state, weights)
        weights = optax.apply_updates(weights, change)
        if jnp.isnan(weights).any():
            return weights, slope
        last = slope
    return weights, last


ascent = optax.chain(normalize(), optax.sgd(0.05))
plain, rest = train(optax.sgd(0.1))
sharp, cause = train(sam(optax.sgd(0.1), ascent, sync_period=2))
print(f"Optax {optax.__version__}, JAX {jax.__version__}: SGD ends at {plain}, its gradient {rest}; "
      f"SAM ends at {sharp} after a gradient of {cause}")
as_seen = bool(jnp.isfinite(plain).all()) and bool(jnp.isnan(sharp).all()) and not cause.any()
sys.exit(0 if as_seen else 1)
PY
