#!/usr/bin/env bash
# D-Adaptation's SGD finds a learning rate at which a bowl diverges, where few directions are far sharper than others.
#
# One would guess: a rule that finds its learning rate finds one that is stable in a bowl without noise, below
# 2 / largest curvature; where it has gone too far it comes back.
# True: its rate is an estimate d of the distance to the minimum over the first gradient's length, and d never falls.
# In 100 directions as sharp as one another rate x curvature ends at 0.87. Where one is a hundred times as sharp as
# 99 others it ends at 7.4, with curvatures 1/k at 4.5: the weights go to infinity. How far away one starts and the
# gradient's scale change little. With momentum=0.9, whose edge lies higher, the same bowls go well.
# On digits, whole set, the loss of a ReLU network leaps above 5 within 60 steps. From step 200 on all its units are 0
# on all rows, and the loss is log 10, as without any input. Plain descent at the rate 0.5 reaches below 0.3. With
# batch-normalised logits D-Adaptation trains as well: it ends where rate x eigenvalue is 2 to 4.
# Here: D-Adaptation is not among the optimizers; the rates are given.
# Needs Python 3 with venv; installs PyTorch (some 3 GB).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6 scikit-learn==1.9.1 dadaptation==3.2
cat >run.py <<'PY'
import math
import sys

import torch
from dadaptation import DAdaptSGD
from sklearn.datasets import load_digits

torch.set_num_threads(1)
digits = load_digits()
rows, labels = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)


def rate(rule):
    return rule.param_groups[0]["d"] / rule.param_groups[0]["g0_norm"]


def bowl(curvatures, start=1.0, scale=1.0, steps=400, **options):
    """The last rate x largest curvature, and the largest weight / that at the start."""
    weights = torch.full_like(curvatures, start).requires_grad_()
    rule = DAdaptSGD([weights], **options)
    for _ in range(steps):
        weights.grad = scale * curvatures * weights.detach()
        rule.step()
    return rate(rule) * scale * curvatures.max().item(), weights.abs().max().item() / start


def train(seed, normalised, rule, steps=400):
    """The whole set's losses by step, the last learning rate x largest eigenvalue, the share of units above 0."""
    torch.manual_seed(seed)
    layers = [torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)]
    if normalised:
        layers.append(torch.nn.BatchNorm1d(10, affine=False, track_running_stats=False))
    model = torch.nn.Sequential(*layers)
    weights, losses = list(model.parameters()), []
    rule = rule(weights)
    for _ in range(steps):
        rule.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(rows), labels)
        loss.backward()
        losses.append(loss.item())
        rule.step()
    slopes = torch.autograd.grad(torch.nn.functional.cross_entropy(model(rows), labels), weights, create_graph=True)
    vector = [torch.randn_like(each) for each in weights]
    for _ in range(60):
        norm = math.sqrt(sum(each.square().sum().item() for each in vector))
        vector = torch.autograd.grad(slopes, weights, [each / norm for each in vector], retain_graph=True)
    largest = math.sqrt(sum(each.square().sum().item() for each in vector))
    awake = (model[:2](rows) > 0).float().mean().item()
    return losses, largest * (rate(rule) if "d" in rule.param_groups[0] else rule.param_groups[0]["lr"]), awake


one, sharp = torch.ones(100, dtype=torch.float64), torch.full((100,), 0.01, dtype=torch.float64)
sharp[0] = 1
harmonic = 1 / torch.arange(1, 101, dtype=torch.float64)
print(f"dadaptation 3.2, PyTorch {torch.__version__}; rate x largest curvature, largest weight")
seen = {"all alike": bowl(one), "one sharp": bowl(sharp), "1/k": bowl(harmonic),
        "one sharp, 100 times as far": bowl(sharp, start=100.0), "one sharp, gradients x 128": bowl(sharp, scale=128.0),
        "one sharp, momentum 0.9": bowl(sharp, momentum=0.9), "1/k, momentum 0.9": bowl(harmonic, momentum=0.9)}
for name, (edge, weight) in seen.items():
    print(f"  {name}: {edge:.2f}, {weight:.2g}")
stable = [seen[name][1] for name in ("all alike", "one sharp, momentum 0.9", "1/k, momentum 0.9")]
good = seen["all alike"][0] < 1.2 and max(stable) < 1e-3
for name in ("one sharp", "1/k", "one sharp, 100 times as far", "one sharp, gradients x 128"):
    good &= seen[name][0] > 3 and not seen[name][1] < 1e6
for seed in range(3):
    (dead, _, none), (plain, _, _), (normal, kept, some) = (
        train(seed, False, DAdaptSGD), train(seed, False, lambda weights: torch.optim.SGD(weights, lr=0.5)),
        train(seed, True, DAdaptSGD))
    print(f"  seed {seed}: largest loss {max(dead[:60]):.3g}, then {dead[200]:.4f} and {dead[-1]:.4f}, units "
          f"above 0 {none:.0%}; at 0.5 {plain[-1]:.3f}; normalised {normal[-1]:.3f}, "
          f"rate x eigenvalue {kept:.2f}, units above 0 {some:.0%}")
    good &= max(dead[:60]) > 5 and abs(dead[200] - math.log(10)) < 0.01 and abs(dead[-1] - math.log(10)) < 0.01
    good &= none == 0 and some > 0.1 and plain[-1] < 0.3 and normal[-1] < 0.6 and 1.5 < kept < 5
sys.exit(0 if good else 1)
PY
v/bin/python run.py
