#!/usr/bin/env bash
# SciPy's Brunner-Munzel test finds a larger effect less often, and one that is large enough never.
#
# One would guess: the test for cells of unlike spread finds an effect the more surely the larger it is; with three
# seeds against three p is small where all values of one cell lie above those of the other.
# True: just then both variances of the ranks are 0, and p is NaN, with ten or thirty seeds a cell as well. With ten
# seeds two standard deviations are found in nine of ten studies, four in one of seven, ten never: NaN < 0.05 is false.
# The warning advises distribution="normal", which says p = 0, for three against three and for two against two, where
# an exact p is 0.1 and 1/3. Three seeds that are all but apart have p = 0.069.
# Here: seeds are compared by t intervals, which an effect of any size leaves finite.
# Needs Python 3 with venv and pip.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 v/bin/python -W ignore - <<'PY'
import sys
import numpy as np
import scipy
from scipy.stats import brunnermunzel, permutation_test

print(f"SciPy {scipy.__version__}")
pairs = {"two": ([1, 2], [3, 4]), "three": ([1, 2, 3], [4, 5, 6]), "all but apart": ([1, 2, 4], [3, 5, 6])}
found = {}
for name, cells in pairs.items():
    plain, normal = (brunnermunzel(*cells, distribution=by).pvalue for by in ("t", "normal"))
    exact = permutation_test(cells, lambda x, y: np.mean(x) - np.mean(y)).pvalue
    found[name] = plain, normal, exact
    print(f"{name}: {cells}: p = {plain:.4f}, normal {normal:.4f}, exact {exact:.4f}")

random = np.random.default_rng(0)
rates, missing = {}, {}
for seeds in (3, 10):
    for effect in (1, 2, 3, 4, 6, 10):
        p = [brunnermunzel(random.normal(size=seeds), random.normal(effect, 1, seeds)).pvalue for _ in range(500)]
        rates[seeds, effect], missing[seeds, effect] = np.mean(np.array(p) < 0.05), np.isnan(p).mean()
        print(f"{seeds:2} seeds a cell, {effect:2} standard deviations apart: p < 0.05 in {rates[seeds, effect]:.1%} of "
              f"500 studies, NaN in {missing[seeds, effect]:.1%}")
is_missing = all(np.isnan(found[name][0]) and found[name][1] == 0 for name in ("two", "three"))
is_exact = np.allclose([p[2] for p in found.values()], [1 / 3, 0.1, 0.2]) and 0.05 < found["all but apart"][0] < 0.1
falls = rates[10, 2] > 0.8 > 0.3 > rates[10, 4] and rates[10, 10] == rates[3, 10] == 0
sys.exit(0 if is_missing and is_exact and falls and missing[10, 10] == 1 else 1)
PY
