#!/usr/bin/env bash
# SciPy's LOBPCG takes its random start for the eigenvector where a network is large or flat, and says nothing.
#
# One would guess: without `tol` the largest eigenvalue of a Hessian comes out right to some digits at any scale, as by
# `eigsh`, or a warning says that it did not converge.
# True: the tolerance is the length of the residual itself, not its share of the eigenvalue, and where nothing is asked
# for it is 1.5e-8 times the number of weights: 0.025 for 1.7 million. There the residual of a random vector is
# 0.001 times the largest eigenvalue, so up to an eigenvalue of some 25 the start itself is good enough. It is returned
# with its own quotient, near the mean of all eigenvalues: a thousandth of the largest one. At an eigenvalue of 100 the
# same call is right. So networks of sharpness 100 and 10 look ten thousand times apart, and a larger network flat.
# With tol = 0.001 x a first guess of the eigenvalue all are right.
# Here: Lanczos' method, which ends by an error relative to the eigenvalue and tells its residual.
# Needs Python 3 with venv and pip.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 v/bin/python - <<'PY'
import sys
import warnings
import numpy as np
import scipy
from scipy.sparse.linalg import LinearOperator, eigsh, lobpcg


def hessian(largest, weights):
    """As of a network of ten classes: nine outliers, and a bulk of about a thousandth of the largest one."""
    values = np.random.default_rng(1).exponential(largest / 1000, weights)
    values[:9] = largest * np.linspace(1, 0.2, 9)
    return LinearOperator((weights, weights), dtype=float, matvec=lambda v: values * v.ravel(),
                          matmat=lambda vectors: values[:, None] * vectors)


print(f"SciPy {scipy.__version__}: what is found of the largest eigenvalue, a share of 1 is right")
plain, asked = {}, {}
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    for weights in (1000, 100_000, 1_700_000):
        start = np.random.default_rng(0).standard_normal((weights, 1))
        for largest in (100, 10, 1, 0.1):
            key, matrix = (weights, largest), hessian(largest, weights)
            plain[key] = lobpcg(matrix, start.copy(), maxiter=100)[0][0] / largest
            asked[key] = lobpcg(matrix, start.copy(), maxiter=100, tol=largest / 1000)[0][0] / largest
            print(f"{weights:9,} weights, largest {largest:5g}: {plain[key]:.4f}, with tol {asked[key]:.4f}")
by_eigsh = eigsh(hessian(0.1, 100_000), 1, tol=1e-3, return_eigenvectors=False)[0] / 0.1
print(f"eigsh, 100,000 weights, largest 0.1: {by_eigsh:.4f}; warnings: {len(said)}")
lost = [key for key, share in plain.items() if share < 0.01]
is_right = all(abs(share - 1) < 1e-3 for share in [*asked.values(), by_eigsh])
is_right_else = all(abs(share - 1) < 1e-3 for key, share in plain.items() if key not in lost)
expected = [(100_000, 0.1), (1_700_000, 10), (1_700_000, 1), (1_700_000, 0.1)]
sys.exit(0 if lost == expected and is_right and is_right_else and not said else 1)
PY
