#!/usr/bin/env bash
# CoLA's eigenvalue of largest magnitude is another one by each algorithm where the largest is negative.
#
# One would guess: of a Hessian with eigenvalues -9, 8 and small ones `eigmax` and `eig(which="LM")` give -9, as
# "LM" does in SciPy. Power iteration may take long, as the signs alternate.
# True: Lanczos and dense `Eigh` give 8, the largest one, and `SM`, the smallest magnitude, gives -9: both sort by
# value. Power iteration, the choice for one eigenvalue where nothing is asked for, ends early with a number that
# is no eigenvalue. Where the dominant one is positive all agree.
# Here: `lambda-max` is the largest by value, with its residual; a test has a larger negative one beside it.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6 scipy==1.17.1 cola-ml==0.0.7
v/bin/python -W ignore - <<'PY'
import sys
from importlib.metadata import version
import torch
import cola
from cola.linalg import Eigh, Lanczos, PowerIteration, eig, eigmax
from scipy.sparse.linalg import eigsh


def matrix(seed, *large):
    torch.manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(60, 60, dtype=torch.float64))[0]
    small = torch.rand(57, dtype=torch.float64) * 2 - 1
    whole = (basis * torch.cat([torch.tensor(large, dtype=torch.float64), small])) @ basis.T
    return (whole + whole.T) / 2


def answers(dense):
    hessian = cola.SelfAdjoint(cola.ops.Dense(dense))
    one = lambda which, algorithm: round(eig(hessian, 1, which, algorithm)[0].item(), 3)
    return {
        "scipy LM": round(float(eigsh(dense.numpy(), 1, which="LM")[0][0]), 3),
        "Lanczos LM": one("LM", Lanczos(max_iters=60)),
        "Eigh LM": one("LM", Eigh()),
        "Eigh SM": one("SM", Eigh()),
        "power LM": one("LM", PowerIteration(max_iter=1000)),
        "eigmax": round(eigmax(hessian).item(), 3),
    }


negative = [answers(matrix(seed, -9.0, 8.0, 3.0)) for seed in (0, 1, 2)]
positive = answers(matrix(0, 9.0, 8.0, 3.0))
print(f"CoLA {version('cola-ml')}; eigenvalues -9, 8, 3 and small ones:", *negative, sep="\n  ")
print("with 9, 8, 3:", positive)
by_value = all(each["Eigh LM"] == each["Lanczos LM"] == 8 and each["Eigh SM"] == -9 for each in negative)
is_none = all(min(abs(each["eigmax"] - value) for value in (-9, 8, 3)) > 0.5 for each in negative)
is_right = all(each["scipy LM"] == -9 for each in negative) and abs(positive["eigmax"] - 9) < 0.01
sys.exit(0 if by_value and is_none and is_right else 1)
PY
