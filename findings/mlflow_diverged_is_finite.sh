#!/usr/bin/env bash
# MLflow gives back the loss of a diverged run as a finite number, and sorts a run with NaN as the worst either way.
#
# One would guess: a loss of Infinity that was logged is Infinity when it is read, so that `isfinite` finds the runs
# that diverged; and the run with the largest loss comes first where runs are sorted by it, descending.
# True: the database that MLflow takes where nothing else is said (SQLite) keeps the largest float in place of Infinity:
# 1.797e308 comes back, in the run, in its history and in a table of runs, and it is finite. The mean of three seeds is
# 6e307, a logarithm of it 709, and neither is noticed where NaN or Infinity would be. NaN stays NaN: it is last in both
# directions, behind runs that never logged a loss or not, and no filter (above 0, at most 0) finds it. So one run that
# ended by NaN and one that ended by Infinity, of one cause, stand in two places.
# Here: a record says `diverged`; a loss that is not finite is no loss, and such a seed enters no mean.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check mlflow-skinny==3.17.2 sqlalchemy==2.1.9 alembic==1.20.1
MLFLOW_DISABLE_TELEMETRY=true v/bin/python -W ignore - 2>log <<'PY'
import math
import sys
from importlib.metadata import version

from mlflow.tracking import MlflowClient

client = MlflowClient()
experiment = client.create_experiment("seeds")
ends = {"seed 0": 1.2, "seed 1": math.inf, "seed 2": 1.3, "seed 3": math.nan}
names = {}
for name, last in ends.items():
    run = client.create_run(experiment).info.run_id
    names[run] = name
    for step, loss in enumerate((2.3, last)):
        client.log_metric(run, "loss", loss, step=step)


def found(words="", order=()):
    return [names[run.info.run_id] for run in client.search_runs([experiment], words, order_by=list(order))]


print("mlflow-skinny", version("mlflow-skinny"))
losses, histories = {}, {}
for run, name in names.items():
    losses[name] = client.get_run(run).data.metrics["loss"]
    histories[name] = [entry.value for entry in client.get_metric_history(run, "loss")]
    print(f"  {name} logged 2.3, {ends[name]}; read {histories[name]}, last {losses[name]}")
mean = sum(losses[name] for name in ("seed 0", "seed 1", "seed 2")) / 3
print(f"  mean of three seeds {mean:.3g}, its logarithm {math.log(mean):.1f}")
orders = [found(order=[f"metrics.loss {way}"]) for way in ("ASC", "DESC")]
filters = [found(f"metrics.loss {way} 0") for way in (">", "<=")]
print("  ascending", orders[0], "descending", orders[1])
print("  loss > 0", filters[0], "loss <= 0", filters[1])
finite = losses["seed 1"] == histories["seed 1"][-1] == sys.float_info.max and math.isfinite(mean)
last = all(order[-1] == "seed 3" for order in orders) and orders[1][0] == "seed 1"
hidden = all("seed 3" not in some for some in filters) and math.isnan(losses["seed 3"])
sys.exit(0 if finite and last and hidden else 1)
PY
