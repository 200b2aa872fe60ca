#!/usr/bin/env bash
# PyTorch's vector_to_parameters does not copy: the vector that was kept goes along with training.
#
# One would guess: it copies numbers into the network, as the documentation of 2.15 says ("copy slices"), and as
# parameters_to_vector copies them out. A vector that is kept, the start or a minimum, stays what it is.
# True: the parameters become windows onto the vector. To measure at random points around the start and put the start
# back is enough: from then on each step writes into the kept start, too. After training the distance from it is exactly
# 0, the loss there is that of the end, and random points "around the start" lie around the end. Two networks that are
# filled from one vector are one network: train one, and the other has its loss, to the bit.
# vector_to_parameters(start.clone(), ...) copies. Nothing is said, and nothing is wrong until there is a step.
# Here: networks are flat arrays that the engines copy, and measures only read them (tests hold the weights' bits).
# Needs Python 3 with venv; installs PyTorch (some 3 GB).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6
cat >run.py <<'PY'
import sys
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

torch.set_num_threads(1)
torch.manual_seed(0)
inputs, labels = torch.randn(200, 10), torch.randint(3, (200,))


def make():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(10, 20), nn.Tanh(), nn.Linear(20, 3))


def loss(network):
    return nn.functional.cross_entropy(network(inputs), labels)


def train(network):
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        loss(network).backward()
        optimizer.step()


def moved(put_back):
    """How far training goes from the start, and the loss at the vector that was kept of it."""
    network = make()
    start = parameters_to_vector(network.parameters()).detach()
    put_back(start, network)
    train(network)
    end = parameters_to_vector(network.parameters()).detach()
    distance = (end - start).norm().item()
    vector_to_parameters(start, network.parameters())
    return distance, loss(network).item()


def measure(start, network, keep=lambda vector: vector):
    vector_to_parameters(start + 0.1 * torch.randn_like(start), network.parameters())
    vector_to_parameters(keep(start), network.parameters())


print(f"PyTorch {torch.__version__}, 100 steps; the loss at the start is {loss(make()).item():.4f}")
never, kept = moved(lambda start, network: None), moved(measure)
copied = moved(lambda start, network: measure(start, network, torch.clone))
for name, (distance, at) in {"not measured": never, "measured at the start, put back": kept,
                             "measured at the start, put back as a copy": copied}.items():
    print(f"{name}: distance from the start {distance:.4f}, loss at the kept start {at:.4f}")
first, second = make(), make()
vector = parameters_to_vector(first.parameters()).detach()
for network in (first, second):
    vector_to_parameters(vector, network.parameters())
before = loss(second).item()
train(first)
print(f"two networks from one vector, the first is trained: the second's loss {before:.4f} -> {loss(second).item():.4f}")
is_window = kept[0] == 0 and kept[1] < 0.95 * never[1] and loss(second).item() == loss(first).item() < before
sys.exit(0 if is_window and copied == never and never[0] > 0.5 else 1)
PY
v/bin/python run.py
