#!/usr/bin/env bash
# The weight decay of torch_optimizer's SGDW is a constant pull towards minus infinity: it decays no weight.
#
# One would guess: SGDW is SGD with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101): each step takes
# learning rate x weight_decay x weight from the weight, so that all weights shrink towards 0.
# True: it takes learning rate x weight_decay, the number itself, from every weight, whatever its size and sign. Without
# a gradient positive weights fall through 0, negative ones grow in length, and 0 does not stay 0; a thousand times
# larger weights feel the same. In a bowl of curvature 1 the weights end at -weight_decay, not at 0, as if each had one
# more linear term in its loss. A decay of 1e-4 does so little that training looks as it should, whatever is set.
# pytorch_optimizer's SGDW shrinks; so does torch.optim.SGD, where this decay is the same rule without momentum.
# So a study of weight decay, norms and sharpness by this class has no weight decay in it.
# Here: no optimizer has a weight decay; each rule is tested against a float64 definition.
# Needs Python 3 with venv; installs PyTorch (some 3 GB).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6 torch_optimizer==0.3.0 pytorch_optimizer==4.1.0
v/bin/python -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
from pytorch_optimizer import SGDW as other
from torch_optimizer import SGDW

START = torch.tensor([1000.0, 1.0, 0.01, 0.0, -1.0], dtype=torch.float64)
RATE, DECAY, STEPS = 0.1, 0.05, 200


def trained(kind, curvature):
    """The weights after some steps in the bowl curvature x weight^2 / 2."""
    weight = START.clone().requires_grad_()
    rule = kind([weight], lr=RATE, weight_decay=DECAY)
    for _ in range(STEPS):
        weight.grad = curvature * weight.detach()
        rule.step()
    return weight.detach()


print(f"torch_optimizer {version('torch_optimizer')}, PyTorch {torch.__version__}, pytorch_optimizer {version('pytorch_optimizer')}")
print(f"weights {START.tolist()}, learning rate {RATE}, weight decay {DECAY}, after {STEPS} steps:")
kinds = {"torch_optimizer's SGDW": SGDW, "pytorch_optimizer's SGDW": other, "torch.optim.SGD": torch.optim.SGD}
flat = {name: trained(kind, 0) for name, kind in kinds.items()}
bowl = {name: trained(kind, 1) for name, kind in kinds.items()}
for name in kinds:
    print(f"  {name}: without a gradient {[round(x, 4) for x in flat[name].tolist()]},"
          f" in a bowl {[round(x, 4) for x in bowl[name].tolist()]}")
first, *others = kinds
shrunk = START * (1 - RATE * DECAY) ** STEPS
pulled = torch.allclose(flat[first], START - STEPS * RATE * DECAY) and torch.allclose(bowl[first][1:], torch.full((4,), -DECAY).double())
right = all(torch.allclose(flat[name], shrunk) and bowl[name][1:].abs().max() < 1e-6 for name in others)
sys.exit(0 if pulled and right else 1)
PY
