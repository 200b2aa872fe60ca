import { assertAlmostEquals, assertThrows } from "@std/assert";
import { tQuantile } from "~/lib/statistics.ts";

/**
 * P(|T| <= t) for whole degrees of freedom, exactly: Abramowitz and Stegun, Handbook of
 * Mathematical Functions, 26.7.3 and 26.7.4.
 */
function closedFormProbability(t: number, degreesOfFreedom: number): number {
  const theta = Math.atan(t / Math.sqrt(degreesOfFreedom));
  const [sine, cosine] = [Math.sin(theta), Math.cos(theta)];
  const odd = degreesOfFreedom % 2;
  let term = odd ? cosine : 1;
  let sum = degreesOfFreedom === 1 ? 0 : term;
  for (let k = 2 + odd; k < degreesOfFreedom; k += 2) {
    term *= cosine ** 2 * (k - 1) / k;
    sum += term;
  }
  return odd ? 2 / Math.PI * (theta + sine * sum) : sine * sum;
}

/** 0.975 quantiles by bisection of the closed form in 40-digit decimal arithmetic. */
const QUANTILES: readonly [degreesOfFreedom: number, t: number][] = [
  [1, 12.706204736175],
  [2, 4.302652729749],
  [3, 3.182446305284],
  [5, 2.570581835636],
  [10, 2.228138851986],
  [17, 2.109815577833],
  [30, 2.042272456301],
  [47, 2.011740513730],
  [146, 1.976345654594],
  [293, 1.968093452684],
  [1000, 1.962339080826],
];

Deno.test("tQuantile() is within 5e-8 of exact quantiles", () => {
  for (const [degreesOfFreedom, exact] of QUANTILES) {
    assertAlmostEquals(tQuantile(0.975, degreesOfFreedom), exact, 5e-8 * exact);
    assertAlmostEquals(tQuantile(0.025, degreesOfFreedom), -exact, 5e-8 * exact);
  }
});

Deno.test("tQuantile() inverts the closed form for whole degrees of freedom", () => {
  // An error of 5e-8 in t moves the probability by at most t f(t) 5e-8 < 0.2 * 5e-8.
  for (let degreesOfFreedom = 1; degreesOfFreedom <= 60; degreesOfFreedom++) {
    for (const probability of [0.6, 0.9, 0.975, 0.995]) {
      const t = tQuantile(probability, degreesOfFreedom);
      const within = closedFormProbability(t, degreesOfFreedom);
      assertAlmostEquals(within, 2 * probability - 1, 4e-8, `${probability}, ${degreesOfFreedom}`);
    }
  }
});

Deno.test("tQuantile() takes degrees of freedom that are not whole", () => {
  // P(T <= t) = 1/2 + (integral of cos^(f-1) over 0..theta) / (twice that over 0..pi/2) with
  // t = sqrt(f) tan theta; Simpson's rule on a substitution that is smooth at pi/2.
  const integral = (of: (x: number) => number, end: number): number => {
    const n = 20_000;
    let sum = of(0) + of(end);
    for (let i = 1; i < n; i++) sum += of(i * end / n) * (i % 2 === 1 ? 4 : 2);
    return sum * end / n / 3;
  };
  for (const f of [1.3, 2.5, 5.5, 12.3, 47.9]) {
    const whole = integral((y) => Math.sin(y ** 4) ** (f - 1) * 4 * y ** 3, (Math.PI / 2) ** 0.25);
    for (const probability of [0.9, 0.975, 0.995]) {
      const theta = Math.atan(tQuantile(probability, f) / Math.sqrt(f));
      const part = integral((x) => Math.cos(x) ** (f - 1), theta);
      assertAlmostEquals(0.5 + part / whole / 2, probability, 1e-8, `${probability}, ${f}`);
    }
  }
});

Deno.test("tQuantile() names what is out of its domain", () => {
  assertThrows(
    () => tQuantile(1, 3),
    RangeError,
    "Cannot take a t quantile as probability must be in (0, 1): current value is 1",
  );
  assertThrows(
    () => tQuantile(0.5, NaN),
    RangeError,
    "Cannot take a t quantile as degrees of freedom must be finite and > 0: current value is NaN",
  );
});
