#!/usr/bin/env bash
# ONNX Runtime's Linux binaries have usage telemetry on.
#
# One would guess: a library for arithmetic writes nothing below the home folder; telemetry is a matter of
# the Windows builds.
# True: since 1.29 the official Linux binaries keep a device id and a database below the home folder's
# cache and look up a host of their maker's, in every process that opens a session.
# ORT_DISABLE_TELEMETRY=1 in the environment before the library loads prevents both.
# Needs Node.js, npm and `unshare -rn` (the process gets no network). Here: the variable is set on every
# way in, and a test looks at what is written and reached.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
echo '{"type":"module","dependencies":{"onnxruntime-node":"1.30.0"}}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts
cat >run.js <<'JS'
import { InferenceSession } from "onnxruntime-node";
// One operator, y = -x.
await InferenceSession.create(Buffer.from("CAg6MgoLCgF4EgF5IgNOZWcSAWdaDwoBeBIKCggIARIECgIIAWIPCgF5EgoKCAgBEgQKAggBQgQKABAN", "base64"));
await new Promise((done) => setTimeout(done, 3000));
process.exit(0);
JS
look() {
  mkdir "$1"
  env -u XDG_CACHE_HOME -u ORT_DISABLE_TELEMETRY HOME="$folder/$1" "${@:2}" unshare -rn node run.js >/dev/null 2>&1
  find "$1" -type f | wc -l
}
on=$(look on) off=$(look off ORT_DISABLE_TELEMETRY=1)
echo "onnxruntime-node 1.30.0: files below an empty home folder: $on, with ORT_DISABLE_TELEMETRY=1: $off"
[ "$on" -gt 0 ] && [ "$off" -eq 0 ]
