#!/usr/bin/env bash
# WeightWatcher's alpha of layers that were never trained is anything from 2 to 28, by their seed alone, and most
# small ones pass as trained.
#
# One would guess: alpha, a measure of how well a network generalises that needs no data, is large and much the
# same for all random weights, and the warning "under-trained" (alpha above 6) stands at each.
# True: random weights have no power law, so the fit takes whichever tail looks most like one. Over 20 seeds alpha of a
# layer of 512 inputs and 256 outputs, as PyTorch initialises it, differs sixfold. Of the layers of 128 inputs and 64
# outputs three in four have no warning. A difference in alpha between two networks means little before it is larger
# than that between two seeds.
# Needs Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check torch==2.6.0 numpy==2.4.6 powerlaw==2.0.0 weightwatcher==0.7.7
cat >run.py <<'PY'
import logging
import sys
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
import torch
import weightwatcher

found = []
for seed in range(20):
    torch.manual_seed(seed)
    network = torch.nn.Sequential(torch.nn.Linear(512, 256), torch.nn.Linear(128, 64))
    found.append(weightwatcher.WeightWatcher(model=network).analyze())
large, small = ([float(layers.alpha[i]) for layers in found] for i in (0, 1))
passed = sum(layers.warning[1] == "" for layers in found)
print(f"WeightWatcher {weightwatcher.__version__}, 20 untrained networks: alpha of 512 to 256 is {min(large):.1f} to "
      f"{max(large):.1f}, of 128 to 64 {min(small):.1f} to {max(small):.1f}; {passed} of the 20 small layers have no warning")
sys.exit(0 if max(large) > 3 * min(large) and passed > 10 else 1)
PY
v/bin/python run.py 2>/dev/null | grep "untrained networks"
exit "${PIPESTATUS[0]}"
