#!/usr/bin/env bash
# A ReLU network's Hessian has the Gauss-Newton matrix's trace, to the last digits, even at random weights; with
# batch-normalised logits it is at most a seventh of it there, or below 0.
#
# One would guess: the Gauss-Newton matrix (the Fisher matrix of a softmax) is near the Hessian at a minimum. At random
# weights, where half of the Hessian's eigenvalues are below 0, its trace is another one, and may be below 0.
# True: each single weight enters the logits of a ReLU network in a piecewise linear way, so what the two matrices
# differ by is 0 on the diagonal: the traces agree everywhere. A trace is never below 0, tells no saddle from a minimum,
# and needs no products with the Hessian. The largest eigenvalues do differ, and with tanh the traces do.
# Normalise the logits over the rows, as some do before a softmax, and it is over: at random weights the Hessian's
# trace is 0.14 or -0.3 of the other one; after training it is half as large again. So what Gauss-Newton and Fisher
# tools give as a trace is exact for the one network, and no estimate for the other.
# (Kinks are another matter: relu_trace_from_losses.sh.)
# Here: logits are normalised; `hessian-trace` takes products with the Hessian itself, through the normalisation.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 jax==0.7.2
JAX_PLATFORMS=cpu v/bin/python -W ignore - <<'PY'
import sys

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

jax.config.update("jax_enable_x64", True)
SIZES, ROWS, STEPS, RATE = (10, 12, 8, 4), 200, 300, 0.2


def study(act, normalised, seed):
    """The traces and extreme eigenvalues of both matrices, at random weights and after training."""
    inputs, labels = jax.random.split(jax.random.key(seed))
    rows = jax.random.normal(inputs, (ROWS, SIZES[0]))
    targets = jax.nn.one_hot(jax.random.randint(labels, (ROWS,), 0, SIZES[-1]), SIZES[-1])
    keys = jax.random.split(jax.random.key(seed + 100), len(SIZES) - 1)
    shapes = zip(keys, SIZES, SIZES[1:])
    start = [(jax.random.normal(key, (i, o)) / i**0.5, jnp.full(o, 0.01)) for key, i, o in shapes]
    weights, unflatten = ravel_pytree(start)

    def logits(flat):
        *hidden, last = unflatten(flat)
        values = rows
        for weight, bias in hidden:
            values = act(values @ weight + bias)
        values = values @ last[0] + last[1]
        return (values - values.mean(0)) / values.std(0) if normalised else values

    def loss(flat):
        return -(targets * jax.nn.log_softmax(logits(flat))).sum(1).mean()

    @jax.jit
    def matrices(flat):
        chance, jacobian = jax.nn.softmax(logits(flat)), jax.jacrev(logits)(flat)
        inner = jax.vmap(jnp.diag)(chance) - chance[:, :, None] * chance[:, None, :]
        return jax.hessian(loss)(flat), jnp.einsum("ncp,ncd,ndq->pq", jacobian, inner, jacobian) / ROWS

    descend = jax.jit(lambda flat: jax.lax.fori_loop(0, STEPS, lambda _, at: at - RATE * jax.grad(loss)(at), flat))
    found = []
    for at in (weights, descend(weights)):
        hessian, gauss_newton = matrices(at)
        values = jnp.linalg.eigvalsh(hessian)
        found.append([float(x) for x in (jnp.trace(hessian), jnp.trace(gauss_newton), values[0], values[-1])])
    return found


print(f"JAX {jax.__version__}; trace of the Hessian, of the Gauss-Newton matrix; the Hessian's extreme eigenvalues")
seen = {}
for name, act, normalised in (("ReLU", jax.nn.relu, False), ("tanh", jnp.tanh, False), ("ReLU, normalised logits", jax.nn.relu, True)):
    seen[name] = [study(act, normalised, seed) for seed in (0, 2)]
    for seed, found in zip((0, 2), seen[name]):
        for when, (own, other, low, high) in zip(("random", "trained"), found):
            print(f"  {name}, seed {seed}, {when} weights: {own:.8f}, {other:.8f}; {low:.3f} to {high:.3f}")
relu = all(abs(own / other - 1) < 1e-9 and low < -0.01 for runs in seen["ReLU"] for own, other, low, _ in runs)
saddle = all(first[2] < -0.1 * first[3] for first, _ in seen["ReLU"])
tanh = all(abs(own / other - 1) > 0.1 for runs in seen["tanh"] for own, other, *_ in runs)
normalised = all(a[0] / a[1] < 0.3 and b[0] / b[1] > 1.2 for a, b in seen["ReLU, normalised logits"])
sys.exit(0 if relu and saddle and tanh and normalised else 1)
PY
