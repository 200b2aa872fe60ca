#!/usr/bin/env bash
# A percentile bootstrap over three seeds is no 95 % interval.
#
# One would guess: bootstrap intervals are somewhat short for small samples, 90 % instead of 95 % say.
# True: with three values there are ten distinct resamples, and an interval that is said to hold 95 %
# holds the mean in some 70 % of draws; Student's t with two degrees of freedom holds it in 95 %.
# Needs Python 3 with venv. Here: intervals over seeds are t intervals; Kendall's tau says its n.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6
cat >run.py <<'PY'
import sys
import numpy as np

random = np.random.default_rng(0)
samples = random.standard_normal((20_000, 3))
means = np.array([samples[:, [i, j, k]].mean(1) for i in range(3) for j in range(3) for k in range(3)])
low, high = np.quantile(means, [0.025, 0.975], axis=0)
bootstrap = float(((low < 0) & (high > 0)).mean())
half = 4.302652729911275 * samples.std(1, ddof=1) / 3**0.5
student = float((abs(samples.mean(1)) < half).mean())
print("NumPy", np.__version__, "covered by the bootstrap", bootstrap, "by t", student, "n = 3")
sys.exit(0 if 0.6 < bootstrap < 0.85 and 0.94 < student < 0.96 else 1)
PY
v/bin/python run.py
