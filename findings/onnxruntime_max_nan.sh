#!/usr/bin/env bash
# ONNX Runtime's ReduceMax sees a NaN only where it stands first.
#
# One would guess: the maximum of numbers with a NaN among them is NaN (NumPy, IEEE 754-2019 maximum),
# or the largest of the others.
# True: it is NaN if the NaN is the first element; elsewhere a number comes out, and with the NaN second
# it was 98 where the others go up to 99. A softmax that
# subtracts the maximum shows a diverged network or hides it, depending on which class is NaN.
# Needs Python 3 with venv. Here: only matrix products come from that library.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check onnx==1.20.1 onnxruntime==1.27.0 numpy==2.4.6
cat >run.py <<'PY'
import sys
import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper


def run(operator, x, **attributes):
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node(operator, ["x"], ["y"], **attributes)], "g", [value("x")], [value("y")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def maximum(place):
    x = np.arange(100, dtype=np.float32)
    x[place] = np.nan
    return float(run("ReduceMax", x, keepdims=0))


seen = {place: maximum(place) for place in (0, 1, 50, 98)}
print("onnxruntime", ort.__version__, "maximum with NaN at", seen)
sys.exit(0 if np.isnan(seen[0]) and not any(np.isnan(seen[place]) for place in (1, 50, 98)) else 1)
PY
v/bin/python run.py
