#!/usr/bin/env bash
# With three seeds pingouin's test of sphericity always fails for four settings, and for seven or more it is always met,
# p = 1, whatever the data are.
#
# One would guess: Mauchly's test needs more seeds than settings; with three it gives NaN, an error, or little power.
# True: it is computed all the same, from a determinant that is 0 but for rounding. Its statistic W is then 0, which is
# no sphericity at all. The test takes log W times a factor that depends on seeds and settings only. With three seeds
# the factor changes its sign from seven settings on, so p is below 0.05 for four settings and 1 for seven. With four
# seeds it is 1 for ten. rm_anova without an option (correction="auto") corrects where the test fails: never for seven
# learning rates. Where one of the seven has ten times the spread of the others and none has an effect, it finds one
# in a fifth of the studies; with the correction in a tenth at most. With four settings it always corrects, and where no
# correction is needed it finds less than 3 % in place of 5.
# Here: no analysis of variance; cells are compared in pairs by seed.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check pingouin==0.7.0 scipy==1.17.1 numpy==2.4.6 pandas==2.3.3
v/bin/python -W ignore - <<'PY'
import sys

import numpy as np
import pandas as pd
import pingouin

random = np.random.default_rng(0)


def draw(seeds, settings, spread):
    """No setting has an effect; the last one has this spread, the others 1."""
    return random.normal(size=(seeds, settings)) * np.append(np.ones(settings - 1), spread)


def tests(seeds, settings, spread, studies=100):
    """The share of studies in which sphericity is met, and p values."""
    found = [pingouin.sphericity(pd.DataFrame(draw(seeds, settings, spread))) for _ in range(studies)]
    return np.mean([each.spher for each in found]), np.array([each.pval for each in found])


def anova(settings, spread, studies=400):
    """The shares of studies of three seeds with p below 0.05: by "auto", and with the correction."""
    found = []
    for _ in range(studies):
        wide = pd.DataFrame(draw(3, settings, spread)).rename_axis("seed").reset_index()
        table = wide.melt("seed", var_name="setting")
        auto, corrected = (
            pingouin.rm_anova(table, dv="value", within="setting", subject="seed", correction=kind).iloc[0]
            for kind in ("auto", True))
        found.append((auto.get("p_GG_corr", auto["p_unc"]), corrected["p_GG_corr"]))
    return (np.array(found) < 0.05).mean(0)


print(f"pingouin {pingouin.__version__}; spread of one setting / of the others: sphericity is met, p from and to")
good = True
for seeds, settings in ((3, 4), (3, 7), (3, 12), (4, 10)):
    for spread in (1, 10):
        met, p = tests(seeds, settings, spread)
        print(f"  {seeds} seeds, {settings} settings, {spread}: {met:.0%}, {p.min():.3g} to {p.max():.3g}")
        good &= p.min() > 0.999 and met == 1 if settings >= 7 else p.max() < 0.05 and met == 0
print('no effect: found by rm_anova with "auto", and with the correction')
seen = {(settings, spread): anova(settings, spread) for settings, spread in ((7, 10), (7, 1), (4, 1))}
for (settings, spread), (auto, corrected) in seen.items():
    print(f"  {settings} settings, spread {spread}: {auto:.1%}, {corrected:.1%}")
auto, corrected = seen[7, 10]
good &= auto > 0.14 and corrected < 0.1 and seen[4, 1][0] < 0.03
sys.exit(0 if good else 1)
PY
