#!/usr/bin/env bash
# hessian-eigenthings' Lanczos gives copies of the largest eigenvalue when it is given more steps.
#
# One would guess: more steps make eigenvalues better.
# True: above 50 steps it no longer orthogonalises against all vectors before, and the five largest
# eigenvalues become five times the largest one; with 50 steps they are right.
# Needs Python 3 with venv; installs PyTorch (some 3 GB).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6 hessian-eigenthings==1.0.0a5
cat >run.py <<'PY'
import sys
import warnings

import torch
from hessian_eigenthings import HessianOperator, lanczos

warnings.filterwarnings("ignore")
torch.manual_seed(0)
X, y = torch.randn(400, 12), torch.arange(400) % 5
model = torch.nn.Sequential(torch.nn.Linear(12, 24), torch.nn.Tanh(), torch.nn.Linear(24, 5))
loss = lambda network, batch: torch.nn.functional.cross_entropy(network(batch[0]), batch[1])
names, parts = zip(*model.named_parameters())


def whole(flat):
    pieces = torch.split(flat, [part.numel() for part in parts])
    values = {name: piece.reshape(part.shape) for name, part, piece in zip(names, parts, pieces)}
    return torch.nn.functional.cross_entropy(torch.func.functional_call(model, values, (X,)), y)


flat = torch.cat([part.detach().reshape(-1) for part in parts])
exact = torch.linalg.eigvalsh(torch.func.hessian(whole)(flat)).flip(0)[:5].tolist()
operator = HessianOperator(model, [(X, y)], loss)


def largest(steps):
    return sorted((float(value) for value in lanczos(operator, k=5, max_iter=steps, tol=1e-12, seed=0, which="LA").eigenvalues), reverse=True)


short, long = largest(50), largest(200)
print("hessian-eigenthings 1.0.0a5: exact", exact, "50 steps", short, "200 steps", long)
near = lambda a, b: abs(a - b) < 0.02 * abs(b)
sys.exit(0 if all(map(near, short, exact)) and not all(map(near, long, exact)) else 1)
PY
v/bin/python run.py
