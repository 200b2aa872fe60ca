#!/usr/bin/env bash
# PyTorch's norm of a million float32 numbers is wrong from the fifth digit on; the root of their sum of squares is not.
#
# One would guess: tensor.norm() is the better way, as (x ** 2).sum().sqrt() rounds every square.
# True: on the CPU torch.norm and torch.linalg.vector_norm add the squares one after the other into a few float32
# numbers; sum() adds in pairs. Of 1.7 million normal numbers the norm is 2e-5 too small, of 10 million 4e-4; of
# equal numbers, such as the steps of a sign rule, 7e-4 and 1e-3. The root of the sum is right within 2e-7.
# With norms directions are scaled and weights, distances and gradients told. norm(dtype=torch.float64) is right,
# too. Here: norms are added up in float64.
# Needs Python 3 with venv; installs PyTorch (some 3 GB).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6
cat >run.py <<'PY'
import sys

import torch

torch.set_num_threads(1)
torch.manual_seed(0)
errors = {"norm()": [], "norm in float64": [], "sum of squares": []}
for name, x in [
    ("1.7 million normal", torch.randn(1_700_000)),
    ("10 million normal", torch.randn(10_000_000)),
    ("1.7 million equal", torch.full((1_700_000,), 1e-3)),
]:
    right = x.double().norm().item()
    ways = {
        "norm()": x.norm(),
        "norm in float64": torch.linalg.vector_norm(x, dtype=torch.float64),
        "sum of squares": x.square().sum().sqrt(),
    }
    for way, value in ways.items():
        error = value.item() / right - 1
        errors[way].append(abs(error))
        print(f"torch 2.6.0, {name} numbers, {way}: relative error {error:.1e}")
ok = min(errors["norm()"]) > 5e-6 and max(errors["norm()"]) > 1e-4
sys.exit(0 if ok and max(errors["norm in float64"] + errors["sum of squares"]) < 5e-7 else 1)
PY
v/bin/python run.py
