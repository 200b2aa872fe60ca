#!/usr/bin/env bash
# A cell with a typing error shows nothing in Deno's kernel: no message, no line, and none of the cell has run.
#
# One would guess: a bracket that is missing gives what `deno run` prints: the error, the line and a mark below it.
# True: the cell stays empty, as one that has nothing to show. The reply says "error", with an empty traceback and
# no more than "Execution failed". That holds for what Deno's TypeScript parser finds. What V8 finds behind it (a name
# declared twice, `return` outside a function) is shown, so the kernel seems to tell of such errors.
# The constants of such a cell keep the values of the run before, and the next cells compute with them.
# Here: notebooks/README.md says so; `deno task notebooks --set` sets a notebook's constants and checks them.
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
cat >cells.json <<'JSON'
["var rates = [0.1];", "rates = [1e-3, 1e-2;", "function step(w { return w; }", "rates.length ** ;", "rates",
 "return 5"]
JSON
cat >run.py <<'PY'
import json
import subprocess
import sys
import nbformat
from nbclient import NotebookClient

with open("cells.json") as file:
    cells = json.load(file)
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
replies = {}
client = NotebookClient(notebook, kernel_name="deno", timeout=60, allow_errors=True)
client.on_cell_executed = lambda cell_index, execute_reply, **_: replies.update({cell_index: execute_reply["content"]})
client.execute()
print("Deno 2.9.6, nbclient 0.11.0")
said = []
for index, (cell, made) in enumerate(zip(cells, notebook.cells)):
    with open("script.ts", "w") as file:
        file.write(cell)
    script = subprocess.run([sys.argv[1], "run", "--quiet", "script.ts"], capture_output=True, text=True)
    shown = [output.get("evalue") or output["data"]["text/plain"] for output in made.outputs]
    said.append("SyntaxError" in script.stderr or "not valid" in script.stderr or "Expect" in script.stderr)
    print(f"  {cell}\n    reply {replies[index]['status']}, shown {shown}, deno run: {script.stderr.strip()[:60]!r}")
silent = [not notebook.cells[i].outputs and replies[i]["status"] == "error" and said[i] for i in (1, 2, 3)]
kept = "0.1" in notebook.cells[4].outputs[0]["data"]["text/plain"]
sys.exit(0 if all(silent) and kept and "Illegal return" in notebook.cells[5].outputs[0]["evalue"] else 1)
PY
NO_COLOR=1 JUPYTER_PATH=$folder/jupyter v/bin/python run.py "$deno" 2>/dev/null
