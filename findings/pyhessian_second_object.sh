#!/usr/bin/env bash
# PyHessian's second object on a model holds the sum of both Hessians.
#
# One would guess: hessian(model, criterion, data=...) is of its own data, however often it is called.
# True: each construction adds its gradient to the parameters' grad without clearing it first. Two objects
# made one after the other, as for two batches: the second's eigenvalue is that of the sum, twice the
# right one for equal data, without a word. eigenvalues() and trace() clear the gradient, so that the
# order of the calls decides.
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
X, y = torch.randn(200, 6), torch.arange(200) % 3
model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
pair = [hessian(model, torch.nn.CrossEntropyLoss(), data=(X, y), cuda=False) for _ in range(2)]
first, second = [each.eigenvalues(tol=1e-6, maxIter=2000)[0][0] for each in pair]
print("PyHessian 0.1, torch", torch.__version__, "largest eigenvalue of the same data: first", first, "second", second)
sys.exit(0 if abs(second / first - 2) < 1e-3 else 1)
PY
v/bin/python run.py
