/**
 * Threads that take tasks from one queue: whoever is free takes the next.
 *
 * @module
 */
import type { Request, Response, Tasks } from "~/lib/engine/cpu/worker.ts";

/** Threads and their queue. */
export interface Pool {
  /** Asks whichever thread is free first. */
  run<K extends keyof Tasks>(kind: K, ask: Tasks[K]["ask"]): Promise<Tasks[K]["answer"]>;
  /** Ends the threads, whatever they are at; what is asked for is never answered. */
  close(): void;
}

/** What the threads start from. */
export type OpenTask = Tasks["open"]["ask"];

const WORKER = new URL("./worker.ts", import.meta.url);

/** A request that waits, and what to do with its answer. */
interface Asked {
  readonly request: Request;
  settle(response: Response): void;
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
    hand(worker, {
      request: { kind: "open", ask: open },
      settle: (response) => deliver(response, () => resolve(), reject),
    });
    await promise.catch((error) => {
      worker.terminate();
      all.delete(worker);
      throw error;
    });
  }

  /** Gives a thread a task; it is idle again when it has answered, or gone. */
  function hand(worker: Worker, { request, settle }: Asked): void {
    worker.onmessage = ({ data }: MessageEvent<Response>): void => {
      // A thread that could not open is of no use.
      if (request.kind !== "open" || !("error" in data)) idle.push(worker);
      settle(data);
      dispatch();
    };
    worker.onerror = (event): void => {
      event.preventDefault();
      worker.terminate();
      all.delete(worker);
      settle({ error: `A thread of the CPU engine failed: ${event.message}` });
      if (request.kind !== "open" && !closed) start().catch(giveUp);
    };
    try {
      worker.postMessage(request);
    } catch (error) {
      idle.push(worker);
      settle({ error: `Cannot ask a thread of the CPU engine: ${(error as Error).message}` });
    }
  }

  /** Without any thread left, nothing that waits will ever be answered. */
  function giveUp({ message }: Error): void {
    if (all.size > 0) return;
    for (const { settle } of queue.splice(0)) settle({ error: message });
  }

  function dispatch(): void {
    while (idle.length > 0 && queue.length > 0) hand(idle.pop()!, queue.shift()!);
  }

  const pool: Pool = {
    run<K extends keyof Tasks>(kind: K, ask: Tasks[K]["ask"]): Promise<Tasks[K]["answer"]> {
      return new Promise((resolve, reject) => {
        const request = { kind, ask } as Request;
        queue.push({ request, settle: (response) => deliver(response, resolve, reject) });
        if (all.size === 0) giveUp(new Error("No thread of the CPU engine is left"));
        dispatch();
      });
    },
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

function deliver<T>(
  response: Response,
  resolve: (answer: T) => void,
  reject: (error: Error) => void,
): void {
  if ("error" in response) reject(new Error(response.error));
  else resolve(response.answer as T);
}
