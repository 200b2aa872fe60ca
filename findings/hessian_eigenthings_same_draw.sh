#!/usr/bin/env bash
# hessian-eigenthings' trace without a seed is the same draw every time.
#
# One would guess: trace(operator) without a seed takes new random directions at each call, or those that
# torch.manual_seed sets; the mean of many calls is better than one, their spread is its error.
# True: seed=None is a new generator with PyTorch's fixed first state. Ten calls under ten global seeds agree
# to the bit, so their spread of 0 says nothing; with ten seeds given they differ by several percent.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6 hessian-eigenthings==1.0.0a5
cat >run.py <<'PY'
import statistics
import sys

import torch
from hessian_eigenthings import HessianOperator, trace

torch.manual_seed(0)
X, y = torch.randn(400, 12), torch.arange(400) % 5
model = torch.nn.Sequential(torch.nn.Linear(12, 24), torch.nn.Tanh(), torch.nn.Linear(24, 5))
loss = lambda network, batch: torch.nn.functional.cross_entropy(network(batch[0]), batch[1])
operator = HessianOperator(model, [(X, y)], loss)


def traces(**options):
    found = []
    for seed in range(10):
        torch.manual_seed(seed)
        given = {"seed": seed} if options.get("is_given") else {}
        found.append(float(trace(operator, num_matvecs=30, method="hutchinson", **given).estimate))
    return found


without, given = traces(), traces(is_given=True)
spread = lambda values: statistics.stdev(values) / abs(statistics.mean(values))
print(f"hessian-eigenthings 1.0.0a5, torch 2.6.0: ten traces without a seed {len(set(without))} different, with seeds {len(set(given))}")
print(f"relative standard deviations {spread(without):.3f} and {spread(given):.3f}")
sys.exit(0 if len(set(without)) == 1 and len(set(given)) == 10 and spread(given) > 0.01 else 1)
PY
v/bin/python -W ignore run.py
