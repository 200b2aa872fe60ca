#!/usr/bin/env bash
# A classifier whose logits are batch-normalised cannot say that it knows nothing.
#
# One would guess: a network with weights as they were drawn has a cross-entropy of log 10 = 2.303 nats for
# ten classes, and random weights far from a minimum lead back to that.
# True: with unit variance in every logit its guesses are firm and wrong. Logits that are normal and know
# nothing cost E log sum exp z = 2.728 nats; the same weights without normalisation cost 2.30.
# So a rise measured far from a minimum levels off there, above log 10, and a loss of 2.4 is not "worse than
# chance": it has learned. Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6
cat >run.py <<'PY'
import sys
import numpy as np

rows, sizes, classes = 20_000, [100, 512, 256, 128, 10], 10


def loss(Z, y):
    top = Z.max(1, keepdims=True)
    return float(np.mean(np.log(np.exp(Z - top).sum(1)) + top[:, 0] - Z[np.arange(len(y)), y]))


def losses(seed):
    draw = np.random.default_rng(seed)
    H, y = draw.random((rows, sizes[0])), np.arange(rows) % classes
    for fan_in, fan_out in zip(sizes, sizes[1:]):
        bound = fan_in**-0.5
        H = np.maximum(H, 0) @ draw.uniform(-bound, bound, (fan_in, fan_out)) + draw.uniform(-bound, bound, fan_out)
    return loss(H, y), loss((H - H.mean(0)) / H.std(0), y)


plain, normalised = np.array([losses(seed) for seed in range(5)]).T
y = np.arange(1_000_000) % classes
normal = loss(np.random.default_rng(0).standard_normal((len(y), classes)), y)
print("log 10", np.log(10), "plain", plain, "normalised", normalised, "independent normal logits", normal)
sys.exit(0 if np.all(np.abs(plain - np.log(10)) < 0.02) and np.all(normalised > 2.5) and abs(normal - 2.728) < 0.005 else 1)
PY
v/bin/python run.py
