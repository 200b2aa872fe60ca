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
  /** Ends the threads, whatever they are at. */
  close(): void;
}

/** What the threads start from. */
export type OpenTask = Tasks["open"]["ask"];

/** Starts `threads` threads. */
export async function openPool(threads: number, open: OpenTask): Promise<Pool> {
  const idle: Worker[] = [];
  const queue: { request: Request; settle: (response: Response) => void }[] = [];
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL("./worker.ts", import.meta.url).href, { type: "module" }),
  );

  function post(worker: Worker, request: Request, settle: (response: Response) => void): void {
    worker.onmessage = ({ data }: MessageEvent<Response>): void => settle(data);
    worker.onerror = (event): void => {
      event.preventDefault();
      settle({ error: `A thread of the CPU engine failed: ${event.message}` });
    };
    worker.postMessage(request);
  }

  function dispatch(): void {
    while (idle.length > 0 && queue.length > 0) {
      const worker = idle.pop()!;
      const { request, settle } = queue.shift()!;
      post(worker, request, (response) => {
        idle.push(worker);
        settle(response);
        dispatch();
      });
    }
  }

  const pool: Pool = {
    run<K extends keyof Tasks>(kind: K, ask: Tasks[K]["ask"]): Promise<Tasks[K]["answer"]> {
      return new Promise((resolve, reject) => {
        const request = { kind, ask } as Request;
        queue.push({ request, settle: (response) => deliver(response, resolve, reject) });
        dispatch();
      });
    },
    close(): void {
      for (const worker of workers) worker.terminate();
    },
  };

  await Promise.all(
    workers.map((worker) =>
      new Promise<void>((resolve, reject) => {
        post(worker, { kind: "open", ask: open }, (response) => {
          idle.push(worker);
          deliver(response, resolve, reject);
        });
      })
    ),
  ).catch((error) => {
    pool.close();
    throw error;
  });
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
