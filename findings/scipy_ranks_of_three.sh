#!/usr/bin/env bash
# SciPy's rank tests call three seeds against three different at 5 %, which no order of six values can be.
#
# One would guess: of three against three there are 20 orders, so a two-sided p is 0.1 at the least, from any rank test;
# mannwhitneyu takes the exact one for few values ("auto") and says 0.1.
# True: it does, until two values are equal, as epochs at a stop or rounded accuracies are: then it takes the normal
# distribution and says 0.047. kruskal and ranksums always do, and say 0.0495: of equal cells they call one in ten
# different where they promise one in twenty. anderson_ksamp says 0.027. method="exact" says 0.1 for equal values, too,
# and so does permutation_test.
# With three cells it is the other way: the exact p of perfect order is 0.0036, and kruskal says 0.027.
# Here: seeds are compared by paired t intervals; no rank test is made of them.
# Needs Python 3 with venv and pip.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 v/bin/python -W ignore - <<'PY'
import sys
import numpy as np
import scipy
from scipy.stats import anderson_ksamp, kruskal, mannwhitneyu, permutation_test, ranksums

tests = {
    "mannwhitneyu": lambda *cells: mannwhitneyu(*cells).pvalue,
    "mannwhitneyu, exact": lambda *cells: mannwhitneyu(*cells, method="exact").pvalue,
    "permutation_test": lambda *cells: permutation_test(cells, lambda x, y: mannwhitneyu(x, y).statistic).pvalue,
    "kruskal": lambda *cells: kruskal(*cells).pvalue,
    "ranksums": lambda *cells: ranksums(*cells).pvalue,
    "anderson_ksamp": lambda *cells: anderson_ksamp(cells).pvalue,
}
apart = {"1 2 3 | 4 5 6": ([1, 2, 3], [4, 5, 6]), "6 6 6 | 9 9 9 (epochs)": ([6, 6, 6], [9, 9, 9])}
print(f"SciPy {scipy.__version__}: p of three seeds against three")
found = {(test, cells): tests[test](*apart[cells]) for cells in apart for test in tests}
for (test, cells), p in found.items():
    print(f"{cells}: {test} {p:.4f}")
distinct, equal = apart

random = np.random.default_rng(0)
called = {test: 0 for test in ("mannwhitneyu", "kruskal", "ranksums")}
for _ in range(2000):
    cells = random.normal(size=(2, 3))
    for test in called:
        called[test] += tests[test](*cells) < 0.05
rates = {test: count / 2000 for test, count in called.items()}
print("2,000 pairs of equal cells, p < 0.05:", ", ".join(f"{test} {rate:.1%}" for test, rate in rates.items()))

three = ([1, 2, 3], [4, 5, 6], [7, 8, 9])
exact = permutation_test(three, lambda *cells: kruskal(*cells).statistic, permutation_type="independent",
                         alternative="greater", n_resamples=10_000).pvalue
print(f"three cells in order: kruskal {kruskal(*three).pvalue:.4f}, exact {exact:.4f}")
right = [found[test, cells] for test in ("mannwhitneyu, exact", "permutation_test") for cells in apart]
is_exact = np.allclose([*right, found["mannwhitneyu", distinct]], 0.1)
too_small = [found["mannwhitneyu", equal], *(found[test, distinct] for test in ("kruskal", "ranksums", "anderson_ksamp"))]
is_often = rates["mannwhitneyu"] == 0 and 0.07 < rates["kruskal"] < 0.13 and rates["kruskal"] == rates["ranksums"]
sys.exit(0 if is_exact and max(too_small) < 0.05 and is_often and exact < 0.005 and kruskal(*three).pvalue > 0.02 else 1)
PY
