#!/usr/bin/env bash
# One small network through this program and through its peers in PyTorch: prints a Markdown table.
# Run by hand: it installs pinned packages (some 3 GB) into a temporary folder, and needs deno, Python 3
# with venv, and CIFAR-10 as any command of this project finds it. PYTHON=... takes a Python that has them.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv "$folder/venv"
  PYTHON=$folder/venv/bin/python
  "$PYTHON" -m pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6 scipy==1.17.1 \
    safetensors==0.8.0 PyHessian==0.1 hessian-eigenthings==1.0.0a5 curvlinops-for-pytorch==3.0.1 \
    loss-landscapes==3.0.6 pytorch_optimizer==4.1.0
fi
model=$folder/model.safetensors
deno task train --learning-rate 0.01 --batch-size 128 --optimizer SGD --seed 5 --max-epochs 3 --images 2000 \
  --models "$folder/models" --out "$model" --json >/dev/null
deno task measure --model "$model" --images 2000 --json --measures \
  "sharpness(directions=500),relative-filter,relative-tensor,lambda-max(tolerance=1e-6),hessian-trace(directions=64),trace,worst-case(steps=1),adaptive-worst-case(steps=1)" \
  >"$folder/ours.json"
"$PYTHON" tests/peers/peers.py "$model" data/data_batch_1.bin "$folder/ours.json"
