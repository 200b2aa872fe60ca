/**
 * `@std/assert`'s names and signatures over `node:assert/strict`, as far as they are used.
 *
 * The package is on JSR only, which cannot be resolved everywhere. Where it can, one line of
 * deno.json makes tests use it, and nothing else changes: `"@std/assert": "jsr:@std/assert@1"`.
 *
 * @module
 */
import nodeAssert from "node:assert/strict";

// deno-lint-ignore no-explicit-any -- as in @std/assert: any constructor's arguments.
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

const show = Deno.inspect;

/** Fails unless `value` is truthy. */
export function assert(value: unknown, message = ""): asserts value {
  nodeAssert.ok(value, message || undefined);
}

/** Fails unless the two are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.deepStrictEqual(actual, expected, message);
}

/** Fails if the two are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.notDeepStrictEqual(actual, expected, message);
}

/** Fails unless the two differ by `tolerance` at most; default 1e-7 of `expected`. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance: number = Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7,
  message?: string,
): void {
  if (Object.is(actual, expected)) return;
  const off = Math.abs(actual - expected);
  const text = `${actual} differs from ${expected} by ${off}, more than ${tolerance}`;
  nodeAssert.ok(off <= tolerance, message ?? text);
}

/** Fails unless `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.ok(actual < expected, message ?? `${show(actual)} is not < ${show(expected)}`);
}

/** Fails unless `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.ok(actual <= expected, message ?? `${show(actual)} is not <= ${show(expected)}`);
}

/** Fails unless `expected` stands in `actual`. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  const text = `${show(actual)} does not include ${show(expected)}`;
  nodeAssert.ok(actual.includes(expected), message ?? text);
}

/** Fails unless `actual` matches. */
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  nodeAssert.match(actual, expected, message);
}

/** Fails unless `fn` throws an error of the class with `includes` in its message; returns it. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass?: ErrorClass<E>,
  includes?: string,
  message?: string,
): E {
  try {
    fn();
  } catch (error) {
    return checked(error, errorClass, includes, message);
  }
  nodeAssert.fail(message ?? "Expected an error: nothing was thrown");
}

/** Fails unless the promise of `fn` rejects with such an error; returns it. */
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass?: ErrorClass<E>,
  includes?: string,
  message?: string,
): Promise<E> {
  const promise = fn();
  try {
    await promise;
  } catch (error) {
    return checked(error, errorClass, includes, message);
  }
  nodeAssert.fail(message ?? "Expected an error: nothing was thrown");
}

function checked<E extends Error>(
  error: unknown,
  errorClass: ErrorClass<E> | undefined,
  includes: string | undefined,
  message: string | undefined,
): E {
  const kind = errorClass ?? Error;
  nodeAssert.ok(error instanceof kind, message ?? `Expected ${kind.name}, thrown was ${error}`);
  if (includes !== undefined) assertStringIncludes(error.message, includes, message);
  return error as E;
}
