#!/usr/bin/env bash
# papermill cannot set the parameters of a notebook for Deno's kernel.
#
# One would guess: papermill puts a cell with the given values behind the one tagged "parameters", in
# whatever language the kernel has, and leaves running it to the kernel.
# True: it translates values by kernel and language names that it knows, and has none for "deno" or
# "typescript": it raises before anything runs. Without parameters the same notebook is written.
# So a grid of a Deno notebook cannot be swept by papermill; here a task sets constants of that cell.
# Needs Python 3 with venv and pip.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check papermill==2.6.0
cat >run.py <<'PY'
import sys
import nbformat
import papermill

kernel = {"name": "deno", "display_name": "Deno", "language": "typescript"}
cell = nbformat.v4.new_code_cell("const RATES = [0.1];", metadata={"tags": ["parameters"]})
nb = nbformat.v4.new_notebook(metadata={"kernelspec": kernel}, cells=[cell])
nbformat.write(nb, "asked.ipynb")


def prepare(parameters):
    try:
        papermill.execute_notebook("asked.ipynb", "given.ipynb", parameters=parameters, prepare_only=True)
    except papermill.exceptions.PapermillException as error:
        return f"raises: {error}"
    return "writes"


without, given = prepare({}), prepare({"RATES": [0.1, 0.01]})
print(f"papermill {papermill.__version__}, a notebook for Deno: without parameters {without}; with them {given}")
sys.exit(0 if without == "writes" and "No parameter translator" in given else 1)
PY
v/bin/python run.py 2>/dev/null
