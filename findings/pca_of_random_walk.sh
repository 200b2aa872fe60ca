#!/usr/bin/env bash
# A path of pure noise looks low-dimensional: two principal components hold 76 % of it, and draw a parabola.
#
# One would guess: a random walk of 200 steps in 10,000 weights, each step in a new direction, fills 200 dimensions, so
# two principal components hold some 2 % of it. A training path of which two components hold 80 % lies in a plane.
# True: the first one holds 61 % and the second 15 %, whatever the number of weights or steps is, and along them every
# such walk is the same curve: half a cosine against a whole one, a parabola. Taken from the last point, as pictures of
# paths do (arXiv 1712.09913), they hold 81 % and 9 %. (For the reason see Antognini and Sohl-Dickstein, arXiv
# 1806.08805.) The steps themselves, or their cosines, tell: two components of these hold 1 %.
# So a smooth bend along two components, with a large share of the variance, is what SGD's noise alone looks like.
# Here: planes go along drawn directions or through networks; none along components of a path.
# Needs Python 3 with venv and pip.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
v/bin/python - <<'PY'
import sys
import numpy as np
import sklearn
from sklearn.decomposition import PCA

print(f"scikit-learn {sklearn.__version__}; shares of the components 1 and 2 of a random walk")
holds = True
for count, weights in (50, 10_000), (200, 10_000), (200, 2_000):
    steps = np.random.default_rng(count).standard_normal((count, weights))
    path = np.cumsum(steps, 0)
    fit = PCA(2, svd_solver="full").fit(path)
    along = fit.transform(path)
    shares = fit.explained_variance_ratio_
    of_steps = PCA(2, svd_solver="full").fit(steps).explained_variance_ratio_.sum()
    squares = np.linalg.svd(path - path[-1], compute_uv=False) ** 2
    from_end = squares[:2] / squares.sum()
    phase = np.pi * (np.arange(count) + 0.5) / count
    alike = [abs(np.corrcoef(along[:, i], np.cos((i + 1) * phase))[0, 1]) for i in (0, 1)]
    print(f"{count} points, {weights} weights: {shares.round(2)}, from the last point {from_end.round(2)}, "
          f"of the steps {of_steps:.3f}; correlation with cosines {np.round(alike, 4)}")
    holds &= bool((abs(shares - (0.608, 0.152)) < 0.02).all() and (abs(from_end - (0.81, 0.09)) < 0.03).all())
    holds &= min(alike) > 0.99 and of_steps < 0.1
sys.exit(0 if holds else 1)
PY
