#!/usr/bin/env bash
# Optuna finds an important hyperparameter in pure noise: what it calls importance always adds up to 1.
#
# One would guess: over a grid of learning rate, batch size and optimizer whose sharpness depends on none of them,
# all three importances are near 0, or at least alike.
# True: they are divided by their sum. Of 48 runs of noise one factor gets 0.45 to 0.86 of the whole by default
# (PED-ANOVA) and 0.37 to 0.57 by fANOVA, another factor by the seed of the noise. No error is told, so that a grid in
# which nothing matters reads as a clear answer. Importances of shuffled values show how much is chance.
# Here: effects have intervals over seeds, and what is not found is called "not settled".
# Needs Python 3 with venv and pip.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 optuna==5.0.0
v/bin/python -W ignore - <<'PY'
import sys
from itertools import product
import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import FanovaImportanceEvaluator, get_param_importances

optuna.logging.set_verbosity(optuna.logging.ERROR)
factors = {
    "rate": FloatDistribution(1e-4, 1e-1, log=True),
    "batch": IntDistribution(32, 2048, log=True),
    "optimizer": CategoricalDistribution(["SGD", "Adam", "AdaGrad"]),
}
grid = list(product([1e-4, 1e-3, 1e-2, 1e-1], [32, 128, 512, 2048], ["SGD", "Adam", "AdaGrad"]))


def importances(seed, evaluator):
    noise = np.random.default_rng(seed).standard_normal(len(grid))
    study = optuna.create_study()
    for cell, value in zip(grid, noise):
        trial = optuna.trial.create_trial(params=dict(zip(factors, cell)), distributions=factors, value=float(value))
        study.add_trial(trial)
    return get_param_importances(study, evaluator=evaluator)


print(f"Optuna {optuna.__version__}, importances of {len(grid)} values of noise")
largest, sums = [], []
for name, evaluator in ("default", None), ("fANOVA", FanovaImportanceEvaluator(seed=0)):
    for seed in range(5):
        found = importances(seed, evaluator)
        largest.append(max(found.values()))
        sums.append(sum(found.values()))
        print(f"{name}, seed {seed}:", ", ".join(f"{factor} {share:.2f}" for factor, share in found.items()))
by_default = largest[:5]
sys.exit(0 if min(by_default) > 0.4 and max(by_default) > 0.7 and np.allclose(sums, 1) else 1)
PY
