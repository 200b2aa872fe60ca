#!/usr/bin/env bash
# ONNX Runtime's mean of equal numbers is not that number.
#
# One would guess: a library sums in pairs or blocks, so that the mean of 50,000 copies of 2.3 is 2.3
# to float32's 1e-7, as NumPy's is.
# True: it is off by 1.3e-4, of 200,000 copies by 5e-4: a running float32 sum. A mean loss over a
# training set is just such a sum, and a sharpness of 1e-3 is the difference of two of them.
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


def error(mean, n):
    return abs(float(mean(np.full(n, 2.3, np.float32))) - float(np.float32(2.3)))


theirs = [error(lambda x: run("ReduceMean", x, keepdims=0), n) for n in (50_000, 200_000)]
numpys = [error(np.mean, n) for n in (50_000, 200_000)]
print("onnxruntime", ort.__version__, "errors", theirs, "NumPy", numpys)
sys.exit(0 if theirs[0] > 2e-5 and theirs[1] > 1e-4 and max(numpys) < 1e-6 else 1)
PY
v/bin/python run.py
