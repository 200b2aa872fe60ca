#!/usr/bin/env bash
# Norms and dot products of a million float32 numbers are off in PyTorch, JAX and NumPy; sums of squares are right.
#
# One would guess: x.norm(), vdot(x, x) and linalg.norm(x) are at least as exact as sum(x * x), which rounds every square.
# True: on a processor sum() adds in pairs and is right within 2e-7. The others add one number after another into a
# few float32 numbers. Of 1.7 million normal numbers PyTorch's norm is 2e-5 too small, NumPy's 3e-6, and the root of
# JAX's vdot 5e-4; of 10 million 4e-4, 5e-5 and 8e-3: so v'Hv by jnp.vdot loses 1.6 % there. Of equal numbers, such
# as the steps of a sign rule, it is worse. jnp.linalg.norm is right, and so is PyTorch's with dtype=torch.float64.
# With norms directions are scaled and weights, distances and gradients told; eigenvalues are quotients of such
# products. Here: norms and products of long vectors are added up in float64.
# Needs Python 3 with venv; installs PyTorch (some 3 GB).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6 jax==0.7.2
cat >run.py <<'PY'
import sys

import jax.numpy as jnp
import numpy as np
import torch

torch.set_num_threads(1)
draw = np.random.default_rng(0)
vectors = {
    "1.7 million normal": draw.standard_normal(1_700_000, dtype=np.float32),
    "10 million normal": draw.standard_normal(10_000_000, dtype=np.float32),
    "1.7 million equal": np.full(1_700_000, 1e-3, np.float32),
}
ways = {
    "PyTorch 2.6.0, norm()": lambda x: torch.from_numpy(x).norm().item(),
    "PyTorch, root of the sum of squares": lambda x: torch.from_numpy(x).square().sum().sqrt().item(),
    "JAX 0.7.2, root of vdot": lambda x: float(jnp.vdot(x, x)) ** 0.5,
    "JAX, linalg.norm": lambda x: float(jnp.linalg.norm(jnp.asarray(x))),
    "NumPy 2.4.6, linalg.norm": lambda x: float(np.linalg.norm(x)),
    "NumPy, root of the sum of squares": lambda x: float(np.sum(x * x)) ** 0.5,
}
errors = {
    way: [float(take(x)) / np.sqrt(np.sum(x.astype(np.float64) ** 2)) - 1 for x in vectors.values()]
    for way, take in ways.items()
}
print("relative errors of", ", ".join(f"{name} numbers" for name in vectors))
for way, found in errors.items():
    print(f"{way}: " + ", ".join(f"{error:.1e}" for error in found))
worst = {way: max(abs(error) for error in found) for way, found in errors.items()}
off = [worst[way] > 1e-5 for way in ways if "norm()" in way or "vdot" in way or "NumPy 2" in way]
right = [worst[way] < 5e-7 for way in ways if "root of the sum" in way or way == "JAX, linalg.norm"]
sys.exit(0 if all(off) and all(right) and worst["JAX 0.7.2, root of vdot"] > 1e-3 else 1)
PY
v/bin/python run.py
