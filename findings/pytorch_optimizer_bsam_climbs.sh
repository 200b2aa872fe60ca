#!/usr/bin/env bash
# pytorch_optimizer's bSAM never takes its perturbation back: it climbs out of a bowl, even with a learning rate of 0.
#
# One would guess: bSAM (Möllenhoff and Khan, arXiv 2210.01620) moves the weights by noise and by the step that
# raises the loss, takes a gradient there, returns, and then goes down. A learning rate of 0 leaves the weights.
# True: noise and ascent stay in the weights. The descent is short: the gradient enters its momentum multiplied by
# `weight_decay`, 1e-4 where nothing else is asked for. So each step raises the loss. SAM of the same package returns.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6 pytorch_optimizer==4.1.0
v/bin/python -W ignore - <<'PY'
import sys
from importlib.metadata import version
import torch
from pytorch_optimizer import BSAM, SAM

curvatures = torch.tensor([1.0, 5.0])


def descend(make, steps=10):
    """Losses of a bowl before and after some steps."""
    torch.manual_seed(0)
    weights = torch.nn.Parameter(torch.tensor([3.0, -2.0]))
    optimizer = make([weights])

    def closure():
        optimizer.zero_grad()
        loss = (curvatures * weights**2).sum() / 2
        loss.backward()
        return loss

    losses = [closure().item()]
    for _ in range(steps):
        optimizer.step(closure)
        losses.append(closure().item())
    return losses


rest = descend(lambda weights: BSAM(weights, num_data=50_000, lr=0.0))
usual = descend(lambda weights: BSAM(weights, num_data=50_000))
plain = descend(lambda weights: SAM(weights, torch.optim.SGD, lr=0.1))
short = [f"{losses[0]:.2f} to {losses[-1]:.2f}" for losses in (rest, usual, plain)]
print(f"pytorch_optimizer {version('pytorch_optimizer')}, ten steps in a bowl: bSAM with rate 0 {short[0]}, "
      f"with its own rate of 0.5 {short[1]}; SAM {short[2]}")
climbs = all(after > before for losses in (rest, usual) for before, after in zip(losses[:4], losses[1:4]))
sys.exit(0 if climbs and min(rest[-1], usual[-1]) > 2 * rest[0] and plain[-1] < plain[0] else 1)
PY
