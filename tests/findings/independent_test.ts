/**
 * Every verdict of results/findings.md, computed again from the records in this file's own words: no
 * import from lib/, other formulas where there are any.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { ROOT } from "~/tests/fixtures/script.ts";

interface Value {
  readonly measure: string;
  readonly protocol: Readonly<Record<string, unknown>>;
  readonly estimate: number;
  readonly samples?: readonly number[];
  readonly residual?: number;
}
interface Content {
  readonly trajectory: { learningRate: number; batchSize: number; optimizer: string; seed: number };
  readonly stops: Readonly<Record<string, number>>;
  readonly networks: readonly { epoch: number; trainLoss: number; measures: readonly Value[] }[];
}
type BySeed = Map<number, { value: number; other: number }>;

const RATES = [1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1];
const SIZES = [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 50000];
/** What the page calls a measure, and its names in records. */
const MEASURES: Readonly<Record<string, string[]>> = {
  "sharpness": ["sharpness"],
  "antithetic sharpness": ["antithetic"],
  "relative sharpness (filter)": ["relative-filter"],
  "relative sharpness (tensor)": ["relative-tensor"],
  "relative sharpness (balanced)": ["relative-balanced"],
  "trace of the Hessian, from losses": ["trace"],
  "largest eigenvalue of the Hessian": ["lambda-max"],
  "sharpness, statistics frozen": ["frozen", "frozen-batchnorm"],
};

const records: Content[] = [];
for (const optimizer of ["SGD", "AdaGrad"]) {
  const folder = `${ROOT}results/cifar10,images=50000/${optimizer}`;
  for (const { name } of Deno.readDirSync(folder)) {
    records.push(JSON.parse(Deno.readTextFileSync(`${folder}/${name}`)).content);
  }
}
const page = Deno.readTextFileSync(`${ROOT}results/findings.md`);
const STOP = page.match(/The stop is `([^`]+)`/)![1]!;
/** A series' cells, in order, by the page's words for it: [name, record of each seed]. */
function cellsOf(subject: string): { name: string; own: Content[] }[] {
  const [optimizer] = subject.split(",");
  const isRate = subject.includes("learning rate (");
  return (isRate ? RATES : SIZES).map((value) => {
    const [digit, power] = value.toExponential().split("e-");
    const raised = [...(power ?? "")].map((each) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(each)]).join("");
    const name = isRate ? `${digit === "1" ? "" : `${digit}×`}10⁻${raised}` : String(value);
    const own = records.filter(({ trajectory }) =>
      trajectory.optimizer === optimizer && trajectory.seed < 3 &&
      trajectory.learningRate === (isRate ? value : 1e-4) &&
      trajectory.batchSize === (isRate ? 128 : value)
    );
    return { name, own };
  });
}

/** The one of the most directions or the smallest residual first; eigenvalues whose residual is at most 1 %. */
function valuesOf(network: Content["networks"][number], label: string): Value[] {
  const rank = ({ samples, residual = 0 }: Value): number => residual - (samples?.length ?? 0);
  return network.measures.filter(({ measure, estimate, residual = 0 }) =>
    MEASURES[label]!.includes(measure) && 100 * residual <= Math.abs(estimate)
  ).sort((a, b) => rank(a) - rank(b));
}

function atStop(own: readonly Content[], label: string): BySeed {
  return new Map(own.flatMap(({ trajectory, stops, networks }) => {
    const network = networks.find(({ epoch }) => epoch === stops[STOP]);
    const found = network && valuesOf(network, label)[0];
    if (!found) return [];
    const { estimate: value, residual = 0 } = found;
    return [[trajectory.seed, { value, other: value + residual }]];
  }));
}

/** Directions that every network of the study's cells has. */
function commonDirections(label: string): number {
  const cells = ["SGD", "AdaGrad"].flatMap((optimizer) =>
    ["learning rate (", "batch size ("].flatMap((effect) => cellsOf(`${optimizer}, ${effect}`))
  );
  return Math.min(
    ...cells.flatMap(({ own }) =>
      own.flatMap(({ networks }) => networks.flatMap((each) => valuesOf(each, label)[0] ?? []))
    ).map(({ samples }) => samples!.length),
  );
}

function atLevel(own: readonly Content[], label: string, level: number): BySeed {
  const K = commonDirections(label);
  const result: BySeed = new Map();
  for (const { trajectory, networks } of own) {
    const curve = networks.flatMap((network) => {
      const found = valuesOf(network, label)[0];
      if (found === undefined) return [];
      const mean = found.samples!.slice(0, K).reduce((sum, each) => sum + each) / K;
      return [{ x: network.trainLoss, y: Math.log(mean) }];
    });
    for (let i = 0; i + 1 < curve.length; i++) {
      const [a, b] = [curve[i]!, curve[i + 1]!];
      if ((a.x - level) * (b.x - level) >= 0) continue;
      if (Math.abs(a.x - b.x) <= 0.25) {
        const share = (level - a.x) / (b.x - a.x);
        const linear = a.y * (1 - share) + b.y * share;
        const other = steffen(curve[i - 1], a, b, curve[i + 2], level);
        result.set(trajectory.seed, { value: Math.exp(linear), other: Math.exp(other) });
      }
      break;
    }
  }
  return result;
}

type Point = { readonly x: number; readonly y: number };

/** Steffen's cubic between b and c, as a polynomial in the distance from b (his equations 2 to 11). */
function steffen(
  a: Point | undefined,
  b: Point,
  c: Point,
  d: Point | undefined,
  x: number,
): number {
  const s = (p: Point, q: Point): number => (q.y - p.y) / (q.x - p.x);
  const inner = s(b, c);
  const slope = (p: Point | undefined, q: Point, r: Point): number => {
    // p, q, r in a row along the loss, or else the joint is a free end.
    if (p === undefined || (q.x - p.x) * (r.x - q.x) <= 0) return inner;
    const [left, right] = [s(p, q), s(q, r)];
    if (left * right <= 0) return 0;
    const parabola = (left * (r.x - q.x) + right * (q.x - p.x)) / (r.x - p.x);
    return 2 * Math.sign(left) *
      Math.min(Math.abs(left), Math.abs(right), Math.abs(parabola) / 2);
  };
  const [from, to] = [slope(a, b, c), slope(d, c, b)];
  const [h, t] = [c.x - b.x, x - b.x];
  return (from + to - 2 * inner) / h ** 2 * t ** 3 + (3 * inner - 2 * from - to) / h * t ** 2 +
    from * t + b.y;
}

/** Student's 0.975 quantile of one and two degrees of freedom, in closed form. */
const QUANTILE: Readonly<Record<number, number>> = {
  2: Math.tan(0.475 * Math.PI),
  3: 0.95 * Math.sqrt(2 / (4 * 0.975 * 0.025)),
};

/** P(|T| > t) of one and two degrees of freedom, in closed form; 1 below 0. */
function tail(t: number, seeds: number): number {
  if (t <= 0) return 1;
  return seeds === 2 ? 1 - 2 * Math.atan(t) / Math.PI : 1 - t / Math.sqrt(t ** 2 + 2);
}

interface Judged {
  readonly low: number;
  readonly high: number;
  readonly seeds: number;
  /** 0, and not negligible, for two seeds. */
  readonly sign: number;
  readonly isNegligible: boolean;
  /** Of the effect, or of being negligible where it is. */
  readonly p: number;
}

function judge(first: BySeed, last: BySeed, label: string): Judged | undefined {
  const seeds = [...first.keys()].filter((seed) => last.has(seed));
  if (seeds.length < 2) return undefined;
  const t = QUANTILE[seeds.length]!;
  const stats = (values: number[]): [mean: number, half: number] => {
    const mean = values.reduce((sum, value) => sum + value) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) /
      (values.length - 1);
    return [mean, t * Math.sqrt(variance / values.length)];
  };
  const values = (all: BySeed): number[] => seeds.map((seed) => all.get(seed)!.value);
  const ends = [first, last].map(values);
  const isRatio = ends.every((end) => {
    const [mean, half] = stats(end);
    return mean - half > 0 && end.every((value) => value > 0);
  });
  const scale = isRatio ? Math.log : (value: number): number => value;
  const [mean, plain] = stats(seeds.map((seed) => (
    scale(last.get(seed)!.value) - scale(first.get(seed)!.value)
  )));
  const [before, after] = [first, last].map((all) =>
    stats(seeds.map((seed) => {
      const { value, other } = all.get(seed)!;
      return Math.abs(scale(other) - scale(value));
    }))[0]
  ) as [number, number];
  // An eigenvalue may lie higher at either end, and moves the result one way by that.
  const error = label.includes("eigenvalue") ? Math.max(before, after) : before + after;
  const half = plain + error;
  const margin = isRatio
    ? Math.log(1.2)
    : 0.2 * Math.max(...ends.map((end) => Math.abs(stats(end)[0])));
  const isNegligible = seeds.length > 2 && mean - half >= -margin && mean + half <= margin;
  return {
    low: isRatio ? Math.exp(mean - half) : mean - half,
    high: isRatio ? Math.exp(mean + half) : mean + half,
    seeds: seeds.length,
    sign: seeds.length < 3 ? 0 : mean - half > 0 ? 1 : mean + half < 0 ? -1 : 0,
    isNegligible,
    p: isNegligible
      ? tail((margin - Math.abs(mean) - error) / (plain / t), seeds.length)
      : tail((Math.abs(mean) - error) / (plain / t), seeds.length),
  };
}

/** The furthest two with all three seeds in common. */
function ends(cells: readonly { name: string; values: BySeed }[]): [number, number] {
  let best: [number, number] = [0, cells.length - 1];
  let score = -1;
  for (let i = 0; i < cells.length; i++) {
    for (let j = i + 1; j < cells.length; j++) {
      const n = [...cells[i]!.values.keys()].filter((seed) => cells[j]!.values.has(seed)).length;
      if (n === 3 && j - i > score) [best, score] = [[i, j], j - i];
    }
  }
  return best;
}

interface Verdict {
  readonly kind: string;
  /** Names of the two ends. */
  readonly ends: readonly string[];
  /** Undefined for one seed. */
  readonly judged: Judged | undefined;
}

/** What an effect does where none at the stop is there to survive. */
const wayOf = ({ sign }: Judged): string => sign > 0 ? "rises" : "falls";

/** A series' verdict by itself, at the stop or at a level of the loss. */
function verdict(subject: string, label: string, where: string): Verdict | undefined {
  const level = where.match(/^([\d.]+) nats$/)?.[1];
  const cells = cellsOf(subject).map(({ name, own }) => ({
    ...{ name, own },
    values: level === undefined ? atStop(own, label) : atLevel(own, label, Number(level)),
  })).filter((cell) => cell.values.size > 0);
  const [first, last] = ends(cells).map((place) => cells[place]);
  if (first === undefined || last === undefined || first === last) return undefined;
  const judged = judge(first.values, last.values, label);
  const isStop = label === "sharpness";
  const stop = judge(atStop(first.own, "sharpness"), atStop(last.own, "sharpness"), "sharpness");
  const way = isStop ? 1 : stop === undefined || stop.isNegligible ? 0 : stop.sign;
  const [same, other] = isStop ? ["rises", "falls"] : ["survives", "reverses"];
  const kind = judged?.isNegligible
    ? "negligible"
    : !judged || judged.sign === 0
    ? "inconclusive"
    : way === 0
    ? wayOf(judged)
    : judged.sign === way
    ? same!
    : other!;
  return { kind, ends: [first.name, last.name], judged };
}

/** A verdict on one series that the page has. */
interface Shown {
  readonly subject: string;
  readonly label: string;
  readonly where: string;
  /** Undefined where they are the first and the last cell. */
  readonly names: readonly string[] | undefined;
  readonly size: string;
  /** Three where it is not said. */
  readonly seeds: number;
  /** Adjusted, where it is said. */
  readonly p: string | undefined;
  readonly kind: string;
}
const SUBJECTS = ["SGD", "AdaGrad"].flatMap((optimizer) => [
  `${optimizer}, learning rate (batch size 128)`,
  `${optimizer}, batch size (learning rate 10⁻⁴)`,
]);
const shown: Shown[] = [];
/** What the page says of two optimizers' cells: "lower at 32 and 64, open at 128". */
const against: { effect: string; label: string; where: string; words: string }[] = [];
let heads: string[] = [];
for (const line of page.split("\n")) {
  const sentence = line.match(
    /^- (.*\)), at \S+: (sharpness) goes from .* at (\S+) \(loss .* at (\S+) \(loss \S+, (.*?)(?:, p = (\S+))?: (\w+); n = (\d)/,
  );
  if (sentence) {
    const [, subject, label, from, to, size, p, kind, n] = sentence as unknown as string[];
    const names = [from!, to!];
    shown.push({
      ...{ subject: subject!, label: label!, where: STOP, names, size: size!, p },
      ...{ kind: kind!, seeds: Number(n) },
    });
  }
  const cells = line.split("|").map((cell) => cell.trim()).slice(1, -1);
  if (cells[0] === "measure") heads = cells;
  const [, label = "", level] = cells[0]?.match(/^(.*?)(?:, at ([\d.]+ nats))?$/) ?? [];
  for (const [i, words] of cells.entries()) {
    const effect = heads[i]?.match(/^AdaGrad against SGD, by (.*)$/)?.[1];
    if (effect === undefined || words === "" || !(label in MEASURES)) continue;
    against.push({ effect, label, where: level ?? STOP, words });
  }
  for (const [i, cell] of cells.entries()) {
    const found = cell.match(
      /^(\w+): (.*?)(?:, p = (\S+?))?(?:, (\S+) to (\S+?))?(?:, n = (\d))?$/,
    );
    if (found === null || !SUBJECTS.includes(heads[i]!)) continue;
    const [, kind, size, p, from, to, n] = found;
    const names = from === undefined ? undefined : [from, to!];
    shown.push({
      ...{ subject: heads[i]!, label, where: level ?? STOP, names, size: size!, p },
      ...{ kind: kind!, seeds: size === "one seed" ? 1 : Number(n ?? 3) },
    });
  }
}

/** Whether the page's "ratio 0.446 [0.404, 0.492]" is an interval, to the digits that it shows. */
function assertInterval(text: string, { low, high }: Judged, about: string): void {
  const found = text.replaceAll("−", "-").match(/\[(\S+), (\S+)\]/)!;
  for (const [shown, exact] of [[found[1]!, low], [found[2]!, high]] as const) {
    const unit = 10 ** -(shown.split(".")[1]?.length ?? 0);
    assert(Math.abs(Number(shown) - exact) <= 0.51 * unit, `${about}: ${shown} is not ${exact}`);
  }
}

Deno.test("every verdict and interval of results/findings.md follows from the records, by Holm where of a family", () => {
  assertEquals(new Set(shown.map(({ subject }) => subject)), new Set(SUBJECTS));
  assert(shown.length >= 30, `${shown.length} verdicts`);
  const lead = "relative sharpness (filter)";
  const places = [["sharpness", STOP], [lead, STOP]].concat(
    [lead, "antithetic sharpness"].flatMap((label) =>
      [1.7, 1.5, 1.3, 1.1, 0.9, 0.7].map((level) => [label, `${level} nats`])
    ),
  );
  const tested = SUBJECTS.flatMap((subject) =>
    places.flatMap(([label, where]) => {
      const found = verdict(subject, label!, where!);
      if (found?.judged?.seeds !== 3) return [];
      const family = label === "antithetic sharpness";
      return [{
        key: `${subject} ${label} ${where}`,
        family,
        subject,
        label,
        p: found.judged.p,
        kind: found.kind,
      }];
    })
  );
  const held = new Map(
    [...Map.groupBy(tested, ({ family }) => family).values()].flatMap((own) => {
      let worst = 0;
      return own.toSorted((a, b) => a.p - b.p).map((each, i) => {
        worst = Math.max(worst, each.p * (own.length - i));
        return [each.key, worst] as const;
      });
    }),
  );
  const settled = new Set(
    tested.filter((each) =>
      each.label === "sharpness" && /falls|rises/.test(each.kind) && held.get(each.key)! <= 0.05
    )
      .map(({ subject }) => subject),
  );
  for (const { subject, label, where, names, size, kind, seeds, p } of shown) {
    const key = `${subject} ${label} ${where}`;
    const found = verdict(subject, label, where);
    assert(found !== undefined, key);
    if (found.judged === undefined) assert(!size.includes("["), key);
    else assertInterval(size, found.judged, key);
    assertEquals([key, found.judged?.seeds ?? 1], [key, seeds]);
    const all = cellsOf(subject).map(({ name }) => name);
    const adjusted = held.get(key) ?? 0;
    // To two digits.
    if (p !== undefined) assert(Math.abs(Number(p) / adjusted - 1) < 0.051, `${key}: p = ${p}`);
    const isSequel = found.kind === "survives" || found.kind === "reverses";
    const alone = isSequel && !settled.has(subject) ? wayOf(found.judged!) : found.kind;
    assertEquals(
      [key, kind, names ?? [all[0]!, all.at(-1)!]],
      [key, adjusted <= 0.05 ? alone : "inconclusive", [...found.ends]],
    );
  }
  for (const { effect, label, where, words } of against) {
    const level = where.match(/^([\d.]+) nats$/)?.[1];
    const of = (own: Content[]): BySeed =>
      level === undefined ? atStop(own, label) : atLevel(own, label, Number(level));
    const [sgd, adagrad] = ["SGD", "AdaGrad"].map((optimizer) =>
      cellsOf(`${optimizer}, ${effect} (`)
    );
    const order = sgd!.map(({ name }) => name);
    const judgedCells = sgd!.flatMap(({ name, own }, i) => {
      const judged = judge(of(own), of(adagrad![i]!.own), label);
      return judged?.seeds === 3 ? [{ name, ...judged }] : [];
    });
    // Benjamini and Hochberg: as many are counted as lie below their share, from the largest down.
    const ps = judgedCells.map(({ p }) => p).sort((a, b) => a - b);
    const counted = ps.findLastIndex((p, i) => p <= 0.05 * (i + 1) / ps.length);
    const wordOf = ({ p, sign, isNegligible }: Judged): string =>
      (!isNegligible && sign === 0) || !(p <= (ps[counted] ?? 0))
        ? "open"
        : isNegligible
        ? "alike"
        : sign > 0
        ? "higher"
        : "lower";
    const found = new Map(
      words.split(/, (?=[a-z])/).flatMap((part) => {
        const [word, names] = part.split(" at ") as [string, string];
        return names.split(/, | and /).flatMap((some) => {
          const [first, last] = some.split(" to ").map((name) => order.indexOf(name));
          return order.slice(first, (last ?? first!) + 1).map((name) => [name, word] as const);
        });
      }),
    );
    const about = `${effect} ${label} ${where}`;
    assertEquals([about, found], [
      about,
      new Map(judgedCells.map((cell) => [cell.name, wordOf(cell)])),
    ]);
  }
  assert(against.length > 10, `${against.length} rows of two optimizers`);
  // Nothing of the families is kept back.
  const keys = new Set(shown.map(({ subject, label, where }) => `${subject} ${label} ${where}`));
  assertEquals([...held.keys()].filter((key) => !keys.has(key)), []);
});
