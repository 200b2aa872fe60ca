#!/usr/bin/env bash
# nbval compares the first state of a display that is updated, so a fresh notebook fails at once.
#
# One would guess: a notebook that was just executed passes `pytest --nbval`.
# True: what is saved is the last state of an updated display (a progress bar's "done"), what nbval
# sees is the first one; it calls the update an "unhandled iopub msg", and the cell fails.
# Progress of our notebooks is shown only when there is some, so cells that read results pass. Needs
# Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check nbval==0.11.0 pytest==8.4.2 nbclient==0.11.0 ipykernel==7.3.0
cat >make.py <<'PY'
import sys
import nbformat
from nbclient import NotebookClient

CELL = 'from IPython.display import display\nhandle = display("begun", display_id=True)\n'
for name, source in (("shown.ipynb", CELL), ("updated.ipynb", CELL + 'handle.update("done")')):
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nb.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    NotebookClient(nb, timeout=60).execute()
    nbformat.write(nb, name)
PY
v/bin/python make.py
status() { v/bin/pytest --nbval -q -p no:cacheprovider "$1" >"$1.log" 2>&1 && echo passes || echo fails; }
plain=$(status shown.ipynb) updated=$(status updated.ipynb)
echo "nbval 0.11.0: a display $plain, an updated display $updated, both just executed"
[ "$plain" = passes ] && [ "$updated" = fails ] && grep -q "unhandled iopub msg: update_display_data" updated.ipynb.log
