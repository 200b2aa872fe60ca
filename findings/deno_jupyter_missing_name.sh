#!/usr/bin/env bash
# In Deno's kernel a name that a module does not have is imported as undefined.
#
# One would guess: import { radius } from "./settings.ts", where it is called `radii` by now, ends the cell with "does
# not provide an export named 'radius'", as it ends a script.
# True: the cell runs, and the name is undefined. A function is found out where it is called; a constant is not. As
# an option that has a default, it is the default: sharpness at radius 5 where the settings say 0.5, and no word of it.
# `deno check` would tell, but reads no notebook. (A file that does not exist is an error.)
# Here: notebooks are executed again and compared with the outputs that are committed (tests/notebook/same_outputs.ts).
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
echo 'export const radii = 0.5;' >settings.ts
echo 'export const sharpness = ({ radius = 5 } = {}) => `sharpness at radius ${radius}`;' >measure.ts
cat >script.ts <<'TS'
import { radius } from "./settings.ts";
import { sharpness } from "./measure.ts";
console.log(sharpness({ radius }));
TS
cat >run.py <<'PY'
import subprocess
import sys
import nbformat
from nbclient import NotebookClient

with open("script.ts") as file:
    source = file.read()
cells = [source, "typeof radius", 'import { other } from "./gone.ts";']
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
NotebookClient(notebook, kernel_name="deno", timeout=60, allow_errors=True).execute()
shown = ["".join(each.get("text", "") or each.get("evalue", "") or each["data"]["text/plain"] for each in cell.outputs)
         for cell in notebook.cells]
script = subprocess.run([sys.argv[1], "run", "--quiet", "script.ts"], capture_output=True, text=True)
reason = next((line for line in script.stderr.splitlines() if "radius" in line), "")
print(f"Deno 2.9.6, nbclient 0.11.0; as a script: exit status {script.returncode}, {reason}")
print(f"in a cell: {shown[0].strip()}; typeof radius: {shown[1]}; of a file that is not there: {shown[2][:16]}")
is_error = script.returncode == 1 and "does not provide an export" in reason and "Module not found" in shown[2]
sys.exit(0 if is_error and shown[0] == "sharpness at radius 5\n" and "undefined" in shown[1] else 1)
PY
NO_COLOR=1 JUPYTER_PATH=$folder/jupyter v/bin/python run.py "$deno" 2>/dev/null
