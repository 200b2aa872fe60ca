#!/usr/bin/env bash
# pytorch_optimizer's Ranger goes uphill in its first five steps, the further the larger the gradient is.
#
# One would guess: Ranger is RAdam with Lookahead. Before its sixth step RAdam has no variance to divide by, so it takes
# plain steps down, or none, as the RAdam of this package does.
# True: "no step" is coded as a rate of -1, and Ranger, which does not leave such steps out, takes it: it moves five
# times by +1 learning rate x mean gradient. The loss rises. In step six Lookahead takes half of that back, and only
# then does it descend, by 0.03 to 0.06 learning rates a step at first. Where a loss is a sum over 128 rows in
# place of their mean the climb is 128 times as long, while the steps that bring the weights back are not: at a gradient
# of 1 they need 51 steps to be where they began, at 128 they need 1,283. `degenerated_to_sgd=True` turns the five steps
# round; it is off where nothing is asked for. What looks like a bad start at a large learning rate is a wrong sign.
# Here: Ranger is not among the optimizers; each rule is tested against a float64 definition.
# Needs Python 3 with venv; installs PyTorch (some 3 GB).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6 pytorch_optimizer==4.1.0
v/bin/python -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
from pytorch_optimizer import RAdam, Ranger

RATE = 1e-3


def path(kind, slope, steps, **options):
    """The distance from the start in learning rates after each step down the line slope x weight; below 0 is uphill."""
    weight = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    rule, down = kind([weight], lr=RATE, **options), []
    for _ in range(steps):
        weight.grad = torch.full_like(weight, slope)
        rule.step()
        down.append(-weight.item() / RATE)
    return down


def back(slope):
    """The first step after which the weight is below its start."""
    return next(step for step, down in enumerate(path(Ranger, slope, 20_000), 1) if down > 0)


print(f"pytorch_optimizer {version('pytorch_optimizer')}, PyTorch {torch.__version__}; way down / learning rate")
holds = True
for slope in (0.01, 1.0, 128.0):
    ranger, radam = path(Ranger, slope, 8), path(RAdam, slope, 8)
    turned = path(Ranger, slope, 8, degenerated_to_sgd=True)
    for name, down in ("Ranger", ranger), ("Ranger(degenerated_to_sgd=True)", turned), ("RAdam", radam):
        print(f"  gradient {slope:g}, {name}:", " ".join(f"{each:.4g}" for each in down))
    climbs = all(abs(ranger[i] / slope + i + 1) < 1e-6 for i in range(5)) and ranger[4] < ranger[5] < 0
    holds &= climbs and radam[4] == 0 < radam[5] and turned[4] > 0
late = {slope: back(slope) for slope in (1.0, 128.0)}
print("back at the start by gradient, in steps:", late)
sys.exit(0 if holds and late[1.0] > 20 and late[128.0] > 500 else 1)
PY
