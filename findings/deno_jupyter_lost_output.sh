#!/usr/bin/env bash
# A cell of Deno's kernel shows what its own console prints, and nothing else that is written to stdout.
#
# One would guess: as with Python's kernel, a cell shows what `process.stdout.write` writes, and what a
# worker or a child process prints.
# True: of console.log in the cell, Deno.stdout, process.stdout, a worker's console.log and a child
# that inherits stdout, only the first is seen; the rest goes past the notebook without an error.
# So progress and warnings of threads must be sent to the cell that waits for them, as here.
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

CELLS = {
    "console.log": 'console.log("seen");',
    "Deno.stdout": 'void Deno.stdout.writeSync(new TextEncoder().encode("seen\\n"));',
    "process.stdout": 'void process.stdout.write("seen\\n");',
    "a worker": '''const source = 'console.log("seen"); postMessage(0);';
const worker = new Worker("data:text/javascript," + encodeURIComponent(source), { type: "module" });
await new Promise((resolve) => worker.addEventListener("message", () => resolve(undefined)));
worker.terminate();''',
    "a child": 'await new Deno.Command(Deno.execPath(), { args: ["eval", "console.log(\\"seen\\")"], stdout: "inherit" }).spawn().status; undefined',
}
cells = [nbformat.v4.new_code_cell(source) for source in CELLS.values()]
nb = nbformat.v4.new_notebook(cells=cells)
NotebookClient(nb, kernel_name="deno", timeout=60).execute()
shown = {
    name: any("seen" in str(output.get("text", "")) for output in cell.outputs)
    for name, cell in zip(CELLS, nb.cells)
}
print("Deno 2.9.6, nbclient 0.11.0, seen in the cell:", shown)
sys.exit(0 if shown == {name: name == "console.log" for name in CELLS} else 1)
PY
JUPYTER_PATH=$folder/jupyter v/bin/python run.py 2>/dev/null
