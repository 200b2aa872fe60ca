#!/usr/bin/env bash
# Kendall's tau of a value with a grid's factor cannot reach 1, and its bootstrap interval goes beyond what it can.
#
# One would guess: where every cell of a larger learning rate is flatter, tau is -1, so taus of factors compare.
# True: in a grid of three learning rates by three batch sizes 27 pairs of cells differ in the rate and 36 in
# sharpness, and tau-b divides by the root of their product: it ends at -0.87, where learning rate / batch size,
# which has no ties, may have -1. So a factor that explains every pair looks like one that explains most. Cells that
# a bootstrap draws twice tie in both, so its 95 % interval is -0.93 to -0.75, beyond what the grid can have.
# Somers' d (scipy.stats.somersd) leaves ties in the factor out: -1, in every draw.
# Here: ranks are compared by Somers' d, which is tau where nothing ties.
# Needs Python 3 with venv and pip.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
cat >run.py <<'PY'
import sys

import numpy as np
from scipy.stats import kendalltau, somersd

rates = np.repeat([1e-3, 1e-2, 1e-1], 3)
batches = np.tile([32, 128, 1024], 3)
sharpness = 1 / (rates * (1 + 0.01 * np.log2(batches)))
draw = np.random.default_rng(0)
found = {}
for name, correlate in {"kendalltau": kendalltau, "somersd": somersd}.items():
    draws = []
    for _ in range(1000):
        cells = draw.integers(0, 9, 9)
        if np.unique(rates[cells]).size > 1:
            draws.append(correlate(rates[cells], sharpness[cells]).statistic)
    value = correlate(rates, sharpness).statistic
    low, high = np.quantile(draws, [0.025, 0.975])
    found[name] = value, low, high
    print(f"SciPy 1.17.1, {name}: {value:.3f}, 95 % of bootstrap draws {low:.3f} to {high:.3f}")
tau, d = found["kendalltau"], found["somersd"]
print(f"tau of learning rate / batch size with itself: {kendalltau(rates / batches, rates / batches).statistic:.3f}")
sys.exit(0 if abs(tau[0] + 0.866) < 1e-3 and tau[1] < -0.9 and min(d) < -0.999 and max(d) < -0.999 else 1)
PY
v/bin/python run.py
