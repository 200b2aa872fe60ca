#!/usr/bin/env bash
# mathjs' smallest number is not the smallest where numbers are below 1e-15, and its solutions are 0 there.
#
# One would guess: equal() and larger() have a tolerance, as is documented; min, max, sort and median of float64
# numbers and the solution of two equations are exact to some fifteen digits, however small the numbers are.
# True: they all compare by that tolerance, 1e-15 absolute. min(5e-16, 1e-16) is 5e-16, for the first one wins; sort
# leaves numbers as they stand, and median gives the wrong one. lusolve takes such a pivot for 0 and says x = 0
# where x = 1 is right. eigs gives the diagonal. Nothing is said. create(all, { absTol: 0 }) mends all but eigs.
# Squares of gradients at a minimum are that small, and so are p values that Holm's rule has to sort.
# Here: mathjs is not used; eigenvalues come from code of our own.
# Needs Node.js with npm.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
echo '{"type":"module","dependencies":{"mathjs":"15.2.0"}}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts
cat >run.js <<'JS'
import { all, create } from "mathjs";
const pValues = [3e-17, 1e-20, 2e-18];
const scaled = (scale) => [[10 * scale, 2 * scale], [2 * scale, 10 * scale]]; // eigenvalues 8 and 12 times the scale
function answers(math) {
  return {
    "min(5e-16, 1e-16)": math.min(5e-16, 1e-16),
    "max(1e-16, 5e-16)": math.max(1e-16, 5e-16),
    "sort of 3e-17, 1e-20, 2e-18": math.sort([...pValues]).join(" "), // it sorts in place
    "median of them": math.median(pValues),
    "lusolve, both 1 is right": math.lusolve(scaled(1e-18), [12e-18, 12e-18]).flat().join(" "),
    "eigs, 8e-18 and 12e-18 are right": math.eigs(scaled(1e-18)).values.join(" "),
  };
}
const [asItComes, exact] = [answers(create(all)), answers(create(all, { absTol: 0 }))];
console.log(`mathjs ${create(all).version}`);
for (const key of Object.keys(exact)) console.log(`  ${key}: ${asItComes[key]}; with absTol 0: ${exact[key]}`);
const { min, max, sort } = create(all);
const isLarge = min(5e-12, 1e-12) === 1e-12 && max(1e-12, 5e-12) === 5e-12 && sort([3e-9, 1e-9])[0] === 1e-9;
const [first, second, order, middle, solution, values] = Object.values(asItComes);
const isWrong = first === 5e-16 && second === 1e-16 && order === pValues.join(" ") && middle === 3e-17 &&
  solution === "0 0" && values === "1e-17 1e-17";
const isMended = exact["min(5e-16, 1e-16)"] === 1e-16 && !exact["lusolve, both 1 is right"].includes("0 0");
process.exit(isWrong && isLarge && isMended ? 0 : 1);
JS
node run.js
