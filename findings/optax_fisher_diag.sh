#!/usr/bin/env bash
# Optax's `fisher_diag` vanishes at a minimum, where the Fisher information is the Hessian.
#
# One would guess: the diagonal of the (observed) Fisher information squares the gradient of each row, then takes
# the mean. In logistic regression it comes close to the Hessian's diagonal at the minimum.
# True: it takes the gradient of the whole batch's loss and squares that. The rows cancel first, so what it gives
# is 0 at every minimum, however sharp. `hessian_diag` beside it is right, and so is the mean of the squares by
# hand. (Optax says that 0.2.9 takes all three away.)
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 jax==0.7.2 optax==0.2.8
JAX_PLATFORMS=cpu v/bin/python -W ignore - <<'PY'
import sys
import jax
import jax.numpy as jnp
import optax
from optax.second_order import fisher_diag, hessian_diag

jax.config.update("jax_enable_x64", True)
rows = jax.random.normal(jax.random.key(0), (500, 3)) * jnp.array([1.0, 2.0, 4.0])
chance = jax.nn.sigmoid(rows @ jnp.array([0.5, -0.3, 0.1]))
labels = (jax.random.uniform(jax.random.key(1), (500,)) < chance) * 1.0


def loss(weights, inputs, targets):
    return optax.sigmoid_binary_cross_entropy(inputs @ weights, targets).mean()


weights = jnp.zeros(3)
for _ in range(20):  # Newton's method
    slope = jax.grad(loss)(weights, rows, labels)
    weights -= jnp.linalg.solve(jax.hessian(loss)(weights, rows, labels), slope)
by_row = jax.vmap(jax.grad(loss), (None, 0, 0))(weights, rows, labels)
by_hand = (by_row**2).mean(0)
hessian = hessian_diag(loss, weights, rows, labels)
fisher = fisher_diag(loss, weights, rows, labels)
print(f"Optax {optax.__version__}, JAX {jax.__version__}, 500 rows, at the minimum: hessian_diag {hessian}, "
      f"mean of the rows' squares {by_hand}, fisher_diag {fisher}")
close = bool((jnp.abs(by_hand / hessian - 1) < 0.25).all())
sys.exit(0 if close and bool((fisher < 1e-20).all()) else 1)
PY
