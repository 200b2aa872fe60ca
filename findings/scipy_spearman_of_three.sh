#!/usr/bin/env bash
# SciPy's Spearman gives p = 0 for three points in order.
#
# One would guess: three cells whose sharpness and learning rate stand in the same order prove little:
# one of the six orders, so that an exact two-sided p is 1/3.
# True: kendalltau says 1/3; spearmanr's default p comes from Student's t at a correlation of 1, which is
# infinite: p = 0, for three points as for a thousand. With the exact test (permutation_test) it is 1/3.
# A table of rank correlations over three or four learning rates is full of "p < 0.001".
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip -q --disable-pip-version-check install numpy==2.3.5 scipy==1.16.3
v/bin/python - <<'PY'
import sys
import scipy
from scipy import stats
rates, sharpness = [1e-3, 1e-2, 1e-1], [0.80, 0.11, 0.01]
spearman = stats.spearmanr(rates, sharpness).pvalue
kendall = stats.kendalltau(rates, sharpness).pvalue
exact = stats.permutation_test(
    (rates,), lambda x: stats.spearmanr(x, sharpness).statistic, permutation_type="pairings"
).pvalue
print(f"SciPy {scipy.__version__}: p of three points in order: spearmanr {spearman}, "
      f"kendalltau {kendall:.4f}, permutations {exact:.4f}")
sys.exit(0 if spearman == 0 and abs(kendall - 1 / 3) < 1e-9 and abs(exact - 1 / 3) < 1e-9 else 1)
PY
