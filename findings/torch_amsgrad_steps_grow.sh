#!/usr/bin/env bash
# PyTorch's AMSGrad forgets a large gradient after all: its steps grow thirtyfold again within some thousand steps.
#
# One would guess: amsgrad=True divides by the largest mean square so far, so that what a large gradient has made small
# stays small (Reddi et al., arXiv 1904.09237); which library computes it does not matter.
# True: PyTorch takes the maximum before it takes out the bias of the first steps, and divides that maximum by
# 1 - 0.999^t, which rises from 0.001 to 1. Where the first gradient is 1 and all later ones are 0.01, steps are 0.01 of
# the learning rate by Optax, which corrects first, and stay so. PyTorch's are 0.07 of it at step 50 and 0.32 at step
# 5,000: 31 times as long for the same gradients. So the first batch hardly matters where it should rule for ever.
# Here: AMSGrad is not among the optimizers; each rule is tested against a float64 definition.
# Needs Python 3 with venv; installs PyTorch (some 3 GB).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6 jax==0.7.2 optax==0.2.8
JAX_PLATFORMS=cpu v/bin/python -W ignore - <<'PY'
import sys
import jax
import jax.numpy as jnp
import optax
import torch

RATE, SHOWN = 1e-3, (1, 51, 1001, 5000)
slopes = [1.0] + [0.01] * (SHOWN[-1] - 1)
weight = torch.zeros(1, dtype=torch.float64, requires_grad=True)
rule = torch.optim.Adam([weight], lr=RATE, amsgrad=True)
pytorch = []
for slope in slopes:
    before = weight.item()
    weight.grad = torch.full_like(weight, slope)
    rule.step()
    pytorch.append((before - weight.item()) / RATE)
jax.config.update("jax_enable_x64", True)
other = optax.amsgrad(RATE)
_, steps = jax.lax.scan(
    lambda state, slope: (lambda step, after: (after, -step / RATE))(*other.update(slope, state)),
    other.init(jnp.zeros(())), jnp.array(slopes))
by_optax = steps.tolist()
print(f"PyTorch {torch.__version__}, Optax {optax.__version__}; steps / learning rate at the steps {SHOWN}")
for name, found in ("PyTorch", pytorch), ("Optax", by_optax):
    print(f"  {name}:", ", ".join(f"{found[t - 1]:.3f}" for t in SHOWN))
grows = pytorch[-1] > 0.25 and pytorch[50] < 0.1
sys.exit(0 if grows and max(by_optax[50:]) < 0.011 else 1)
PY
