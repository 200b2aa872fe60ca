#!/usr/bin/env bash
# statsmodels' mixed model with seeds as groups finds an effect in one of five studies where there is none.
#
# One would guess: a random intercept for each seed is the careful way to compare two learning rates that were trained
# with the same seeds, so at 5 % it errs in 5 % of studies, as a paired t test does.
# True: mixedlm takes its p values from the normal distribution, whatever the number of groups is. With three seeds that
# is 1.96 where Student's t with two degrees of freedom needs 4.30: an effect of 0 is "significant" in some 20 %. Least
# squares with errors clustered by seed (cov_type="cluster") do so, too, and err in some 15 %; use_t=True makes that 5 %.
# In most of these fits there is no warning; the summaries say "z". With ten seeds they err less.
# Here: seeds are compared by paired t intervals, with Holm's rule over several.
# Needs Python 3 with venv and pip.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 pandas==3.1.1 statsmodels==0.15.0
v/bin/python -W ignore - <<'PY'
import sys
import warnings
import numpy as np
import pandas as pd
import statsmodels
import statsmodels.formula.api as smf
from scipy.stats import ttest_rel

STUDIES, SEEDS = 300, 3


def fits(runs):
    """The p value of a mixed model, and whether nothing was said against it."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        return smf.mixedlm("sharpness ~ rate", runs, groups="seed").fit().pvalues["rate"], not said


rng = np.random.default_rng(1)
found = dict.fromkeys(["paired t", "mixed model", "clustered", "mixed, unwarned"], 0)
quiet = 0
for _ in range(STUDIES):
    by_seed = 3 * rng.standard_normal(SEEDS)
    low, high = (by_seed + rng.standard_normal(SEEDS) for _ in range(2))
    seeds = np.tile(np.arange(SEEDS), 2)
    runs = pd.DataFrame({"seed": seeds, "rate": np.repeat([0.0, 1.0], SEEDS), "sharpness": np.concatenate([low, high])})
    squares = smf.ols("sharpness ~ rate", runs).fit(cov_type="cluster", cov_kwds={"groups": seeds})
    mixed, is_quiet = fits(runs)
    quiet += is_quiet
    found["paired t"] += ttest_rel(high, low).pvalue < 0.05
    found["mixed model"] += mixed < 0.05
    found["mixed, unwarned"] += is_quiet and mixed < 0.05
    found["clustered"] += squares.pvalues["rate"] < 0.05
shares = {name: float(count) / (quiet if "un" in name else STUDIES) for name, count in found.items()}
print(f"statsmodels {statsmodels.__version__}, three seeds, no effect, {quiet} of {STUDIES} unwarned; found at 5 %:",
      ", ".join(f"{name} {share:.0%}" for name, share in shares.items()))
few, mixed, clustered, unwarned = shares.values()
sys.exit(0 if few < 0.09 and min(mixed, unwarned) > 0.13 and clustered > 0.1 else 1)
PY
