#!/usr/bin/env bash
# PyHessian's largest eigenvalue is not within its tolerance, and always too low.
#
# One would guess: eigenvalues(tol=1e-3), the default, are known to about a thousandth.
# True: power iteration ends where one step changes the value by less than that, and steps are short where the
# next eigenvalue is near. Here no start of 100 comes within a thousandth, each ends below the exact value,
# the median by 0.6 %, the worst by 8 %. So 2 / learning rate looks further away than it is.
# Here: Lanczos's method until the residual is small, and the residual with every value; one with more than 1 %
# stands in no table.
# Needs Python 3 with venv; installs PyTorch (some 3 GB).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6 PyHessian==0.1
cat >run.py <<'PY'
import sys
import warnings

import torch
from pyhessian import hessian

warnings.filterwarnings("ignore")
torch.manual_seed(0)
images, labels = torch.randn(400, 20), torch.arange(400) % 10
model = torch.nn.Sequential(torch.nn.Linear(20, 16), torch.nn.Tanh(), torch.nn.Linear(16, 10))
criterion = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for _ in range(1000):
    optimizer.zero_grad()
    criterion(model(images), labels).backward()
    optimizer.step()
shapes = {name: p.shape for name, p in model.named_parameters()}


def loss(flat):
    parts = flat.split([shape.numel() for shape in shapes.values()])
    named = {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts)}
    return criterion(torch.func.functional_call(model, named, (images,)), labels)


weights = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
whole = torch.autograd.functional.hessian(loss, weights).double()
exact = float(torch.linalg.eigvalsh((whole + whole.T) / 2)[-1])
low = []
for seed in range(100):
    model.zero_grad()
    torch.manual_seed(seed)
    [value], _ = hessian(model, criterion, data=(images, labels), cuda=False).eigenvalues(tol=1e-3)
    low.append(1 - value / exact)
low.sort()
within = sum(abs(error) < 1e-3 for error in low)
print(f"PyHessian 0.1, torch {torch.__version__}, largest eigenvalue {exact:.4f}: {within} of 100 starts within 1e-3,")
print(f"too low by {low[0]:.4f} to {low[-1]:.4f}, median {low[50]:.4f}")
sys.exit(0 if within < 10 and low[0] > 0 and low[-1] > 0.03 else 1)
PY
v/bin/python run.py
