#!/usr/bin/env bash
# Since 0.8.0 safetensors writes a transposed NumPy matrix with its numbers in the wrong places.
#
# One would guess: save_file({"weight": w.T}) and load_file give back w.T; 0.7.0 does so, and what is not laid out row
# by row is copied first, or refused, as for PyTorch.
# True: the shape is that of the transposed matrix, the numbers stand as in memory before: no error, the same
# size, sum, norm and histogram, and another network. Every second column, w[:, ::2], comes back as the first ones.
# Whoever carries weights [inputs, outputs] (JAX, Keras) to PyTorch's [outputs, inputs] writes just such a matrix.
# The documentation asks for tensors that are contiguous. np.ascontiguousarray helps; safetensors.flax is right.
# Here: safetensors files are written and read by code of our own, from flat arrays, and are tested against PyTorch's.
# Needs Python 3 with venv and pip.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat >run.py <<'PY'
import json
from importlib.metadata import version
import numpy as np
from safetensors.numpy import load_file, save_file

w = np.arange(6, dtype=np.float32).reshape(2, 3)
given = {
    "w": w,
    "w.T": w.T,
    "np.ascontiguousarray(w.T)": np.ascontiguousarray(w.T),
    "w[:, ::2]": w[:, ::2],
}
save_file(given, "file.safetensors")
read = load_file("file.safetensors")
print(f"safetensors {version('safetensors')}, NumPy {np.__version__}")
for name, values in given.items():
    print(f"  {name}: given {values.tolist()}, read {read[name].tolist()}")
changed = [name for name, values in given.items() if not np.array_equal(values, read[name])]
assert all(read[name].shape == values.shape for name, values in given.items())
with open("changed.json", "w") as file:
    json.dump(changed, file)
PY
for version in 0.7.0 0.8.0; do
  python3 -m venv "v$version"
  "v$version/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.5 "safetensors==$version"
  "v$version/bin/python" run.py
  mv changed.json "$version.json"
done
[ "$(cat 0.7.0.json)" = '[]' ] && [ "$(cat 0.8.0.json)" = '["w.T", "w[:, ::2]"]' ] || exit 1
