#!/usr/bin/env bash
# PyTorch's update_bn does not give batch normalisation the variance of the data.
#
# One would guess: a pass of `torch.optim.swa_utils.update_bn` over the training set leaves mean and variance of all
# rows in the buffers, whatever the order and the batch size.
# True: it takes the mean of the batches' variances. What differs between batches is lost: with rows sorted by class
# the variance is a quarter of the data's, shuffled it is right. A last batch of few rows counts as much as a full
# one, for the mean as well. A network that is evaluated or measured after it is not the network on all rows.
# Here: statistics are of all rows at once, and `frozen` keeps those of the network's own logits.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6
v/bin/python -W ignore - <<'PY'
import sys
import torch
from torch.optim.swa_utils import update_bn
from torch.utils.data import DataLoader

torch.manual_seed(0)
# Ten classes whose centres are wider apart than their rows.
rows = (torch.randn(10, 1, 1) * 1.5 + torch.randn(10, 500, 1)).reshape(5000, 1).double()


def statistics(data, batch):
    layer = torch.nn.BatchNorm1d(1, affine=False).double()
    update_bn(DataLoader(data, batch_size=batch), layer)
    return layer.running_mean.item(), layer.running_var.item()


shuffled = rows[torch.randperm(5000)]
lone = torch.cat([shuffled, torch.full((2, 1), 9.0, dtype=torch.float64)])
found = {
    "all rows": (rows.mean().item(), rows.var().item()),
    "sorted by class": statistics(rows, 100),
    "shuffled": statistics(shuffled, 100),
    "two rows of 9 at the end": statistics(lone, 100),
    "all of these": (lone.mean().item(), lone.var().item()),
}
for name, (mean, variance) in found.items():
    print(f"torch {torch.__version__}, {name}: mean {mean:.3f}, variance {variance:.3f}")
true, by_class, mixed, small, whole = found.values()
is_seen = by_class[1] < 0.5 * true[1] and abs(mixed[1] / true[1] - 1) < 0.02
sys.exit(0 if is_seen and abs(small[0] - whole[0]) > 0.1 else 1)
PY
