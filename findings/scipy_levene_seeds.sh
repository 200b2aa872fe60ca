#!/usr/bin/env bash
# SciPy's test of equal spreads finds a difference between any two pairs of seeds, and none between any two triples.
#
# One would guess: levene with two or three seeds a cell is weak: it sees a spread that is ten thousand times as large,
# and errs in 5 % of cases where the spreads are equal.
# True: its default measures from each cell's median. Of two seeds both lie equally far from it, so nothing is left to
# compare with: p is 0, or next to it, for spreads of 1 and 1.1 as well. Of three seeds one is the median; p stays above
# 0.1, whatever the others are. bartlett says what one expects in both cases. From six seeds on levene works.
# Whether a large learning rate makes sharpness less certain is such a question.
# Here: no spreads are tested.
# Needs Python 3 with venv and pip.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1
v/bin/python -W ignore - <<'PY'
import sys
import numpy as np
import scipy
from scipy.stats import bartlett, levene

random = np.random.default_rng(0)


def values(test, seeds, ratio, draws=1000):
    cells = [(random.normal(size=seeds), random.normal(0, ratio, seeds)) for _ in range(draws)]
    return np.array([test(*pair).pvalue for pair in cells])


found = {}
print(f"SciPy {scipy.__version__}, NumPy {np.__version__}; 1,000 pairs of cells each")
for seeds in (2, 3, 6):
    for test in (levene, bartlett):
        for ratio in (1, 10_000):
            p = found[seeds, test.__name__, ratio] = values(test, seeds, ratio)
            print(f"{seeds} seeds, spreads 1 : {ratio:6}, {test.__name__:8}: p < 0.05 in {np.mean(p < 0.05):6.1%}, "
                  f"p from {p.min():.2g} to {p.max():.2g}")
by_hand = levene([1, 2], [1, 2.1]).pvalue
print(f"levene([1, 2], [1, 2.1]): p = {by_hand}")
rate = {key: np.mean(p < 0.05) for key, p in found.items()}
is_pair = by_hand < 1e-20 and rate[2, "levene", 1] == 1
is_triple = rate[3, "levene", 1] == rate[3, "levene", 10_000] == 0 and found[3, "levene", 10_000].min() > 0.1
is_right = rate[3, "bartlett", 10_000] > 0.9 and rate[6, "levene", 10_000] > 0.7
sys.exit(0 if is_pair and is_triple and is_right else 1)
PY
