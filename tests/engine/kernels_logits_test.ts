/**
 * The kernels of the logits, their loss, its gradient and how that changes, against float64 loops.
 *
 * @module
 */
import { openStream } from "~/lib/random.ts";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { arena, kernels, normals } from "~/tests/fixtures/kernel_arena.ts";

const f = Math.fround;

interface Logits {
  readonly classes: number;
  readonly rows: number;
  /** [rows][classes]. */
  readonly values: readonly (readonly number[])[];
  readonly labels: readonly number[];
}

function randomLogits(classes: number, rows: number): Logits {
  const draws = normals(classes * rows, 40 + rows);
  const stream = openStream(18, rows);
  return {
    classes,
    rows,
    // Classes of different mean and spread.
    values: Array.from(
      { length: rows },
      (_, r) =>
        Array.from({ length: classes }, (_, c) => f(3 * c + (c + 1) * draws[r * classes + c]!)),
    ),
    labels: Array.from({ length: rows }, () => (stream.next() >>> 0) % classes),
  };
}

/** The kernels' layout: blocks of `block` rows, each [classes, rows]. */
function toBlocks({ classes, rows, values }: Logits, block: number): number[] {
  const out: number[] = [];
  for (let start = 0; start < rows; start += block) {
    const end = Math.min(start + block, rows);
    for (let c = 0; c < classes; c++) {
      for (let r = start; r < end; r++) out.push(values[r]![c]!);
    }
  }
  return out;
}

function fromBlocks(flat: ArrayLike<number>, { classes, rows }: Logits, block: number): number[][] {
  const out = Array.from({ length: rows }, () => new Array<number>(classes));
  let i = 0;
  for (let start = 0; start < rows; start += block) {
    const end = Math.min(start + block, rows);
    for (let c = 0; c < classes; c++) {
      for (let r = start; r < end; r++) out[r]![c] = flat[i++]!;
    }
  }
  return out;
}

const EPSILON = 1e-5;

/** Statistics, mean loss and gradient in float64, straight from the definitions. */
function referenceLogits({ classes, rows, values, labels }: Logits): {
  means: number[];
  inverses: number[];
  loss: number;
  correct: number;
  gradient: number[][];
} {
  const column = (c: number): number[] => values.map((row) => row[c]!);
  const mean = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0) / rows;
  const classesList = Array.from({ length: classes }, (_, c) => c);
  const means = classesList.map((c) => mean(column(c)));
  const inverses = classesList.map((c) =>
    1 / Math.sqrt(mean(column(c).map((z) => (z - means[c]!) ** 2)) + EPSILON)
  );
  const z = values.map((row) => row.map((value, c) => (value - means[c]!) * inverses[c]!));
  const p = z.map((row) => {
    const sum = row.reduce((total, value) => total + Math.exp(value), 0);
    return row.map((value) => Math.exp(value) / sum);
  });
  const loss = mean(p.map((row, r) => -Math.log(row[labels[r]!]!)));
  const correct = z.filter((row, r) => row.indexOf(Math.max(...row)) === labels[r]).length;
  // dL/da = sum over rows of dL/dz dz/da, the Jacobian of the normalisation written out.
  const e = p.map((row, r) => row.map((value, c) => (value - Number(c === labels[r])) / rows));
  const gradient = e.map((row, r) =>
    row.map((_, c) => {
      let sum = 0;
      for (let s = 0; s < rows; s++) {
        sum += e[s]![c]! * inverses[c]! *
          (Number(s === r) - 1 / rows - z[s]![c]! * z[r]![c]! / rows);
      }
      return sum;
    })
  );
  return { means, inverses, loss, correct, gradient };
}

/** Runs the three kernels of the logits on one layout. */
function runLogits(logits: Logits, block: number): {
  statistics: number[];
  total: number;
  correct: number;
  totalWithGradient: number;
  gradient: number[][];
} {
  const { classes, rows } = logits;
  const { floats, doubles, bytes, assertGuarded } = arena();
  const at = floats(toBlocks(logits, block)).at;
  const d = floats(new Float32Array(classes * rows));
  const labels = bytes(logits.labels);
  const statistics = doubles(2 * classes);
  const scratch = doubles(3 * classes + 6);
  kernels.useLogits(at, labels.at, statistics.at, scratch.at, classes, rows, block);
  kernels.logitStatistics(EPSILON);
  const total = kernels.crossEntropy();
  const correct = kernels.correctRows();
  const totalWithGradient = kernels.crossEntropyGradient(d.at);
  assertEquals(kernels.correctRows(), correct);
  assertGuarded();
  return {
    statistics: [...statistics.values],
    total,
    correct,
    totalWithGradient,
    gradient: fromBlocks(d.values, logits, block),
  };
}

const SHAPES = [[1, 5], [2, 1], [3, 2], [3, 7], [10, 37], [4, 64]] as const;

for (const [classes, rows] of SHAPES) {
  Deno.test(`the kernels of ${rows} rows of ${classes} logits agree with float64 loops`, () => {
    const logits = randomLogits(classes, rows);
    const expected = referenceLogits(logits);
    const { statistics, total, correct, totalWithGradient, gradient } = runLogits(logits, 512);
    for (let c = 0; c < classes; c++) {
      // Sums of `rows` numbers of size 30 in float64, and a division.
      assertAlmostEquals(statistics[c]!, expected.means[c]!, 1e-13);
      assertAlmostEquals(
        statistics[classes + c]!,
        expected.inverses[c]!,
        1e-12 * expected.inverses[c]!,
      );
    }
    // 1/sqrt(1e-5) = 316 magnifies the rounding of a class without variance.
    const tolerance = rows === 1 ? 1e-10 : 1e-12 * rows;
    assertAlmostEquals(total, rows * expected.loss, tolerance);
    assertAlmostEquals(totalWithGradient, total, 1e-13 * rows);
    assertEquals(correct, expected.correct);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < classes; c++) {
        // exp and e are kept as float32: 2 roundings of numbers below 1/rows, and that of d itself.
        assertAlmostEquals(
          gradient[r]![c]!,
          expected.gradient[r]![c]!,
          3 * 2 ** -24 * expected.inverses[c]! / rows,
        );
      }
    }
  });
}

Deno.test("the kernels of the logits give the same bits for any even block of rows", () => {
  for (const [classes, rows] of SHAPES) {
    const logits = randomLogits(classes, rows);
    const whole = runLogits(logits, rows);
    for (const block of [2, 4, 16, 36, 512]) assertEquals(runLogits(logits, block), whole);
  }
});

Deno.test("crossEntropyGradient() sums to 0 over rows and is orthogonal to the logits", () => {
  const logits = randomLogits(10, 37);
  const { gradient, statistics } = runLogits(logits, 16);
  for (let c = 0; c < 10; c++) {
    let sum = 0;
    let projection = 0;
    for (let r = 0; r < 37; r++) {
      sum += gradient[r]![c]!;
      projection += gradient[r]![c]! * (logits.values[r]![c]! - statistics[c]!);
    }
    // 37 numbers of size inverse/37, each rounded to float32; the logits' spread is 1/inverse.
    assertAlmostEquals(sum, 0, 4 * 2 ** -24 * statistics[10 + c]!);
    // With sum(z^2) = rows (1 - eps inverse^2) what is left is eps inverse^2 sum(e z), sum(e z) < 1.
    assertAlmostEquals(projection, 0, 1e-5 * statistics[10 + c]! ** 2 + 12 * 2 ** -24);
  }
});

Deno.test("crossEntropy() of two logits x apart is ln(1 + exp(-x)) to 4e-13", () => {
  const { floats, doubles, bytes, assertGuarded } = arena();
  // Statistics that change nothing.
  const statistics = doubles(4);
  statistics.values.set([0, 0, 1, 1]);
  const scratch = doubles(10);
  const label = bytes([0]);
  const logits = floats([0, 0]);
  kernels.useLogits(logits.at, label.at, statistics.at, scratch.at, 2, 1, 2);
  for (let step = 0; step <= 1600; step++) {
    const x = step / 2 + step / 1000;
    logits.values[1] = -x;
    const found = kernels.crossEntropy();
    assertAlmostEquals(found, Math.log1p(Math.exp(logits.values[1]!)), 4e-13);
  }
  assertGuarded();
});

Deno.test("crossEntropy() of equal logits is ln(classes), the first class the winner", () => {
  const labels = [0, 1, 2, 0, 1];
  const values = labels.map(() => [2, 2, 2]);
  const { total, correct, gradient } = runLogits({ classes: 3, rows: 5, values, labels }, 512);
  assertAlmostEquals(total, 5 * Math.log(3), 1e-14);
  assertEquals(correct, 2);
  // inverse = 1/sqrt(1e-5); e - mean(e) with e = 1/3 or -2/3 over 5.
  const inverse = 1 / Math.sqrt(EPSILON);
  assertAlmostEquals(gradient[0]![0]!, inverse * (-2 / 3 - (3 * 1 - 2 * 2) / 15) / 5, 1e-5);
});

Deno.test("crossEntropy() is finite at logits of 1e18 and NaN at NaN", () => {
  const large = runLogits(
    { classes: 2, rows: 3, values: [[1e18, 0], [-1e18, 1], [0, 2]], labels: [0, 1, 0] },
    512,
  );
  assert(Number.isFinite(large.total));
  const broken = runLogits(
    { classes: 2, rows: 2, values: [[NaN, 0], [1, 2]], labels: [0, 1] },
    512,
  );
  assert(Number.isNaN(broken.total) && Number.isNaN(broken.totalWithGradient));
});

Deno.test("crossEntropyHessian() is the change of the gradient along the tangents", () => {
  for (const [classes, rows] of [[3, 7], [10, 37], [4, 64]] as const) {
    const logits = randomLogits(classes, rows);
    const tangents = { ...logits, values: randomLogits(classes, rows + 1).values.slice(0, rows) };
    // Central differences of the float64 gradient: third derivatives of size 1 times h^2, rounding
    // 1e-16 / h: about 1e-10 at h = 1e-5.
    const h = 1e-5;
    const at = (sign: number): number[][] =>
      referenceLogits({
        ...logits,
        values: logits.values.map((row, r) =>
          row.map((value, c) => value + sign * h * tangents.values[r]![c]!)
        ),
      }).gradient;
    const [above, below] = [at(1), at(-1)];
    for (const block of [2, 16, 512]) {
      const { floats, doubles, bytes, assertGuarded } = arena();
      const [a, t] = [floats(toBlocks(logits, block)), floats(toBlocks(tangents, block))];
      const [d, out] = [floats(a.values), floats(a.values)];
      const labels = bytes(logits.labels);
      const [statistics, scratch] = [doubles(2 * classes), doubles(7 * classes)];
      kernels.useLogits(a.at, labels.at, statistics.at, scratch.at, classes, rows, block);
      kernels.logitStatistics(EPSILON);
      kernels.crossEntropyGradient(d.at);
      kernels.crossEntropyHessian(t.at, d.at, out.at);
      const found = fromBlocks(out.values, logits, block);
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < classes; c++) {
          const difference = (above[r]![c]! - below[r]![c]!) / (2 * h);
          // e', d and the result are rounded to float32; each is below 10 / rows here.
          assertAlmostEquals(found[r]![c]!, difference, 1e-9 + 30 * 2 ** -24 / rows);
        }
      }
      assertGuarded();
    }
  }
});
