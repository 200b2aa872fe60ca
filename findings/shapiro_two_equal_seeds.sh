#!/usr/bin/env bash
# Two equal values among three seeds, and the Shapiro-Wilk test is certain (p = 8e-16) that they are not normal.
#
# One would guess: with three seeds a test of normality can find nothing, so it does no harm to run it first and take a
# rank test where it rejects.
# True: for three values its statistic is never below 0.75, and that is where two are equal: p is 0, but for rounding.
# 71.2, 71.2 and 71.9 percent right have p = 8e-16, as has 1, 1 and 1.000000001. Normal values that are rounded to a
# half of their standard deviation are "not normal" at 5 % in a third of studies, to a fifth of it in one of six. What
# it should find it does not: of three values from a lognormal distribution, of which one in ten is above 13 times the
# median, it rejects a fifth, of exponential ones a thirteenth. So digits decide which test is made, and in favour of
# rank tests, which with three against three cannot reach 5 % (see scipy_ranks_of_three.sh).
# Epochs at a stop and accuracies to one decimal tie that often. With ten seeds the third is a ninth.
# Here: no test of normality is made.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1
v/bin/python -W ignore - <<'PY'
import sys

import numpy as np
import scipy
from scipy.stats import shapiro

random = np.random.default_rng(0)


def rejected(draw, seeds=3, studies=4000):
    """The share of studies with p below 0.05, of those whose values are not all equal."""
    values = (draw(seeds) for _ in range(studies))
    return np.mean([shapiro(each).pvalue < 0.05 for each in values if np.ptp(each) > 0])


def rounded(digits):
    return lambda seeds: np.round(random.normal(0, digits, seeds))


print(f"SciPy {scipy.__version__}")
tied = [shapiro(values).pvalue for values in ([71.2, 71.2, 71.9], [1, 1, 1.000000001])]
print(f"p of 71.2, 71.2, 71.9: {tied[0]:.1e}; of 1, 1, 1.000000001: {tied[1]:.1e}; of 1, 2, 3: {shapiro([1, 2, 3]).pvalue:.2f}")
cases = {
    "normal": random.standard_normal,
    "normal, rounded to 1/5 of its deviation": rounded(5),
    "normal, rounded to 1/2 of its deviation": rounded(2),
    "exponential": lambda seeds: random.exponential(size=seeds),
    "lognormal, deviation of logarithms 2": lambda seeds: random.lognormal(0, 2, seeds),
}
share = []
for name, draw in cases.items():
    share.append((rejected(draw), rejected(draw, 10)))
    print(f"{name}: {share[-1][0]:.3f} of 4,000 studies of three seeds are called not normal, {share[-1][1]:.3f} of ten")
three = np.array(share)[:, 0]
good = (max(tied) < 1e-12 and 0.04 < three[0] < 0.06 and 0.12 < three[1] < 0.2 and three[2] > 0.3
        and three[3] < 0.1 and three[4] < 0.25)
sys.exit(0 if good else 1)
PY
