#!/usr/bin/env bash
# D-Adaptation's Lion raises its learning rate without end: on digits from 1e-6 to beyond 1e30, with three networks.
#
# One would guess: it multiplies Lion's steps, one sign per weight, by a lower bound of the distance to the minimum, so
# the rate grows to about that distance and stays. Its documentation calls it experimental, and has lr left at 1 unless
# training is unstable.
# True: the bound is none. In a bowl whose minimum is 1 or 10 away from each weight the rate stays below that distance.
# At 30 or 100 it is beyond 1e20 times the distance after 3000 steps, though only the unit of length has changed.
# The curvature does not matter. The momentum sums gradients times the rate, and the new gradient joins it without that
# factor. On digits with batches of 32 the rate passes 100 within 100 steps and 1e30 within 400. By then the loss is NaN
# with a linear classifier, a ReLU network and one with batch-normalised logits. lr=0.1 only delays it: at step
# 600 the rate is above 5. lr=0.01 trains nothing in 600 steps. D-Adaptation's Adam stays below 0.3 on the same three.
# Here: Lion and D-Adaptation are not among the optimizers; the rates are given.
# Needs Python 3 with venv; installs PyTorch (some 3 GB).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6 scikit-learn==1.9.1 dadaptation==3.2
cat >run.py <<'PY'
import math
import sys

import torch
from dadaptation import DAdaptAdam, DAdaptLion
from sklearn.datasets import load_digits

torch.set_num_threads(1)
digits = load_digits()
rows, labels = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
MARKS = (50, 100, 400, 600)


def bowl(distance, curvature):
    """The learning rate / the distance of each weight from the minimum after 3000 steps."""
    weights = torch.full((8,), distance, dtype=torch.float64, requires_grad=True)
    rule = DAdaptLion([weights])
    for _ in range(3000):
        weights.grad = curvature * weights.detach()
        rule.step()
    return rule.param_groups[0]["d"] / distance


def model_of(kind):
    if kind == "linear":
        return torch.nn.Linear(64, 10)
    layers = [torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10)]
    if kind == "normalised":
        layers.append(torch.nn.BatchNorm1d(10, affine=False, track_running_stats=False))
    return torch.nn.Sequential(*layers)


def train(kind, rule, lr=1.0):
    """The learning rate and the whole set's loss, at these steps."""
    torch.manual_seed(0)
    model, step, seen = model_of(kind), 0, {}
    rule = rule(model.parameters(), lr=lr)
    while step < MARKS[-1]:
        for batch in torch.randperm(1792).split(32):
            rule.zero_grad()
            torch.nn.functional.cross_entropy(model(rows[batch]), labels[batch]).backward()
            rule.step()
            step += 1
            if step in MARKS:
                with torch.no_grad():
                    loss = torch.nn.functional.cross_entropy(model(rows), labels).item()
                seen[step] = rule.param_groups[0]["d"] * lr, loss
    return seen


print(f"dadaptation 3.2, PyTorch {torch.__version__}; a bowl: learning rate / distance")
good = True
for distance in (1.0, 10.0, 30.0, 100.0):
    ratios = [bowl(distance, curvature) for curvature in (1.0, 100.0)]
    print(f"  minimum {distance:g} away: {ratios[0]:.3g}; with a hundred times the curvature {ratios[1]:.3g}")
    good &= all(ratio < 1 if distance <= 10 else ratio > 1e20 for ratio in ratios)
print("digits: learning rate, loss by step")
for kind in ("linear", "ReLU", "normalised"):
    for rule, lr in ((DAdaptLion, 1.0), (DAdaptLion, 0.1), (DAdaptLion, 0.01), (DAdaptAdam, 1.0)):
        seen = train(kind, rule, lr)
        said = ", ".join(f"{step}: {rate:.2g} {loss:.3g}" for step, (rate, loss) in seen.items())
        print(f"  {kind}, {rule.__name__}, lr={lr:g}: {said}")
        rate, loss = seen[600]
        if rule is DAdaptAdam:
            good &= rate < 0.3 and loss < 1.5
        elif lr == 1:
            good &= seen[100][0] > 100 and seen[400][0] > 1e30 and math.isnan(seen[400][1])
        else:
            good &= rate > 5 if lr == 0.1 else abs(loss / seen[50][1] - 1) < 0.01
sys.exit(0 if good else 1)
PY
v/bin/python run.py
