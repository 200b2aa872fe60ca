#!/usr/bin/env bash
# The same network is far less sharp when the mean image is taken from its inputs and put into its biases.
#
# One would guess: to subtract the mean from the pixels, as most do, changes where training goes; a network that is
# trained already, with its first biases raised by W times the mean, is the same function with the same weights, so
# it is as sharp as before.
# True: the losses are equal to twelve digits, and all weights are. But a step in a weight now meets centred pixels: on
# scikit-learn's digits (0 to 1, none negative) the Hessian's largest eigenvalue and its trace fall to a fifth, the mean
# rise at random points to a half, and that along filter-normalised weights to three quarters. No scale is to blame, as
# in Dinh et al. (arXiv 1703.04933): a shift does it. Values of two studies compare only if both prepare images alike.
# Here: pixels are divided by 255 and not centred, as in the original; lib/measure/README.md says so.
# Needs Python 3 with venv and pip.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
cat >run.py <<'PY'
import sys

import numpy as np
import sklearn
from sklearn.datasets import load_digits

rng = np.random.default_rng(0)
digits = load_digits()
images, labels = digits.data[:600] / 16, digits.target[:600]
rows, inputs, units, classes = *images.shape, 16, 10
shapes = [(units, inputs), (units,), (classes, units), (classes,)]
targets = np.eye(classes)[labels]


def slope(network, images):
    """The mean cross-entropy and its gradient."""
    first, bias, second, last = network
    hidden = np.maximum(images @ first.T + bias, 0)
    logits = hidden @ second.T + last
    logits -= logits.max(axis=1, keepdims=True)
    sums = np.exp(logits).sum(axis=1, keepdims=True)
    loss = (np.log(sums[:, 0]) - logits[np.arange(rows), labels]).mean()
    error = (np.exp(logits) / sums - targets) / rows
    back = (error @ second) * (hidden > 0)
    return loss, [back.T @ images, back.sum(0), error.T @ hidden, error.sum(0)]


def flat(network):
    return np.concatenate([part.ravel() for part in network])


def shaped(vector):
    ends = np.cumsum([np.prod(shape) for shape in shapes])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(vector, ends), shapes)]


def hessian(network, images, step=1e-5):
    """By central differences of the gradient."""
    at = flat(network)
    columns = []
    for i in range(at.size):
        move = np.zeros_like(at)
        move[i] = step
        up, down = (flat(slope(shaped(point), images)[1]) for point in (at + move, at - move))
        columns.append((up - down) / (2 * step))
    return (np.array(columns) + np.array(columns).T) / 2


def rise(network, images, move, directions=200):
    draws = np.random.default_rng(1)
    loss = slope(network, images)[0]
    rises = []
    for _ in range(directions):
        steps = move(network, draws)
        for sign in (1, -1):
            moved = [part + sign * step for part, step in zip(network, steps)]
            rises.append(slope(moved, images)[0] - loss)
    return np.mean(rises)


def sphere(network, draws, radius=2):
    vector = draws.normal(size=flat(network).size)
    return shaped(radius * vector / np.linalg.norm(vector))


def filters(network, draws, radius=0.25):
    steps = []
    for part in network:
        step = draws.normal(size=part.shape)
        if part.ndim == 1:
            steps.append(0 * step)
        else:
            lengths = np.linalg.norm(part, axis=1, keepdims=True) / np.linalg.norm(step, axis=1, keepdims=True)
            steps.append(radius * step * lengths)
    return steps


network = [
    rng.uniform(-1, 1, (units, inputs)) / np.sqrt(inputs),
    np.zeros(units),
    rng.uniform(-1, 1, (classes, units)) / np.sqrt(units),
    np.zeros(classes),
]
for _ in range(2000):
    network = [part - 0.5 * step for part, step in zip(network, slope(network, images)[1])]
first, bias, second, last = network
mean = images.mean(axis=0)
found = []
print(f"NumPy {np.__version__}, scikit-learn {sklearn.__version__}'s digits, {flat(network).size} parameters")
for name, weights, pixels in (
    ("as trained", network, images),
    ("centred", [first, bias + first @ mean, second, last], images - mean),
):
    values = np.linalg.eigvalsh(hessian(weights, pixels))
    row = [slope(weights, pixels)[0], values[-1], values.sum(), rise(weights, pixels, sphere), rise(weights, pixels, filters)]
    found.append(row)
    print("{}: loss {:.12f}, largest eigenvalue {:.3f}, trace {:.2f}, rise {:.5f}, by filters {:.6f}".format(name, *row))
ratios = np.array(found[1]) / np.array(found[0])
print("ratios: " + " ".join(f"{ratio:.2f}" for ratio in ratios))
sys.exit(0 if abs(ratios[0] - 1) < 1e-9 and ratios[1:3].max() < 0.4 and ratios[3] < 0.7 and ratios[4] < 0.9 else 1)
PY
OPENBLAS_NUM_THREADS=1 v/bin/python run.py
