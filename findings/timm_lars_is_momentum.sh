#!/usr/bin/env bash
# Without a weight decay timm's LARS is SGD with momentum and its LAMB is Adam.
#
# One would guess: LARS (You et al., arXiv 1708.03888) moves each layer in proportion to its own norm, whatever the
# gradient's size is, with a weight decay or without: twice the gradient is the same step.
# True: timm takes this ratio only where the weight decay is not 0. Lars with 0, its default, moves exactly as far as
# torch.optim.SGD with momentum: 100 times as far for 100 times the gradient, here 800 times as far as LARS. Lamb with 0
# is Adam but for the rounding: weights of 0.01 move as far as weights of 1. A weight decay of 1e-12 switches the ratio
# on, and so does the option always_adapt=True, which is off where nothing is asked for.
# A study of optimizers without weight decay compares momentum SGD with itself; one of weight decay compares two rules.
# Here: neither is among the optimizers, and each rule is tested against a float64 definition.
# Needs Python 3 with venv; installs PyTorch (some 3 GB).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 torchvision==0.21.0 timm==1.0.31 numpy==2.4.6
cat >run.py <<'PY'
import sys
import numpy as np
import timm
import torch
from timm.optim import Lamb, Lars

RATE = 0.01


def lengths(make, steps=5, firsts=((1, 1), (100, 1), (1, 0.01))):
    """How far some steps move 20 weights, by the gradients' size and the weights' own."""
    found = []
    for gradient, weight in firsts:
        torch.manual_seed(0)
        weights = torch.nn.Parameter(weight * torch.randn(4, 5))
        start, optimizer = weights.detach().clone(), make([weights])
        for _ in range(steps):
            weights.grad = gradient * torch.randn(4, 5)
            optimizer.step()
        found.append((weights.detach() - start).norm().item())
    return np.array(found)


found = {
    "torch SGD, momentum 0.9": lengths(lambda w: torch.optim.SGD(w, lr=RATE, momentum=0.9)),
    "timm Lars": lengths(lambda w: Lars(w, lr=RATE, momentum=0.9)),
    "timm Lars, always_adapt": lengths(lambda w: Lars(w, lr=RATE, momentum=0.9, always_adapt=True)),
    "timm Lars, weight_decay 1e-12": lengths(lambda w: Lars(w, lr=RATE, momentum=0.9, weight_decay=1e-12)),
    "torch Adam": lengths(lambda w: torch.optim.Adam(w, lr=RATE, eps=1e-6)),
    "timm Lamb, weight_decay 0": lengths(lambda w: Lamb(w, lr=RATE, weight_decay=0, max_grad_norm=None)),
    "timm Lamb, always_adapt": lengths(
        lambda w: Lamb(w, lr=RATE, weight_decay=0, max_grad_norm=None, always_adapt=True)),
}
print(f"timm {timm.__version__}, PyTorch {torch.__version__}; five steps move the weights by")
for name, (plain, large, small) in found.items():
    print(f"{name:30} {plain:.6f}, gradients x 100: {large:.6f}, weights x 0.01: {small:.6f}")
sgd, lars, asked, decayed, adam, lamb, adapted = found.values()
is_sgd = (sgd == lars).all() and np.allclose(adam, lamb, rtol=1e-4)
keeps = all(abs(way[1] / way[0] - 1) < 1e-3 and way[2] < way[0] / 50 for way in (asked, decayed))
sys.exit(0 if is_sgd and keeps and adapted[2] < lamb[2] / 10 else 1)
PY
v/bin/python -W ignore run.py
