#!/usr/bin/env bash
# In scikit-learn a smaller batch is a stronger weight decay: MLPClassifier divides alpha by the batch size.
#
# One would guess: `alpha` is the strength of the L2 term whatever `batch_size` is, as a weight decay in PyTorch.
# True: the penalty is divided by the "sample size", says the documentation, and that is the batch's: each step shrinks
# the weights by learning rate x alpha / batch size. At one alpha, learning rate and number of steps a network of batch
# 16 is held 56 times as strongly as one of batch 896: it ends with a seventh of the squared norm and fits some 85 % of
# the digits in place of 99 %. With alpha = 0 the batch size changes neither. By epochs it is worse: a small batch takes
# more steps as well.
# So a study of batch size and sharpness with the default alpha = 0.0001 is one of weight decay, too.
# Here: no optimizer has a weight decay.
# Needs Python 3 with venv and pip.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 v/bin/python -W ignore - <<'PY'
import sys
import numpy as np
import sklearn
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier, MLPRegressor

ROWS = 1792
plain = {"solver": "sgd", "momentum": 0, "tol": 0, "n_iter_no_change": 10**6, "random_state": 0}


def shrinking(batch):
    """Of a first weight in a step of rate 0.1 with alpha = 1, where the data have no gradient for it."""
    options = plain | {"hidden_layer_sizes": (4,), "batch_size": batch, "max_iter": 1, "shuffle": False}
    nothing, target = np.zeros((batch, 3)), np.zeros(batch)
    first = MLPRegressor(alpha=0, learning_rate_init=1e-30, **options).fit(nothing, target).coefs_[0]
    return 1 - (MLPRegressor(alpha=1, learning_rate_init=0.1, **options).fit(nothing, target).coefs_[0] / first).mean()


def trained(alpha, batch, steps=4000):
    images, labels = load_digits(return_X_y=True)
    network = MLPClassifier((32,), alpha=alpha, batch_size=batch, learning_rate_init=0.1,
                            max_iter=round(steps * batch / ROWS), **plain)
    network.fit(images[:ROWS] / 16, labels[:ROWS])
    squares = sum((weights**2).sum() for weights in network.coefs_)
    return squares, network.score(images[:ROWS] / 16, labels[:ROWS])


print(f"scikit-learn {sklearn.__version__}")
shrunk = {batch: shrinking(batch) for batch in (16, 128, 896)}
print("a step of rate 0.1 with alpha = 1 shrinks weights by", *(f"{by:.3g} (batch {b})" for b, by in shrunk.items()))
ends = {(alpha, batch): trained(alpha, batch) for alpha in (0, 1) for batch in (16, 896)}
for (alpha, batch), (squares, accuracy) in ends.items():
    print(f"alpha {alpha}, batch {batch:3}, 4,000 steps: squared norm {squares:5.1f}, accuracy {accuracy:.3f}")
divides = all(abs(by * batch / 0.1 - 1) < 1e-6 for batch, by in shrunk.items())
is_other = ends[1, 896][0] > 4 * ends[1, 16][0] and ends[1, 896][1] > ends[1, 16][1] + 0.05
sys.exit(0 if divides and is_other and abs(ends[0, 896][0] / ends[0, 16][0] - 1) < 0.05 else 1)
PY
