#!/usr/bin/env bash
# `using` at the top of a notebook's cell never releases what it holds.
#
# One would guess: Deno disposes of it where the cell ends, as it does where a module or a block ends.
# True: it stays, for later cells too, and nothing disposes of it when the kernel is shut down: `using` in a cell is
# `const`. A lock is kept from other processes, GPU buffers pile up each time the cell runs. In braces it works.
# Here: no notebook holds a lock or an engine beyond a call of lib/, which releases them itself.
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
held='const hold = (name: string) => ({ [Symbol.dispose]: () => Deno.writeTextFileSync(name, "released") });'
printf '%s\n{ using block = hold("block"); }\nusing top = hold("module");\n' "$held" >module.ts
"$deno" run --quiet --allow-write module.ts
cat >run.py <<PY
import sys
from pathlib import Path
import nbformat
from nbclient import NotebookClient

cells = ['''$held''', 'using top = hold("cell");', '{ using block = hold("cell_block"); }', "typeof top"]
nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
NotebookClient(nb, kernel_name="deno", timeout=60).execute()
released = [name for name in ("block", "module", "cell_block", "cell") if Path(name).exists()]
later = nb.cells[3].outputs[0]["data"]["text/plain"]
print(f"Deno 2.9.6, nbclient 0.11.0, released: {released}, the kernel has ended; in a later cell it was {later}")
sys.exit(0 if released == ["block", "module", "cell_block"] and "object" in later else 1)
PY
JUPYTER_PATH=$folder/jupyter v/bin/python run.py 2>/dev/null
