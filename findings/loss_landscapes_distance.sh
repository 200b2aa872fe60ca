#!/usr/bin/env bash
# loss-landscapes' `distance` is inverse to the distance, and its random directions are nearly parallel.
#
# One would guess: random_line(model, metric, distance=4) ends four times as far away as distance=1, and
# two random directions in a large space are nearly orthogonal.
# True: distance=4 ends at a quarter of distance=1, as the weights' norm is divided by it; and the
# directions' entries are uniform in 0..1, all positive, so that two of them have a cosine of 0.75.
# Needs Python 3 with venv; installs PyTorch (some 3 GB).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6 loss-landscapes==3.0.6
cat >run.py <<'PY'
import sys

import loss_landscapes
import torch
from loss_landscapes.metrics.metric import Metric

torch.manual_seed(0)


def flat(model):
    return torch.cat([part.detach().reshape(-1) for part in model.parameters()])


class Places(Metric):
    seen: list = []

    def __call__(self, wrapper):
        self.seen.append(flat(wrapper.modules[0]))
        return 0.0


def step(distance):
    model = torch.nn.Sequential(torch.nn.Linear(50, 40), torch.nn.ReLU(), torch.nn.Linear(40, 10))
    start = flat(model)
    loss_landscapes.random_line(model, Places(), distance=distance, steps=1, normalization=None)
    return Places.seen[-1] - start, start.norm()


(one, norm), (four, norm4), (again, _) = step(1), step(4), step(1)
lengths = float(one.norm() / norm), float(four.norm() / norm4)
cosine = float(torch.nn.functional.cosine_similarity(one, again, dim=0))
print("loss-landscapes 3.0.6: step / norm for distance 1 and 4", lengths, "cosine of two directions", cosine)
sys.exit(0 if abs(lengths[0] - 1) < 1e-3 and abs(lengths[1] - 0.25) < 1e-3 and cosine > 0.6 else 1)
PY
v/bin/python run.py
