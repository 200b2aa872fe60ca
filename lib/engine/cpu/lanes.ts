/**
 * Work in pieces, as many at once as there are threads.
 *
 * @module
 */

/** How pieces are taken. */
export interface LaneOptions {
  /** Pieces at once. */
  readonly lanes: number;
  /** Aborts before the next piece with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Answers to `ask(0)`, `ask(1)`, ... in order; a lane that is free asks for the next. */
export async function askAll<T>(
  { lanes, signal }: LaneOptions,
  count: number,
  ask: (index: number) => Promise<T>,
): Promise<T[]> {
  const answers = new Array<T>(count);
  let next = 0;
  async function lane(): Promise<void> {
    while (next < count) {
      signal?.throwIfAborted();
      const index = next++;
      answers[index] = await ask(index);
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane));
  return answers;
}
