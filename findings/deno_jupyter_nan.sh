#!/usr/bin/env bash
# Deno's kernel shows nothing for a cell whose last value is NaN or Infinity.
#
# One would guess: a cell that ends in `loss` shows NaN when training has diverged.
# True: it shows nothing at all, as for undefined; so do Infinity, -0 and a bigint. In an array or an object
# they are shown, and so are 0, false and "". console.log and Deno.jupyter.display show all of them.
# Needs Node.js with npm and Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --prefix tools deno@2.9.6
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check nbclient==0.11.0
mkdir -p jupyter/kernels/deno
deno=$folder/tools/node_modules/.bin/deno
cat >jupyter/kernels/deno/kernel.json <<JSON
{"argv":["$deno","jupyter","--kernel","--conn","{connection_file}"],"display_name":"Deno","language":"typescript"}
JSON
cat >run.py <<'PY'
import sys
import nbformat
from nbclient import NotebookClient

HIDDEN = ["const loss = Math.log(-1); loss", "Infinity", "-0", "5n", "undefined"]
SHOWN = ["1.5", "0", '""', "false", "[NaN, -0]", "({ loss: NaN })", "console.log(NaN)", "await Deno.jupyter.display(Infinity)"]
cells = [nbformat.v4.new_code_cell(source) for source in HIDDEN + SHOWN]
nb = nbformat.v4.new_notebook(cells=cells)
NotebookClient(nb, kernel_name="deno", timeout=60).execute()
hidden = [cell.source for cell in nb.cells if not cell.outputs]
print("Deno 2.9.6, nbclient 0.11.0, cells without any output:", hidden)
sys.exit(0 if hidden == HIDDEN else 1)
PY
JUPYTER_PATH=$folder/jupyter v/bin/python run.py 2>/dev/null
