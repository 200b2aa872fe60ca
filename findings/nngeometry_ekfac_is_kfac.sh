#!/usr/bin/env bash
# NNGeometry's EKFAC is KFAC, to the last digit, until it is told to update its diagonal.
#
# One would guess: EKFAC (George et al., arXiv 1806.03884) keeps KFAC's eigenvectors and measures the eigenvalues
# anew, so its trace is that of the Fisher matrix itself, as a change of basis keeps a trace.
# True: `FIM(representation=PMatEKFAC)` gives KFAC's eigenvalues, here with a trace 17 % too high. Only after
# `update_diag(loader)`, a second pass over the data, is the trace right and the matrix nearer.
# Here: `hessian-trace` is a mean of exact products, with its standard error.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6 nngeometry==0.4
v/bin/python -W ignore - <<'PY'
import sys
from importlib.metadata import version
import torch
from nngeometry.metrics import FIM
from nngeometry.object import PMatDense, PMatEKFAC, PMatKFAC
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
rows = torch.randn(200, 4) * torch.tensor([1.0, 3.0, 0.3, 2.0])
labels = torch.randint(0, 3, (200,))
network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
loader = DataLoader(TensorDataset(rows, labels), batch_size=50)
exact = FIM(network, loader, PMatDense).trace().item()
kfac = FIM(network, loader, PMatKFAC).trace().item()
matrix = FIM(network, loader, PMatEKFAC)
fresh = matrix.trace().item()
matrix.update_diag(loader)
updated = matrix.trace().item()
print(f"NNGeometry {version('nngeometry')}, trace of the Fisher matrix: exact {exact:.4f}, KFAC {kfac:.4f}, "
      f"EKFAC {fresh:.4f}, after update_diag {updated:.4f}")
sys.exit(0 if fresh == kfac and abs(fresh / exact - 1) > 0.1 and abs(updated / exact - 1) < 1e-4 else 1)
PY
