#!/usr/bin/env bash
# A row's bits depend on how many rows OpenBLAS is asked for at once.
#
# One would guess: row i of A B is made of dot products of row i of A with the columns of B, so it has the
# same bits whether 1, 100 or 128 rows of A are given.
# True: with the AVX2 kernels (Haswell, Zen) it has not: blocks of different height add in different
# order. Two programs that cut one batch differently part in the last bit, and training amplifies it.
# Needs Python 3 with venv and an x86-64 processor with AVX2. Here: a batch is cut in one fixed way.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 scipy-openblas32==0.3.34.0.0
cat >run.py <<'PY'
import ctypes
import os
import sys

import numpy as np

os.environ["OPENBLAS_CORETYPE"] = "Haswell"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
import scipy_openblas32 as openblas

library = ctypes.CDLL(os.path.join(openblas.get_lib_dir(), openblas.get_library(fullname=True)))
core = library.scipy_openblas_get_corename
core.restype = ctypes.c_char_p
F = ctypes.c_float
random = np.random.default_rng(0)
A = random.standard_normal((128, 3072), dtype=np.float32)
B = random.standard_normal((3072, 512), dtype=np.float32)


def product(rows):
    C = np.zeros((rows, 512), np.float32)
    pointer = lambda x: x.ctypes.data_as(ctypes.POINTER(F))
    library.scipy_cblas_sgemm(101, 111, 111, rows, 512, 3072, F(1), pointer(A), 3072, pointer(B), 512, F(0), pointer(C), 512)
    return C


whole = product(128)
shares = {rows: float((product(rows) != whole[:rows]).mean()) for rows in (1, 3, 5, 7, 13, 64, 127)}
print("OpenBLAS", openblas.__version__, core().decode(), "share of values with other bits, by rows", shares)
sys.exit(0 if max(shares.values()) > 0.001 else 1)
PY
v/bin/python run.py
