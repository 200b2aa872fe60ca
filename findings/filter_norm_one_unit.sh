#!/usr/bin/env bash
# One function has any filter-normalised sharpness: it grows a thousandfold when one unit is scaled down.
#
# One would guess: steps in proportion to each unit's norm (filter normalisation, arXiv 1712.09913) make sharpness blind
# to the scales that ReLU leaves free: a unit's weights times c and the weights behind it divided by c.
# True: that holds where all units of a layer are scaled alike. Scaled alone by 0.01, a unit puts one large weight into
# every row of the next layer. The rows' norms grow with it, so all their other weights are moved too far: of 32 units
# one does that to a network that gives the same logits to 1e-14, and the rise is 1,300 times what it was. Steps in
# proportion to each single weight (as in ASAM, arXiv 2102.11600) do not see it.
# Here: the measure relative-balanced; lib/measure/README.md says what balancing our networks' units changes.
# Needs Python 3 with venv and pip.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6
cat >run.py <<'PY'
import sys

import numpy as np

rng = np.random.default_rng(0)
rows, inputs, units, classes = 600, 20, 32, 5
labels = np.arange(rows) % classes
images = rng.normal(0, 1, (classes, inputs))[labels] + rng.normal(0, 1.2, (rows, inputs))


def logits(network):
    first, bias, second, last = network
    hidden = np.maximum(images @ first.T + bias, 0)
    return hidden, hidden @ second.T + last


def loss(network):
    values = logits(network)[1]
    values = values - values.max(axis=1, keepdims=True)
    return float((np.log(np.exp(values).sum(axis=1)) - values[np.arange(rows), labels]).mean())


def train(network, steps=800, rate=0.5):
    for _ in range(steps):
        hidden, values = logits(network)
        error = np.exp(values - values.max(axis=1, keepdims=True))
        error /= error.sum(axis=1, keepdims=True)
        error[np.arange(rows), labels] -= 1
        error /= rows
        back = (error @ network[2]) * (hidden > 0)
        for weight, gradient in zip(network, (back.T @ images, back.sum(0), error.T @ hidden, error.sum(0))):
            weight -= rate * gradient
    return network


def rescale(network, chosen, c):
    first, bias, second, last = (weight.copy() for weight in network)
    first[chosen] *= c
    bias[chosen] *= c
    second[:, chosen] /= c
    return [first, bias, second, last]


def filters(weight, random):
    return random * np.linalg.norm(weight, axis=1, keepdims=True) / np.linalg.norm(random, axis=1, keepdims=True)


def weights(weight, random):
    return random * np.abs(weight)


def rise(network, scaled, radius=0.2, directions=100):
    """Mean rise of the loss over directions, biases at rest."""
    draws = np.random.default_rng(1)
    rises = []
    for _ in range(directions):
        moved = [
            weight + radius * scaled(weight, draws.normal(size=weight.shape)) if weight.ndim == 2 else weight
            for weight in network
        ]
        rises.append(loss(moved) - loss(network))
    return np.mean(rises)


trained = train([
    rng.uniform(-1, 1, (units, inputs)) / np.sqrt(inputs),
    np.zeros(units),
    rng.uniform(-1, 1, (classes, units)) / np.sqrt(units),
    np.zeros(classes),
])
print(f"NumPy {np.__version__}, {units} hidden units, training loss {loss(trained):.4f}")
found = []
for name, chosen, c in (
    ("as trained", slice(None), 1),
    ("all units x 0.1", slice(None), 0.1),
    ("one unit x 0.1", 0, 0.1),
    ("one unit x 0.01", 0, 0.01),
    ("one unit x 100", 0, 100),
):
    network = rescale(trained, chosen, c)
    change = np.abs(logits(network)[1] - logits(trained)[1]).max()
    found.append((change, rise(network, filters), rise(network, weights)))
    print(f"{name}: logits differ by {change:.0e}, rise by filters {found[-1][1]:.5f}, by weights {found[-1][2]:.5f}")
changes, by_filters, by_weights = np.array(found).T
ok = (
    changes.max() < 1e-12
    and abs(by_filters[1] / by_filters[0] - 1) < 1e-6
    and by_filters[2] > 1.5 * by_filters[0]
    and by_filters[3] > 1000 * by_filters[0]
    and np.abs(by_weights / by_weights[0] - 1).max() < 1e-6
)
sys.exit(0 if ok else 1)
PY
v/bin/python run.py
