#!/usr/bin/env bash
# The learning rate of PyTorch's Adafactor is an upper limit: 0.1, 1 and 10 are one rate from step 100 on.
#
# One would guess: ten times the learning rate is ten times the step. Adafactor (arXiv 1804.04235) has a schedule of its
# own, 1 / sqrt(step), but in other programs one that is given a learning rate uses that and no schedule.
# True: PyTorch's takes the smaller one of the two. 1 and 10 take the same steps from the first on, to the last bit;
# 0.1 steps as they do from step 100 on, and the default 0.01 from step 10,000 on: at step 40,000 its steps are half as
# long as at the start, though nobody asked for a schedule. So a grid of learning rates from 0.01 up becomes, one rate
# after the other, one and the same training. Optax's adafactor with learning_rate=0.1 steps by 0.1 throughout.
# The root mean square of the weights, which both multiply by, is held at 1 below; batches are noise.
# Here: Adafactor is not among the optimizers, and the learning rate is constant.
# Needs Python 3 with venv; installs PyTorch (some 3 GB).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6 jax==0.7.2 optax==0.2.8
JAX_PLATFORMS=cpu v/bin/python -W ignore - <<'PY'
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch

SHOWN = (1, 10, 100, 1000, 10_000, 40_000)
noise = np.random.default_rng(0).standard_normal((64, 8, 8)).astype("float32")


def pytorch(rate):
    weight = torch.nn.Parameter(torch.ones(8, 8))
    rule, length = torch.optim.Adafactor([weight], lr=rate), {}
    for step in range(1, SHOWN[-1] + 1):
        with torch.no_grad():
            weight.fill_(1)
        weight.grad = torch.from_numpy(noise[step % 64])
        rule.step()
        if step in SHOWN:
            length[step] = (weight.detach() - 1).square().mean().sqrt().item()
    return length


def by_optax(rate):
    rule, weight, length = optax.adafactor(rate, min_dim_size_to_factor=2), jnp.ones((8, 8)), {}
    state, update = rule.init(weight), jax.jit(rule.update)
    for step in range(1, 1001):
        move, state = update(jnp.asarray(noise[step % 64]), state, weight)
        if step in SHOWN:
            length[step] = float(jnp.sqrt((move**2).mean()))
    return length


def said(lengths):
    return ", ".join(f"{length:.3g} at {step}" for step, length in lengths.items())


rates = (0.01, 0.1, 1.0, 10.0)
seen = {rate: pytorch(rate) for rate in rates}
other = by_optax(0.1)
print(f"PyTorch {torch.__version__}, Optax {optax.__version__}; root mean square of the step")
for rate in rates:
    print(f"  learning rate {rate:g}: {said(seen[rate])}")
print(f"  Optax, learning rate 0.1: {said(other)}")
same = seen[1.0] == seen[10.0]
limited = all(0.8 < length / min(rate, step**-0.5) < 1.2 for rate in rates for step, length in seen[rate].items())
sys.exit(0 if same and limited and all(0.08 < length < 0.12 for length in other.values()) else 1)
PY
