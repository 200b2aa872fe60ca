#!/usr/bin/env bash
# Schedule-free SGD with its usual 0.9 bears ten times the sharpness that gradient descent bears, and five times that of
# momentum 0.9.
#
# One would guess: schedule-free training (Defazio et al., arXiv 2405.15682) is SGD with an average in place of a
# schedule; its beta of 0.9 stands where momentum's does. So its edge is that of gradient descent, 2 / rate, or that of
# momentum, 2 (1 + 0.9) / rate = 3.8 / rate, and a network trained by it ends at one of the two.
# True: the gradient is taken at 0.1 z + 0.9 x, where z takes the steps and x is the mean of all z. Late in training x
# hardly moves, so a step of z moves that place by a tenth of itself: in a bowl of curvature c it is stable up to
# c = 2 / (1 - beta) / rate = 20 / rate, and with 0.8 or 0.5 up to 10 / rate or 4 / rate. Early on, while the mean is of
# few steps and follows each, such rates throw it far out (from 2 to 10^11 at 19 / c), and it comes back. On a network at
# the rate 0.2 gradient descent is held at rate x eigenvalue = 2. Schedule-free SGD passes 4 and is not held: it ends
# about as sharp as gradient descent at a tenth of the rate.
# So "rate x eigenvalue is above 2" is no sign of divergence there, and a comparison at equal rates compares an optimizer
# at its edge with one that is far from it.
# Here: schedule-free rules are not among the optimizers; `lambda-max` is set against 2 / rate for plain SGD only.
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
average = optax.contrib.schedule_free_eval_params
RULES = {
    "gradient descent": (optax.sgd, 2),
    "momentum 0.9": (lambda rate: optax.sgd(rate, 0.9), 3.8),
    "schedule-free, beta 0.5": (lambda rate: optax.contrib.schedule_free_sgd(rate, b1=0.5), 4),
    "schedule-free, beta 0.8": (lambda rate: optax.contrib.schedule_free_sgd(rate, b1=0.8), 10),
    "schedule-free, beta 0.9": (lambda rate: optax.contrib.schedule_free_sgd(rate, b1=0.9), 20),
}


def trained(rule, slope, weights, steps):
    """The weights that are to be used after these steps (by a schedule-free rule the mean), and the furthest."""
    def step(carry, _):
        weights, state = carry
        change, state = rule.update(slope(weights), state, weights)
        return (weights + change, state), jnp.linalg.norm(weights)

    carry, lengths = jax.jit(lambda: jax.lax.scan(step, (weights, rule.init(weights)), length=steps))()
    weights, state = carry
    return average(state, weights) if hasattr(state, "z") else weights, float(lengths.max())


print(f"JAX {jax.__version__}, Optax {optax.__version__}; loss after 4,000 steps in a bowl of curvatures 1 to 0.1")
curvatures, good = jnp.array([1, 0.5, 0.1]), True
for name, (rule, edge) in RULES.items():
    (end, furthest), (over, _) = (trained(rule(part * edge), lambda at: curvatures * at, jnp.ones(3), 4000)
                                  for part in (0.95, 1.05))
    below, above = float((curvatures * end**2).sum()) / 2, float((curvatures * over**2).sum()) / 2
    print(f"  {name}: {below:.1e} at the rate {0.95 * edge:.3g} (at the furthest {furthest:.1e} away), "
          f"{above:.1e} at {1.05 * edge:.3g}")
    good = good and below < 1e-8 and not above < 1e8

digits = load_digits()
rows, targets = jnp.asarray(digits.data[:300] / 16), jax.nn.one_hot(jnp.asarray(digits.target[:300]), 10)
sizes = [(64, 32), (32, 10)]
keys = jax.random.split(jax.random.key(0), 2)
start, unflatten = ravel_pytree(
    [(jax.random.normal(key, size) / size[0] ** 0.5, jnp.zeros(size[1])) for key, size in zip(keys, sizes)])


def loss(weights):
    (first, bias), (second, last) = unflatten(weights)
    return ((jnp.tanh(rows @ first + bias) @ second + last - targets) ** 2).sum(1).mean() / 2


@jax.jit
def eigenvalue(weights):
    product = lambda vector: jax.jvp(jax.grad(loss), (weights,), (vector,))[1]
    power = lambda _, vector: (lambda moved: moved / jnp.linalg.norm(moved))(product(vector))
    vector = jax.lax.fori_loop(0, 100, power, start / jnp.linalg.norm(start))
    return vector @ product(vector)


found = {}
for name, rate in (("gradient descent", 0.02), ("gradient descent", 0.2), ("schedule-free, beta 0.9", 0.2)):
    weights = trained(RULES[name][0](rate), jax.grad(loss), start, 3000)[0]
    found[name, rate] = rate * float(eigenvalue(weights))
    print(f"  digits, {name}, rate {rate}: loss {loss(weights):.3f}, eigenvalue {eigenvalue(weights):.3g}, "
          f"x rate {found[name, rate]:.2f}")
good = good and abs(found["gradient descent", 0.2] - 2) < 0.2 and found["schedule-free, beta 0.9", 0.2] > 3.8
sys.exit(0 if good else 1)
PY
