#!/usr/bin/env bash
# statsmodels says that 2.2 seeds are enough for 90 % power, "converged", where the power is 6 %.
#
# One would guess: TTestPower().solve_power gives the number of pairs at which power() is what was asked for,
# or says that it failed.
# True: for effects of some five standard deviations, as a learning rate has on sharpness, SciPy's noncentral
# t is NaN far out in the other tail, so power() is NaN here and there (0.271 is right at three seeds, five
# deviations, alpha = 0.05 / 12). The search takes the jump to NaN for the root and says "converged": 2.24
# seeds where 4.29 are right. Smaller effects are right. Here: no power is computed.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check statsmodels==0.14.6 scipy==1.17.1 numpy==2.4.6
cat >run.py <<'PY'
import sys
import numpy as np
from scipy.optimize import brentq
from scipy.stats import nct, t
from statsmodels.stats.power import TTestPower

EFFECT, ALPHA, POWER = 5, 0.05 / 12, 0.9
def right(seeds):
    """The upper tail alone; the lower one is below 1e-17 here."""
    return nct.sf(t.isf(ALPHA / 2, seeds - 1), seeds - 1, EFFECT * np.sqrt(seeds))

drawn = np.random.default_rng(1).normal(EFFECT, 1, (200_000, 3))
found = np.abs(drawn.mean(1)) / (drawn.std(1, ddof=1) / np.sqrt(3)) > t.isf(ALPHA / 2, 2)
solver = TTestPower()
at_three = solver.power(EFFECT, 3, ALPHA)
print(f"statsmodels 0.14.6, SciPy 1.17.1: power with 3 seeds {at_three}, right {right(3):.3f}, of 200,000 draws {found.mean():.3f}")
seeds = solver.solve_power(effect_size=EFFECT, alpha=ALPHA, power=POWER)
flag = solver.cache_fit_res[1].flag
print(f"seeds for 90 % power: {seeds:.2f} ({flag}), power there {solver.power(EFFECT, seeds, ALPHA):.3f}, right {brentq(lambda n: right(n) - POWER, 1.5, 50):.2f}")
small = solver.solve_power(effect_size=1, alpha=0.05, power=POWER)
print(f"for one standard deviation and alpha = 0.05: {small:.2f}")
as_found = np.isnan(at_three) and abs(found.mean() - right(3)) < 0.005 and flag == "converged" and seeds < 2.5 and abs(small - 12.585) < 0.01
sys.exit(0 if as_found else 1)
PY
v/bin/python -W ignore run.py
