#!/usr/bin/env bash
# With Nesterov's momentum training diverges at two thirds of the sharpness that plain gradient descent bears, with
# ordinary momentum at twice of it.
#
# One would guess: momentum 0.9 makes steps ten times as long, so gradient descent with it is stable up to a tenth of
# 2 / learning rate; Nesterov's form looks ahead and corrects itself, so it bears more than the ordinary one.
# True: in a bowl of curvature c the ordinary form is stable up to c = 2 (1 + m) / rate = 3.8 / rate, Nesterov's up to
# 2 (1 + m) / (1 + 2 m) / rate = 1.36 / rate, below gradient descent's 2 / rate, and the less the more momentum (see
# Cohen et al., arXiv 2103.00065). So one flag, nesterov=True, moves the edge of stability by a factor of 2.8. Of a
# network that sharpens on the way plain descent ends at 2 / rate, as it should, ordinary momentum above it, and
# Nesterov's at or below 1.36 / rate, which looks like a flatter minimum and is a nearer edge.
# torch.optim.SGD has the same rule and the same three edges as Optax's sgd, which is asked here.
# Here: the edge is drawn for SGD without momentum alone (lib/findings/edge.ts).
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 jax==0.7.2 optax==0.2.8
JAX_PLATFORMS=cpu v/bin/python -W ignore - <<'PY'
import sys

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree

jax.config.update("jax_enable_x64", True)
KINDS = {"plain": {}, "momentum": {"momentum": 0.9}, "Nesterov": {"momentum": 0.9, "nesterov": True}}
rows = jax.random.normal(jax.random.key(9), (50, 5))
targets = jnp.sin(2 * rows[:, :1]) + rows[:, 1:2] * rows[:, 2:3]


def trained(rule, slope, weights, steps):
    def step(carry, _):
        weights, state = carry
        change, state = rule.update(slope(weights), state)
        return (optax.apply_updates(weights, change), state), None

    return jax.jit(lambda *carry: jax.lax.scan(step, carry, length=steps)[0])(weights, rule.init(weights))[0]


def edge(options):
    """The curvature x learning rate up to which a bowl's weight goes to 0: of 400 bowls trained at once."""
    curvature = jnp.arange(1, 401) / 100
    weight = trained(optax.sgd(1.0, **options), lambda at: curvature * at, jnp.ones(400), 3000)
    return float(curvature[jnp.abs(weight) < 1].max())


def loss(weights):
    values = rows
    for i, weight in enumerate(weights):
        values = jnp.tanh(values @ weight) if i < 2 else values @ weight
    return ((values - targets) ** 2).mean()


@jax.jit
def sharpness(weights):
    """The Hessian's largest eigenvalue."""
    flat, unflatten = ravel_pytree(weights)
    return jnp.linalg.eigvalsh(jax.hessian(lambda at: loss(unflatten(at)))(flat))[-1]


print(f"JAX {jax.__version__}, Optax {optax.__version__}; edge in bowls x learning rate:")
edges = {name: edge(options) for name, options in KINDS.items()}
print(" ", edges)
RATE, ends = 0.05, {}
for name, options in KINDS.items():
    ends[name] = []
    for seed in range(3):
        keys = jax.random.split(jax.random.key(seed), 3)
        start = [jax.random.normal(key, size) / size[0] ** 0.5 for key, size in zip(keys, [(5, 20), (20, 20), (20, 1)])]
        end = trained(optax.sgd(RATE, **options), jax.grad(loss), start, 4000)
        ends[name].append(RATE * float(sharpness(end)))
    print(f"  network, {name}: sharpness x rate", ", ".join(f"{each:.3f}" for each in ends[name]))
bowls = all(abs(edges[name] - right) < 0.011 for name, right in (("plain", 2), ("momentum", 3.8), ("Nesterov", 1.357)))
plain = all(abs(each - 2) < 0.1 for each in ends["plain"])
sys.exit(0 if bowls and plain and max(ends["Nesterov"]) < 1.4 and max(ends["momentum"]) > 2.2 else 1)
PY
