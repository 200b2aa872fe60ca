#!/usr/bin/env bash
# Label smoothing ends in a minimum a hundred times as sharp as without it, weight decay in one twenty times as sharp.
#
# One would guess: both regularise, and both are said to lead to flatter minima; so a network that was trained with them
# is as sharp or less, by the Hessian's largest eigenvalue and by the rise at random points.
# True: what flattens a network that fits all its rows is the cross-entropy itself. Its curvature has the factor
# p (1 - p), which goes to 0 with the loss, so the eigenvalue falls as long as training lasts. Label smoothing holds p
# at 0.90 and weight decay at 0.98: the factor stays, and so does the eigenvalue, here that of the plain cross-entropy
# for all three. Each network below has each of its rows right. After 300 steps label smoothing is 7 times as sharp,
# after 1,000 25 times, after 4,000 122 times: the number says how long the plain one was trained, not which rule finds
# flatter places.
# Here: sharpness is compared at equal training loss as well, and normalised logits keep p from 1 (see
# normalised_logits_floor.sh); there is no weight decay and no smoothing.
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
rows, labels = jnp.asarray(digits.data[:500] / 16), jnp.asarray(digits.target[:500])
sizes, RADIUS = [(64, 32), (32, 10)], 2
keys = jax.random.split(jax.random.key(0), 2)
start = [(jax.random.normal(key, size) / size[0] ** 0.5, jnp.zeros(size[1])) for key, size in zip(keys, sizes)]
flat, unflatten = ravel_pytree(start)
draws = jax.random.normal(jax.random.key(1), (50, flat.size))
draws = RADIUS * draws / jnp.linalg.norm(draws, axis=1, keepdims=True)


def logits(weights):
    (first, bias), (second, last) = unflatten(weights)
    return jax.nn.relu(rows @ first + bias) @ second + last


def loss(weights, smoothing=0.0):
    targets = optax.smooth_labels(jax.nn.one_hot(labels, 10), smoothing)
    return optax.softmax_cross_entropy(logits(weights), targets).mean()


@jax.jit
def measures(weights):
    """Plain loss, share of rows that are right, largest eigenvalue and mean rise, of the plain loss."""
    slope, vector = jax.grad(loss), draws[0] / RADIUS

    def product(vector):
        return jax.jvp(slope, (weights,), (vector,))[1]

    def power(_, vector):
        return product(vector) / jnp.linalg.norm(product(vector))

    vector = jax.lax.fori_loop(0, 100, power, vector)
    rise = jnp.mean(jax.vmap(lambda move: (loss(weights + move) + loss(weights - move)) / 2)(draws)) - loss(weights)
    right = (logits(weights).argmax(1) == labels).mean()
    return loss(weights), right, vector @ product(vector), rise


def trained(steps, smoothing, decay):
    rule = optax.chain(optax.add_decayed_weights(decay), optax.sgd(0.2, momentum=0.9))

    def step(_, carry):
        weights, state = carry
        change, state = rule.update(jax.grad(loss)(weights, smoothing), state, weights)
        return weights + change, state

    weights, _ = jax.jit(lambda carry: jax.lax.fori_loop(0, steps, step, carry))((flat, rule.init(flat)))
    return [float(each) for each in measures(weights)]


print(f"JAX {jax.__version__}, Optax {optax.__version__}; all measured on the plain cross-entropy")
seen = {}
for name, smoothing, decay in (("plain", 0.0, 0.0), ("label smoothing 0.1", 0.1, 0.0), ("weight decay 1e-3", 0.0, 1e-3)):
    seen[name] = [trained(steps, smoothing, decay) for steps in (300, 1000, 4000)]
    for steps, (plain, right, largest, rise) in zip((300, 1000, 4000), seen[name]):
        print(f"  {name}, {steps} steps: loss {plain:.5f}, right {right:.3f}, eigenvalue {largest:.3f}, rise {rise:.5f}")
plain, smooth, decayed = (runs[-1] for runs in seen.values())
print("eigenvalue and rise, times those of plain: label smoothing", [round(smooth[i] / plain[i]) for i in (2, 3)],
      "weight decay", [round(decayed[i] / plain[i]) for i in (2, 3)])
fitted = plain[1] == smooth[1] == decayed[1] == 1
sys.exit(0 if fitted and all(smooth[i] > 40 * plain[i] and decayed[i] > 10 * plain[i] for i in (2, 3)) else 1)
PY
