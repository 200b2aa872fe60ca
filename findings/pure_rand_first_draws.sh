#!/usr/bin/env bash
# pure-rand's xoroshiro128+ and xorshift128+ count down from seed to seed in their first draw.
#
# One would guess: generators of seeds 0, 1, 2 have unrelated first draws, as those of a Mersenne Twister.
# True: the first draw of seed s is -1 - s, a uniform number above 0.99999 for every small seed; an integer
# drawn from 0 to 999 goes 647, 646, 645; and the second draws of neighbouring seeds go in even steps.
# Replicates of an experiment are such seeds. Here: every stream is jumped at least once, which mixes it; a
# jump of seeds 0 to 999 leaves first draws that are spread evenly and not ordered.
# Needs Node.js and npm.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
echo '{"type":"module","dependencies":{"pure-rand":"8.4.2"}}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts
cat >run.mjs <<'JS'
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { mersenne } from "pure-rand/generator/mersenne";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { xorshift128plus } from "pure-rand/generator/xorshift128plus";
const seeds = Array.from({ length: 1000 }, (_, seed) => seed);
const draws = {
  xoroshiro128plus: seeds.map((seed) => xoroshiro128plus(seed).next()),
  xorshift128plus: seeds.map((seed) => xorshift128plus(seed).next()),
  mersenne: seeds.map((seed) => mersenne(seed).next()),
};
const countsDown = (values) => values.every((value, seed) => value === -1 - seed);
const jumped = seeds.map((seed) => {
  const generator = xoroshiro128plus(seed);
  generator.jump();
  return uniformFloat64(generator);
});
const mean = jumped.reduce((sum, value) => sum + value) / seeds.length;
const falls = jumped.filter((value, seed) => seed > 0 && value < jumped[seed - 1]).length;
const integers = seeds.slice(0, 3).map((seed) => uniformInt(xoroshiro128plus(seed), 0, 999));
const found = Object.fromEntries(Object.entries(draws).map(([name, values]) => [name, countsDown(values)]));
console.log("pure-rand 8.4.2: first draw is -1 - seed", found, "from 0 to 999", integers);
console.log(`xoroshiro128+ jumped once: mean of first draws ${mean}, falling from seed to seed ${falls} of 999 times`);
const isMixed = Math.abs(mean - 0.5) < 0.04 && falls > 450 && falls < 550;
process.exit(found.xoroshiro128plus && found.xorshift128plus && !found.mersenne && isMixed ? 0 : 1);
JS
node run.mjs
