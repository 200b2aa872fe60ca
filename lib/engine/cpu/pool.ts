/**
 * Threads that take tasks from one queue: whoever is free takes the next.
 *
 * @module
 */
import type { OpenTask, Request, Response, Tasks } from "~/lib/engine/cpu/worker.ts";

/** What is asked of a task, and what it answers. */
export type Ask<K extends keyof Tasks> = Parameters<Tasks[K]>[1];
export type Answer<K extends keyof Tasks> = Awaited<ReturnType<Tasks[K]>>;

export interface Pool {
  /** Asks whichever thread is free first, unless the signal says before that it is too late. */
  run<K extends keyof Tasks>(kind: K, ask: Ask<K>, signal?: AbortSignal): Promise<Answer<K>>;
  /** Asks for one after the other; the answers come in the same order. */
  all<K extends keyof Tasks>(
    kind: K,
    asks: readonly Ask<K>[],
    signal?: AbortSignal,
  ): Promise<Answer<K>[]>;
  /** Ends the threads, whatever they are at; what is asked for is never answered. */
  close(): void;
}

const WORKER = new URL("./worker.ts", import.meta.url);

interface Asked {
  readonly request: Request;
  readonly signal: AbortSignal | undefined;
  resolve(answer: never): void;
  reject(error: unknown): void;
}

/**
 * Starts `threads` threads. One that fails (its own error, or no memory: not a task's error, which it
 * reports and survives) ends its task with an error, takes no other, and another is started for it.
 *
 * @param module What a thread runs.
 * @throws {Error} If a thread does not start.
 */
export async function openPool(threads: number, open: OpenTask, module = WORKER): Promise<Pool> {
  const idle: Worker[] = [];
  const all = new Set<Worker>();
  const queue: Asked[] = [];
  let closed = false;

  /** Starts a thread; it is idle when the promise resolves. */
  async function start(): Promise<void> {
    const worker = new Worker(module.href, { type: "module" });
    all.add(worker);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    hand(worker, { request: { kind: "open", ask: open }, signal: undefined, resolve, reject });
    await promise.catch((error) => {
      worker.terminate();
      all.delete(worker);
      throw error;
    });
  }

  /** Gives a thread a task; it is idle again when it has answered, or gone. */
  function hand(worker: Worker, { request, resolve, reject }: Asked): void {
    worker.onmessage = ({ data }: MessageEvent<Response>): void => {
      // A thread that could not open is of no use.
      if (request.kind !== "open" || !("error" in data)) idle.push(worker);
      if ("error" in data) reject(new Error(data.error));
      else resolve(data.answer as never);
      dispatch();
    };
    worker.onerror = (event): void => {
      event.preventDefault();
      worker.terminate();
      all.delete(worker);
      if (idle.includes(worker)) idle.splice(idle.indexOf(worker), 1);
      reject(new Error(`A thread of the CPU engine failed: ${event.message}`));
      if (request.kind !== "open" && !closed) start().catch(giveUp);
    };
    try {
      worker.postMessage(request);
    } catch (error) {
      idle.push(worker);
      reject(new Error(`Cannot ask a thread of the CPU engine: ${(error as Error).message}`));
    }
  }

  /** Without any thread left, nothing that waits will ever be answered. */
  function giveUp(error: Error): void {
    if (all.size > 0) return;
    for (const { reject } of queue.splice(0)) reject(error);
  }

  function dispatch(): void {
    while (idle.length > 0 && queue.length > 0) {
      const asked = queue.shift()!;
      if (asked.signal?.aborted) asked.reject(asked.signal.reason);
      else hand(idle.pop()!, asked);
    }
  }

  const pool: Pool = {
    run<K extends keyof Tasks>(kind: K, ask: Ask<K>, signal?: AbortSignal): Promise<Answer<K>> {
      return new Promise((resolve, reject) => {
        queue.push({ request: { kind, ask } as Request, signal, resolve, reject });
        if (all.size === 0) giveUp(new Error("No thread of the CPU engine is left"));
        dispatch();
      });
    },
    all: (kind, asks, signal) => Promise.all(asks.map((ask) => pool.run(kind, ask, signal))),
    close(): void {
      closed = true;
      for (const worker of all) worker.terminate();
    },
  };

  try {
    await Promise.all(Array.from({ length: threads }, start));
  } catch (error) {
    pool.close();
    throw error;
  }
  return pool;
}
