#!/usr/bin/env bash
# In a bowl AdaGrad diverges at no learning rate, and a rate of a million can be the fastest.
#
# One would guess: there is an edge, as a step is a multiple of the learning rate; at a million, in a bowl of curvatures
# 0.01 to 100, AdaGrad runs away at once, as gradient descent does from 0.02 on.
# True: what it runs away by enters the sum that it divides by. One leap out, one leap back, and learning rate / root of
# the sum is 1 / curvature whatever the rate is: Newton's step. Where the bowl's axes are those of the weights, a
# million is at the minimum to 45 digits in ten steps, and 0.01 has a quarter of the loss left after a thousand. In a
# turned bowl the leap back misses: the loss goes up to 1e15 and then falls by the same factor as it does from 1e5 at
# the rate 10; but it falls. The divided curvature (the largest eigenvalue of D^-1/2 H D^-1/2) x rate ends at 1.86 or
# 1.87 for the rates 1, 10, 1,000 and a million.
# So that AdaGrad trains does not say that its rate is below an edge, and "divided curvature x rate below 2" is no
# finding: any rate brings it there, by its own leap. Optax's accumulators start at 0 here, as PyTorch's do.
# Here: the measure preconditioned-lambda-max; the study's learning rates end at 0.1.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 jax==0.7.2 optax==0.2.8
JAX_PLATFORMS=cpu v/bin/python -W ignore - <<'PY'
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax

jax.config.update("jax_enable_x64", True)
random = np.random.default_rng(0)
turn = np.linalg.qr(random.normal(size=(50, 50)))[0]
curvatures = np.logspace(-2, 2, 50)
start = jnp.asarray(random.normal(size=50))


def trained(bowl, rule, steps):
    """The loss after each step and AdaGrad's sums of squares at the end."""

    def step(carry, _):
        weights, state, total = carry
        slope = bowl @ weights
        change, state = rule.update(slope, state)
        weights = weights + change
        return (weights, state, total + slope**2), weights @ bowl @ weights / 2

    first = (start, rule.init(start), jnp.zeros(50))
    (_, _, total), losses = jax.jit(lambda: jax.lax.scan(step, first, length=steps))()
    return np.asarray(losses), np.sqrt(np.asarray(total))


print(f"JAX {jax.__version__}, Optax {optax.__version__}; curvatures 0.01 to 100")
seen, edges = {}, {}
for name, bowl in (("straight", np.diag(curvatures)), ("turned", (turn * curvatures) @ turn.T)):
    bowl = jnp.asarray(bowl)
    descent, _ = trained(bowl, optax.sgd(0.021), 10_000)
    print(f"  {name}: loss {start @ bowl @ start / 2:.0f}; gradient descent at 0.021: {descent[-1]:.0e}")
    for rate in (0.01, 1.0, 10.0, 1e3, 1e6):
        losses, divisor = trained(bowl, optax.adagrad(rate, initial_accumulator_value=0.0, eps=0.0), 10_000)
        edge = rate * np.linalg.eigvalsh(np.asarray(bowl) / np.sqrt(np.outer(divisor, divisor)))[-1]
        seen[name, rate], edges[name, rate] = losses, edge
        told = ", ".join(f"{losses[n - 1]:.0e} after {n}" for n in (1, 10, 100, 1000, 10_000))
        print(f"    AdaGrad at {rate:g}: {told}; divided curvature x rate {edge:.3f}")
    good = not descent[-1] < 1e30
    if not good:
        sys.exit(1)
fast = seen["straight", 1e6][9] < 1e-40 and seen["straight", 0.01][999] > 10
falls = all(losses[-1] < 1e-4 * losses.max() for losses in seen.values() if losses.max() > 1000)
below = max(edges.values()) < 2 and np.ptp([edges["turned", rate] for rate in (10.0, 1e3, 1e6)]) < 0.01
sys.exit(0 if fast and falls and below else 1)
PY
