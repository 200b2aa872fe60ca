#!/usr/bin/env bash
# PyTorch's OneCycleLR and CyclicLR turn SGD without momentum into SGD with a momentum of up to 0.95.
#
# One would guess: a schedule of the learning rate changes the learning rate, and SGD(lr=...) stays without momentum.
# True: both cycle the momentum as well (cycle_momentum=True), and "without" is a momentum of 0 to them: it is
# overwritten with 0.95 falling to 0.85, or 0.9 falling to 0.8. So the steps are up to 20 times as long as the learning
# rate says: on the quadratic below plain SGD comes down to the minimum from one side at these rates, and the scheduled
# one swings through it. A momentum of 0.9 is overwritten, too, and so is Adam's beta1. Nothing is said.
# A comparison of SGD with and without momentum under this schedule compares one optimizer with itself.
# Here: the learning rate is constant, and the momentum is what the optimizer's name says.
# Needs Python 3 with venv; installs PyTorch (some 3 GB).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6
cat >run.py <<'PY'
import sys
import torch
from torch.optim.lr_scheduler import CyclicLR, OneCycleLR

CURVATURE, STEPS = 1.0, 40


def followed(momentum, schedule):
    """Momenta, learning rates and weights of SGD on CURVATURE w^2 / 2 from w = 1."""
    weight = torch.ones(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1, momentum=momentum)
    scheduler = schedule(optimizer)
    rows = []
    for _ in range(STEPS):
        group = optimizer.param_groups[0]
        rows.append((group["momentum"], group["lr"], weight.item()))
        weight.grad = CURVATURE * weight.detach()
        optimizer.step()
        scheduler.step()
    return torch.tensor(rows, dtype=torch.float64).T


schedules = {
    "OneCycleLR": lambda optimizer, **more: OneCycleLR(optimizer, max_lr=0.1, total_steps=STEPS + 1, **more),
    "CyclicLR": lambda optimizer, **more: CyclicLR(optimizer, base_lr=0.01, max_lr=0.1, step_size_up=20, **more),
}
print(f"PyTorch {torch.__version__}, {STEPS} steps on a quadratic of curvature {CURVATURE:g}, from w = 1")
is_same = []
for name, schedule in schedules.items():
    plain, asked = followed(0, schedule), followed(0.9, schedule)
    kept = followed(0, lambda optimizer: schedule(optimizer, cycle_momentum=False))
    print(f"SGD(momentum=0) with {name}: momentum from {plain[0].max():.2f} down to {plain[0].min():.2f}, "
          f"w from {plain[2].min():.3f} to {plain[2].max():.3f}; as with momentum=0.9: {plain.equal(asked)}; "
          f"with cycle_momentum=False momentum {kept[0].max():g}, w from {kept[2].min():.3f} to {kept[2].max():.3f}, "
          f"at the same rates: {kept[1].equal(plain[1])}")
    is_same.append(plain.equal(asked) and kept[1].equal(plain[1]) and plain[0].min() > 0.79
                   and kept[0].max() == 0 and kept[2].min() > 0 > plain[2].min())
sys.exit(0 if all(is_same) else 1)
PY
v/bin/python -W ignore run.py
