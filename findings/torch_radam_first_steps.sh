#!/usr/bin/env bash
# PyTorch's and Optax's RAdam take five steps of plain momentum SGD before they adapt: of any length.
#
# One would guess: RAdam (arXiv 1908.03265) is Adam with a careful start, so its first steps are shorter than those of
# Adam, which move each weight by the learning rate, whatever the loss is multiplied by.
# True: the rule has no variance to divide by before the sixth step, and the five steps before are the learning rate
# times the mean gradient itself. A gradient of 1,000 moves a weight by 5,000 learning rates in five steps, one of 0.001
# by 0.005. Then come careful steps, 0.03 to 0.06 of the rate. A loss that is a sum over 128 rows in place of their mean
# has first steps 128 times as long, where with Adam nothing changes: what is to warm up is what does not adapt.
# Here: RAdam is not among the optimizers.
# Needs Python 3 with venv; installs PyTorch (some 3 GB).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6 jax==0.7.2 optax==0.2.8
JAX_PLATFORMS=cpu v/bin/python -W ignore - <<'PY'
import sys
import jax.numpy as jnp
import optax
import torch

RATE, STEPS = 1e-3, 12


def pytorch(kind, slope):
    weight = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    rule, moved = kind([weight], lr=RATE), []
    for _ in range(STEPS):
        before = weight.item()
        weight.grad = torch.full_like(weight, slope)
        rule.step()
        moved.append((before - weight.item()) / RATE)
    return moved


def by_optax(slope):
    rule = optax.radam(RATE)
    state, moved = rule.init(jnp.zeros(())), []
    for _ in range(STEPS):
        step, state = rule.update(jnp.asarray(slope), state)
        moved.append(float(-step) / RATE)
    return moved


print(f"PyTorch {torch.__version__}, Optax {optax.__version__}; steps / learning rate")
holds = True
for slope in (1e-3, 1.0, 1e3):
    radam, adam, other = pytorch(torch.optim.RAdam, slope), pytorch(torch.optim.Adam, slope), by_optax(slope)
    for name, moved in ("RAdam", radam), ("Adam", adam), ("Optax's RAdam", other):
        print(f"  gradient {slope:g}, {name}:", " ".join(f"{each:.3g}" for each in moved[:7]))
    holds &= all(abs(each / slope - 1) < 1e-3 for each in radam[:5]) and 0.02 < radam[5] < 0.03
    holds &= all(abs(each / slope - 1) < 1e-3 for each in other[:5]) and max(adam) < 1.001
sys.exit(0 if holds else 1)
PY
