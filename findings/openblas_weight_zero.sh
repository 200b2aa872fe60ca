#!/usr/bin/env bash
# Whether OpenBLAS reads a matrix whose product is weighed with 0 depends on its size and on the processor.
#
# One would guess: C = 0 A B + C leaves C as it is. The reference says that A and B are not referenced where alpha
# is 0, so a network that diverged does no harm where its weight in a sum is 0.
# True: with AVX-512 products of up to a million multiply-adds have code of their own, which computes 0 times
# A B: NaN and infinity in A come through. A product of 100 x 100 x 100 becomes NaN, one of 101 x 101 x 101
# stays what it was. With the kernels for AVX2 both stay.
# Here: no product is taken with alpha = 0.
# Needs Python 3 with venv, and a processor with AVX-512 (else it ends with 2).
set -euo pipefail
grep -q avx512f /proc/cpuinfo || exit 2
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
python3 -m venv v
v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1
cat >run.py <<'PY'
import numpy as np
from scipy.linalg.blas import sgemm

found = []
for size in 100, 101:
    lost = np.full((size, size), np.nan, dtype=np.float32, order="F")
    ones = np.ones((size, size), dtype=np.float32, order="F")
    product = sgemm(0.0, lost, ones, beta=1.0, c=ones.copy(order="F"))
    found.append(f"{size}: {'NaN' if np.isnan(product).any() else 'as it was'}")
print(", ".join(found))
PY
status=0
for core in SkylakeX Haswell; do
  seen=$(OPENBLAS_CORETYPE=$core v/bin/python run.py)
  echo "SciPy 1.17.1, its OpenBLAS' kernels for $core: $seen"
  [ $core = SkylakeX ] && wanted="100: NaN, 101: as it was" || wanted="100: as it was, 101: as it was"
  [ "$seen" = "$wanted" ] || status=1
done
exit $status
