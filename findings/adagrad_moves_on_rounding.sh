#!/usr/bin/env bash
# AdaGrad moves a parameter whose gradient is 0 by the whole learning rate.
#
# One would guess: a bias in front of a batch normalisation, which takes it away again, has the
# gradient 0 and so stays where it is.
# True: in float32 its gradient is rounding noise of 1e-8, and AdaGrad divides it by its own size: most
# such biases move by 0.97 to 1.00 of the learning rate in the first step, in a direction that the
# machine's rounding decides. In float64 they move by less than a
# millionth of it. So two libraries part at once with AdaGrad where with SGD they agree to 1e-7.
# Needs Python 3 with venv; installs PyTorch (some 3 GB).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6
cat >run.py <<'PY'
import sys
import torch


def moved(dtype):
    torch.manual_seed(0)
    X, y = torch.randn(512, 20, dtype=dtype), torch.arange(512) % 10
    linear = torch.nn.Linear(20, 10).to(dtype)
    norm = torch.nn.BatchNorm1d(10, affine=False, track_running_stats=False).to(dtype)
    rule = torch.optim.Adagrad(linear.parameters(), lr=0.01)
    before = linear.bias.detach().clone()
    torch.nn.functional.cross_entropy(norm(linear(X)), y).backward()
    gradient = linear.bias.grad.abs().max().item()
    rule.step()
    return gradient, ((linear.bias - before).abs() / 0.01).max().item()


single, double = moved(torch.float32), moved(torch.float64)
print("torch", torch.__version__, "largest gradient and step / learning rate: float32", single, "float64", double)
sys.exit(0 if single[0] < 1e-6 and single[1] > 0.9 and double[1] < 1e-5 else 1)
PY
v/bin/python run.py
