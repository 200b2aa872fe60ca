#!/usr/bin/env bash
# A third of hessian-eigenthings' spectral density lies below 0 where no eigenvalue does.
#
# One would guess: of an operator without negative eigenvalues (a Gauss-Newton matrix, or a Hessian at a minimum)
# the density below 0 is next to nothing, so that its share there tells of saddles.
# True: the kernel's width is the spectrum's range / Lanczos steps. With nine outliers up to 240, as networks of ten
# classes have, and all others in 0..2, the width is 3: wider than the bulk, which spills over 0. The quadrature
# points in `raw_eigenvalues` have none there, and `sigma=0.05` has next to none.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6 hessian-eigenthings==1.0.0a5
v/bin/python -W ignore - <<'PY'
import sys
from importlib.metadata import version
import torch
from hessian_eigenthings import LambdaOperator, spectral_density

outliers = torch.linspace(20, 240, 9, dtype=torch.float64)
eigenvalues = torch.cat([outliers, torch.linspace(0, 2, 1991, dtype=torch.float64)])
operator = LambdaOperator(lambda v: eigenvalues * v, size=2000, dtype=torch.float64)


def below_zero(**options):
    found = spectral_density(operator, seed=0, num_runs=4, **options)
    step = found.grid[1] - found.grid[0]
    points = found.raw_weights[found.raw_eigenvalues < 0].sum() / 4
    return found.sigma, (found.density[found.grid < 0].sum() * step).item(), points.item()


sigma, density, points = below_zero()
_, narrow, _ = below_zero(sigma=0.05)
print(f"hessian-eigenthings {version('hessian-eigenthings')}, eigenvalues from 0 to 240, share below 0: density "
      f"{density:.3f} (sigma {sigma:.2f}), {narrow:.3f} (sigma 0.05); quadrature points {points:.3f}")
sys.exit(0 if density > 0.3 and narrow < 0.02 and points == 0 else 1)
PY
