#!/usr/bin/env bash
# The trace of a ReLU network's Hessian, taken from losses, is not the trace that autograd gives.
#
# One would guess: the mean over random u of (L(w + r u) + L(w - r u)) / 2 - L(w), times 2 P / r^2, goes
# to tr H as r gets small (Hutchinson's estimator).
# True: in a trained network with tanh it does; with ReLU it stays off at every radius, since the step flips the signs of
# some units' inputs: each kink adds to the loss in proportion to r x r, as the curvature does. Exact
# second derivatives do not see kinks. So the trace from losses and the one from Hessian products
# (PyHessian, curvlinops) are two quantities.
# Needs Python 3 with venv. Here: the measures trace and hessian-trace, each said to be which.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6
cat >run.py <<'PY'
import sys
import numpy as np

random = np.random.default_rng(0)
n, d, h, c = 2048, 10, 40, 5
X, y = random.standard_normal((n, d)), random.integers(0, c, n)
w = np.concatenate([random.standard_normal(d * h) / d**0.5, 0.1 * random.standard_normal(h), random.standard_normal(h * c) / h**0.5])
P = len(w)
RELU = (lambda z: np.maximum(z, 0), lambda z: (z > 0) * 1.0)
TANH = (np.tanh, lambda z: 1 - np.tanh(z) ** 2)


def split(w):
    return w[: d * h].reshape(d, h), w[d * h : d * h + h], w[d * h + h :].reshape(h, c)


def loss(w, act):
    W, b, V = split(w)
    Z = act[0](X @ W + b) @ V
    top = Z.max(1)
    return (np.log(np.exp(Z - top[:, None]).sum(1)) + top - Z[np.arange(n), y]).mean()


def gradient(w, act):
    W, b, V = split(w)
    Z = X @ W + b
    A = act[0](Z)
    p = np.exp(A @ V - (A @ V).max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    p[np.arange(n), y] -= 1
    D = (p / n) @ V.T * act[1](Z)
    return np.concatenate([(X.T @ D).ravel(), D.sum(0), (A.T @ p / n).ravel()])


def exact(act, step=1e-7):
    # Second derivatives where there are: hardly a kink lies within a step of 1e-7.
    total = 0.0
    for i in range(P):
        e = np.zeros(P)
        e[i] = step
        total += (gradient(w + e, act)[i] - gradient(w - e, act)[i]) / (2 * step)
    return total


def from_losses(act, r, K=1000):
    u = random.standard_normal((K, P))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    middle = loss(w, act)
    m = np.array([(loss(w + r * v, act) + loss(w - r * v, act)) / 2 - middle for v in u]) * 2 * P / r**2
    return m.mean(), m.std() / K**0.5


start = w
distance = {}
for name, act in (("relu", RELU), ("tanh", TANH)):
    w = start
    for _ in range(500):
        w = w - 0.5 * gradient(w, act)
    trace = exact(act)
    seen = {r: from_losses(act, r) for r in (0.3, 0.1, 0.03)}
    distance[name] = [float(abs(m - trace) / s) for m, s in seen.values()]
    print("NumPy", np.__version__, name, "exact", round(float(trace), 2), {r: f"{m:.2f} +- {s:.2f}" for r, (m, s) in seen.items()})
print("distance in standard errors", distance)
sys.exit(0 if min(distance["relu"]) > 5 and max(distance["tanh"]) < 4 else 1)
PY
v/bin/python run.py
