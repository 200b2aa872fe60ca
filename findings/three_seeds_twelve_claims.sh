#!/usr/bin/env bash
# With three seeds and twelve claims an effect of ten standard deviations is missed in three of ten studies.
#
# One would guess: an effect ten times as large as the seeds' spread is found whatever the correction is;
# more claims call for a few more seeds.
# True: two degrees of freedom make Holm's first threshold |t| > 15.4 for twelve claims and 4.3 for one. Five
# standard deviations are found in 27 % of studies with three seeds, 80 % with four, 99 % with five. So a
# claim that is added to a page can unsettle another one, and two more seeds do what no effect does.
# Here: claims of one factor are one family, and what is not found is called "not settled".
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
cat >run.py <<'PY'
import sys
import numpy as np
from scipy.stats import t

CLAIMS, ALPHA, STUDIES = 12, 0.05, 100_000
draw = np.random.default_rng(7)
def found(effect, seeds, claims):
    """The share of studies whose smallest p, that of a true effect, is below alpha / claims."""
    differences = draw.normal(effect, 1, (STUDIES, seeds))
    statistic = differences.mean(1) / (differences.std(1, ddof=1) / np.sqrt(seeds))
    return float(np.mean(2 * t.sf(np.abs(statistic), seeds - 1) < ALPHA / claims))

print(f"thresholds of |t| with three seeds: one claim {t.isf(ALPHA / 2, 2):.1f}, twelve {t.isf(ALPHA / 2 / CLAIMS, 2):.1f}")
table = {(effect, seeds): found(effect, seeds, CLAIMS) for effect in (5, 10) for seeds in (3, 4, 5)}
for (effect, seeds), share in table.items():
    print(f"effect of {effect} standard deviations, {seeds} seeds, twelve claims: found in {share:.3f}")
one = found(5, 3, 1)
print(f"effect of 5 standard deviations, 3 seeds, one claim: found in {one:.3f}")
right = {(5, 3): 0.271, (5, 4): 0.799, (5, 5): 0.990, (10, 3): 0.714}
as_found = all(abs(table[key] - share) < 0.01 for key, share in right.items()) and one > 0.97
sys.exit(0 if as_found else 1)
PY
v/bin/python run.py
