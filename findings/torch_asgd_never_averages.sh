#!/usr/bin/env bash
# PyTorch's averaged SGD averages nothing in the first million steps, and never puts the average into the network.
#
# One would guess: torch.optim.ASGD (Polyak and Juditsky) leaves the mean of the last weights in the network, which lies
# in the middle of what SGD wanders over: flatter and less noisy.
# True: averaging begins at step t0, a million where nothing is asked for. Until then the average `ax` is the last
# weights, to the bit. From t0 on it is a mean, but only in the optimizer's state: the network keeps the wandering ones.
# What is left is plain SGD with a weight decay (`lambd`) and a falling learning rate that nobody asked for.
# A study that takes its weights after a few thousand steps compares SGD with SGD. With t0 = 1 the copied average is
# right. Here: a network's weights are those of one step; averaging is not among the optimizers.
# Needs Python 3 with venv; installs PyTorch (some 3 GB).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6
cat >run.py <<'PY'
import sys
import torch

torch.set_num_threads(1)


def ends(make, steps=10_000):
    """Where noisy gradients have moved 1,000 weights, each around its minimum at 0, and ASGD's average of them."""
    torch.manual_seed(0)
    weights = torch.zeros(1000, dtype=torch.float64, requires_grad=True)
    optimizer = make([weights])
    for _ in range(steps):
        weights.grad = weights.detach() + torch.randn(1000, dtype=torch.float64)
        optimizer.step()
    state = optimizer.state[weights] if optimizer.state else {}
    return weights.detach(), state.get("ax")


def size(weights):
    return weights.square().mean().sqrt().item()


print(f"PyTorch {torch.__version__}, 10,000 steps of rate 0.1 around a minimum at 0, gradients with noise 1")
sgd, _ = ends(lambda weights: torch.optim.SGD(weights, lr=0.1))
late, late_mean = ends(lambda weights: torch.optim.ASGD(weights, lr=0.1))
early, early_mean = ends(lambda weights: torch.optim.ASGD(weights, lr=0.1, t0=1))
print(f"SGD: the weights are {size(sgd):.4f} from the minimum")
is_equal = late.equal(late_mean)
print(f"ASGD: the weights are {size(late):.4f} from it, the average {size(late_mean):.4f}; equal: {is_equal}")
print(f"ASGD(t0=1): the weights are {size(early):.4f} from it, the average {size(early_mean):.4f}")
is_plain = is_equal and 0.8 < size(late) / size(sgd) < 1.1
sys.exit(0 if is_plain and size(early) > 0.8 * size(late) and size(early_mean) < size(sgd) / 10 else 1)
PY
v/bin/python run.py
