#!/usr/bin/env bash
# statsmodels rejects by p values that it adjusts to NaN, where one of them is missing.
#
# One would guess: a cell without a result (p = NaN) is left out, or makes the whole answer NaN.
# True: by Benjamini and Hochberg all adjusted p values are NaN, and yet `reject` is true for the others;
# by Holm the others are adjusted as if the missing one had been tested. Whoever reads `reject`
# counts a step that whoever reads the adjusted p values does not.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip -q --disable-pip-version-check install numpy==2.3.5 scipy==1.16.3 statsmodels==0.14.6
v/bin/python - <<'PY'
import sys
import numpy as np
import statsmodels
from statsmodels.stats.multitest import multipletests
ps = [0.001, np.nan, 0.03]
rejected, adjusted = multipletests(ps, method="fdr_bh")[:2]
holm = multipletests(ps, method="holm")[1]
print(f"statsmodels {statsmodels.__version__} of {ps}: fdr_bh rejects {rejected}, adjusts to {adjusted}; "
      f"holm adjusts to {holm} (without the missing one 0.002 and 0.03)")
as_seen = list(rejected) == [True, False, True] and bool(np.isnan(adjusted).all())
sys.exit(0 if as_seen and abs(holm[0] - 0.003) < 1e-12 else 1)
PY
