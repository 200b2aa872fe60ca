#!/usr/bin/env bash
# Centred RMSProp of TensorFlow.js makes every weight NaN whose gradient is 0, at the first step.
#
# One would guess: epsilon keeps the division from 0, as in the rule without centring and as in Optax, which
# divides by sqrt(mean of squares - square of the mean + epsilon).
# True: with `centered` it is subtracted, so the root is that of a negative number wherever the gradient's variance
# is below epsilon. That holds for a unit that is never active, and for any gradient of 3e-4 or less, whose
# variance cannot be more. A larger one that stays the same gets there later: 0.01 within 100 steps. A larger
# epsilon makes it worse.
# Here: RMSprop is not centred, and its rule is PyTorch's on all engines.
# Needs Node.js with npm, and Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
echo '{"type":"module","dependencies":{"@tensorflow/tfjs":"4.22.0"}}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6 jax==0.7.2 optax==0.2.8
cat >run.js <<'JS'
import * as tf from "@tensorflow/tfjs";
await tf.setBackend("cpu");
for (const centered of [false, true]) {
  const found = [0, 1e-4, 1e-2].map((gradient) => {
    const weight = tf.variable(tf.scalar(0));
    const rule = tf.train.rmsprop(0.01, 0.9, 0, 1e-7, centered);
    for (let step = 1; step <= 100; step++) {
      rule.applyGradients({ [weight.name]: tf.scalar(gradient) });
      if (Number.isNaN(weight.dataSync()[0])) return `NaN at step ${step}`;
    }
    return "finite";
  });
  console.log(`tfjs 4.22.0 centered=${centered}: ${found.join(", ")}`);
}
JS
cat >run.py <<'PY'
import jax.numpy as jnp
import optax

gradients = jnp.array([0.0, 1e-4, 1e-2])
rule = optax.rmsprop(0.01, decay=0.9, eps=1e-7, centered=True)
state, weights = rule.init(gradients), jnp.zeros(3)
for _ in range(100):
    change, state = rule.update(gradients, state)
    weights = optax.apply_updates(weights, change)
print("optax 0.2.8 centered=True:", ", ".join("finite" if value else "NaN" for value in jnp.isfinite(weights)))
PY
seen=$(node run.js 2>/dev/null; JAX_PLATFORMS=cpu v/bin/python run.py)
echo "$seen"
grep -q "centered=false: finite, finite, finite" <<<"$seen" || exit 1
grep -qE "centered=true: NaN at step 1, NaN at step 1, NaN at step [0-9]+" <<<"$seen" || exit 1
grep -q "centered=True: finite, finite, finite" <<<"$seen" || exit 1
