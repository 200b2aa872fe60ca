#!/usr/bin/env bash
# Under a frozen lock one import of a new package silently breaks all later imports of Deno's kernel.
#
# One would guess: `import "npm:..."` of a package that deno.lock lacks throws in the cell, can be
# caught, and the next cell imports a local file as before.
# True: the cell ends and shows nothing, past its own try/catch; and in every later cell an
# import of a local file ends the same way. Without "frozen" all of it works.
# A user of notebooks imports a package of their own first: so deno.json freezes nothing, only its
# tasks do, and a test holds it. Needs Node.js with npm and Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --prefix tools deno@2.9.6
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check nbclient==0.11.0
mkdir -p jupyter/kernels/deno study
deno=$folder/tools/node_modules/.bin/deno
cat >jupyter/kernels/deno/kernel.json <<JSON
{"argv":["$deno","jupyter","--kernel","--conn","{connection_file}"],"display_name":"Deno","language":"typescript"}
JSON
echo 'export const answer = 42;' >study/local.ts
cat >run.py <<'PY'
import json, sys
import nbformat
from nbclient import NotebookClient

CELLS = [
    'const { answer } = await import("./local.ts"); console.log(answer);',
    'try { await import("npm:is-odd@3.0.1"); console.log("has it"); } catch { console.log("caught"); }',
    'const again = await import("./local.ts?again"); console.log(again.answer);',
]


def shown(frozen):
    open("study/deno.json", "w").write(json.dumps({"lock": {"path": "deno.lock", "frozen": frozen}}))
    open("study/deno.lock", "w").write('{"version":"5"}')
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(nb, kernel_name="deno", timeout=60, allow_errors=True, resources={"metadata": {"path": "study"}}).execute()
    return ["".join(output.get("text", "") for output in cell.outputs).strip() for cell in nb.cells]


free, frozen = shown(False), shown(True)
print("Deno 2.9.6, nbclient 0.11.0: cells show, not frozen", free, "frozen", frozen)
sys.exit(0 if free == ["42", "has it", "42"] and frozen == ["42", "", ""] else 1)
PY
JUPYTER_PATH=$folder/jupyter NO_COLOR=1 v/bin/python run.py
