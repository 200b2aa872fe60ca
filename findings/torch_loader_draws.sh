#!/usr/bin/env bash
# In PyTorch, evaluating a network changes how its training goes on, and which directions are drawn.
#
# One would guess: a pass over a DataLoader that does not shuffle draws no random number.
# True: every pass takes one from the global generator, for workers that need not exist. With one seed, the
# second epoch of a shuffling loader has another order if test images were evaluated after the first; and a
# direction drawn after an evaluation is another one. To measure more often is then to train another network.
# A loader with a generator of its own leaves the global one alone.
# Here: order and directions come from streams of their own, and a measure needs no training again.
# Needs Python 3 with venv; installs PyTorch (some 3 GB).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6
cat >run.py <<'PY'
import sys

import torch
from torch.utils.data import DataLoader, TensorDataset

images = TensorDataset(torch.arange(8))


def run(evaluation):
    """Order of the second epoch, and the first number of a direction, after an evaluation or none."""
    torch.manual_seed(0)
    training = DataLoader(images, batch_size=4, shuffle=True)
    for _ in training:
        pass
    if evaluation is not None:
        for _ in evaluation:
            pass
    order = [int(i) for (batch,) in training for i in batch]
    return order, round(torch.randn(3)[0].item(), 4)


plain = run(None)
evaluated = run(DataLoader(images, batch_size=4))
own = run(DataLoader(images, batch_size=4, generator=torch.Generator()))
print("torch 2.6.0, second epoch and a direction, nothing evaluated:", *plain)
print("test images evaluated after the first epoch:", *evaluated)
print("the same by a loader with its own generator:", *own)
sys.exit(0 if plain[0] != evaluated[0] and plain[1] != evaluated[1] and own == plain else 1)
PY
v/bin/python run.py
