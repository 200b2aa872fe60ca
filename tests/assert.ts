/**
 * `@std/assert`'s names and signatures over `node:assert/strict`.
 *
 * The package is on JSR only, which cannot be resolved everywhere. Where it can, one line of
 * deno.json makes tests use it, and nothing else changes:
 *
 *     "@std/assert": "jsr:@std/assert@1",
 *
 * @module
 */
import nodeAssert from "node:assert/strict";

// deno-lint-ignore no-explicit-any -- as in @std/assert: any constructor's arguments.
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

/** Fails unless `value` is truthy. */
export function assert(value: unknown, message = ""): asserts value {
  nodeAssert.ok(value, message || undefined);
}

/** Fails unless `value` is falsy. */
export function assertFalse(value: unknown, message?: string): void {
  nodeAssert.ok(!value, message ?? "Expected a falsy value");
}

/** Fails unless the two are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.deepStrictEqual(actual, expected, message);
}

/** Fails if the two are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.notDeepStrictEqual(actual, expected, message);
}

/** Fails unless the two are the same by `Object.is`. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  message?: string,
): asserts actual is T {
  nodeAssert.ok(
    Object.is(actual, expected),
    message ?? `${show(actual)} is not strictly ${show(expected)}`,
  );
}

/** Fails unless the two differ by `tolerance` at most; default 1e-7 of `expected`. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  message?: string,
): void {
  if (Object.is(actual, expected)) return;
  const allowed = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  const difference = Math.abs(actual - expected);
  nodeAssert.ok(
    difference <= allowed,
    message ?? `${actual} differs from ${expected} by ${difference}, more than ${allowed}`,
  );
}

/** Fails unless `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.ok(actual > expected, message ?? `${show(actual)} is not > ${show(expected)}`);
}

/** Fails unless `actual >= expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.ok(actual >= expected, message ?? `${show(actual)} is not >= ${show(expected)}`);
}

/** Fails unless `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.ok(actual < expected, message ?? `${show(actual)} is not < ${show(expected)}`);
}

/** Fails unless `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.ok(actual <= expected, message ?? `${show(actual)} is not <= ${show(expected)}`);
}

/** Fails unless `actual` is made by `type`. */
export function assertInstanceOf<T>(
  actual: unknown,
  // deno-lint-ignore no-explicit-any -- as in @std/assert: any constructor's arguments.
  type: abstract new (...args: any[]) => T,
  message = "",
): asserts actual is T {
  nodeAssert.ok(actual instanceof type, message || `${show(actual)} is no ${type.name}`);
}

/** Fails unless `expected` stands in `actual`. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  nodeAssert.ok(
    actual.includes(expected),
    message ?? `${show(actual)} does not include ${show(expected)}`,
  );
}

/** Fails unless `actual` matches. */
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  nodeAssert.match(actual, expected, message);
}

/** Fails. */
export function fail(message?: string): never {
  nodeAssert.fail(message ?? "Failed");
}

/** Fails unless `error` is an Error of the class, with `includes` in its message. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  errorClass?: ErrorClass<E>,
  includes?: string | RegExp,
  message?: string,
): asserts error is E {
  nodeAssert.ok(error instanceof Error, message ?? `${show(error)} is no Error`);
  if (errorClass !== undefined) {
    nodeAssert.ok(
      error instanceof errorClass,
      message ?? `Expected ${errorClass.name}, thrown was ${error.name}: ${error.message}`,
    );
  }
  if (typeof includes === "string") assertStringIncludes(error.message, includes, message);
  else if (includes !== undefined) assertMatch(error.message, includes, message);
}

/** Fails unless `fn` throws; returns what it throws. */
export function assertThrows(fn: () => unknown, message?: string): unknown;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass: ErrorClass<E>,
  includes?: string,
  message?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMessage?: ErrorClass<Error> | string,
  includes?: string,
  message?: string,
): unknown {
  let thrown: { error: unknown } | undefined;
  try {
    fn();
  } catch (error) {
    thrown = { error };
  }
  return checkThrown(thrown, classOrMessage, includes, message);
}

/** Fails unless the promise of `fn` rejects; returns the reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, message?: string): Promise<unknown>;
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass: ErrorClass<E>,
  includes?: string,
  message?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMessage?: ErrorClass<Error> | string,
  includes?: string,
  message?: string,
): Promise<unknown> {
  let thrown: { error: unknown } | undefined;
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch {
    nodeAssert.fail("Expected a rejected promise: the function threw at once");
  }
  try {
    await promise;
  } catch (error) {
    thrown = { error };
  }
  return checkThrown(thrown, classOrMessage, includes, message);
}

function checkThrown(
  thrown: { error: unknown } | undefined,
  classOrMessage: ErrorClass<Error> | string | undefined,
  includes: string | undefined,
  message: string | undefined,
): unknown {
  const text = typeof classOrMessage === "string" ? classOrMessage : message;
  if (thrown === undefined) nodeAssert.fail(text ?? "Expected an error: nothing was thrown");
  if (typeof classOrMessage === "function") {
    assertIsError(thrown.error, classOrMessage, includes, text);
  }
  return thrown.error;
}

function show(value: unknown): string {
  return Deno.inspect(value);
}
