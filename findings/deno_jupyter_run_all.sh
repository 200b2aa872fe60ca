#!/usr/bin/env bash
# After a cell that throws, Deno's kernel runs the cells that wait behind it, which IPython's leaves out.
#
# One would guess: "run all" ends at the first error. Jupyter in a browser sends all cells at once, each with
# `stop_on_error`, and the kernel aborts what waits behind one that failed.
# True: Deno's kernel does not heed the flag. In a notebook that ran before, all names are there still: the learning
# rate is set to 1, training throws, and the next cell reports the network of rate 0.1 as that of 1. The message may
# stand some screens above. nbclient and nbconvert wait for each cell, so they do end there.
# Here: `deno task notebooks` executes by nbconvert.
# Needs Node.js with npm and Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --prefix tools deno@2.9.6
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check jupyter-client==8.10.0 ipykernel==7.3.0
mkdir -p jupyter/kernels/deno
deno=$folder/tools/node_modules/.bin/deno
cat >jupyter/kernels/deno/kernel.json <<JSON
{"argv":["$deno","jupyter","--kernel","--conn","{connection_file}"],"display_name":"Deno","language":"typescript"}
JSON
cat >run.py <<'PY'
import sys
from importlib.metadata import version
from jupyter_client.manager import start_new_kernel

CELLS = {
    "deno": [
        ["rate = 0.1", "network = train(rate)", "report(rate, network)"],
        "var rate = 0, network = '';"
        "function train(r) { if (r >= 1) throw new Error('diverged'); return `trained at ${r}`; }"
        "function report(r, n) { return `rate ${r}: ${n}`; }",
    ],
    "python3": [
        ["rate = 0.1", "network = train(rate)", "report(rate, network)"],
        "def train(r):\n  if r >= 1: raise ValueError('diverged')\n  return f'trained at {r}'\n"
        "report = lambda r, n: f'rate {r}: {n}'",
    ],
}


def run_all(client, cells):
    """Sends all cells at once; how each ended, and what the last one showed."""
    sent = [client.execute(cell, stop_on_error=True) for cell in cells]
    ended, shown = {}, None
    while set(ended) != set(sent):
        reply = client.get_shell_msg(timeout=60)
        if reply["parent_header"].get("msg_id") in sent:
            ended[reply["parent_header"]["msg_id"]] = reply["content"]["status"]
    client.execute("'end'")
    while True:
        message = client.get_iopub_msg(timeout=60)
        text = message["content"].get("data", {}).get("text/plain", "")
        if message["msg_type"] == "execute_result" and "end" in text:
            return [ended[each] for each in sent], shown
        if message["parent_header"].get("msg_id") == sent[-1] and text:
            shown = text.replace("\x1b[32m", "").replace("\x1b[39m", "")


print(f"Deno 2.9.6, ipykernel {version('ipykernel')}, jupyter_client {version('jupyter-client')}")
found = {}
for kernel, (cells, first) in CELLS.items():
    manager, client = start_new_kernel(kernel_name=kernel, startup_timeout=60)
    try:
        before = run_all(client, [first, *cells])
        found[kernel] = run_all(client, ["rate = 1", *cells[1:]])
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    print(f"{kernel}: with 0.1 {before[0]} {before[1]}; again with 1 {found[kernel][0]} {found[kernel][1]}")
runs_on = found["deno"][0] == ["ok", "error", "ok"] and "rate 1: trained at 0.1" in found["deno"][1]
sys.exit(0 if runs_on and found["python3"] == (["ok", "error", "aborted"], None) else 1)
PY
JUPYTER_PATH=$folder/jupyter v/bin/python run.py 2>/dev/null
