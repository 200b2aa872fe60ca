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

/**
 * As `askAll`, and `take` is called for every piece in the pieces' order, whoever ends first: a sum
 * that is taken so does not depend on the number of lanes. A lane waits until its piece was taken.
 */
export async function askInOrder(
  { lanes, signal }: LaneOptions,
  count: number,
  ask: (index: number, lane: number) => Promise<void>,
  take: (lane: number) => void,
): Promise<void> {
  let next = 0;
  let turn = Promise.resolve();
  async function work(lane: number): Promise<void> {
    while (next < count) {
      signal?.throwIfAborted();
      const index = next++;
      const before = turn;
      const taken = Promise.withResolvers<void>();
      turn = taken.promise;
      try {
        await ask(index, lane);
        await before;
        take(lane);
      } finally {
        // After a failure too: the sum is lost, but no lane may wait for ever.
        taken.resolve();
      }
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, lane) => work(lane)));
}
