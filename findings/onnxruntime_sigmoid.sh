#!/usr/bin/env bash
# ONNX Runtime's Sigmoid is exactly 0 from -18 on.
#
# One would guess: sigmoid(-18) is 1.5e-8 in float32, whose smallest normal number is 1e-38.
# True: it is 0 from -18 on and 8.9e-8 where 4.1e-8 is right at -17; its Exp is right down to -100.
# A log of it is -Infinity where -18 was meant. Needs Python 3 with venv.
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


x = np.array([-16, -17, -18, -30], np.float32)
seen = run("Sigmoid", x)
right = 1 / (1 + np.exp(-x.astype(np.float64)))
print("onnxruntime", ort.__version__, "Sigmoid", seen, "right", right, "Exp(-80)", run("Exp", np.array([-80], np.float32)))
sys.exit(0 if seen[1] > 1.5 * right[1] and seen[2] == 0 and seen[3] == 0 else 1)
PY
v/bin/python run.py
