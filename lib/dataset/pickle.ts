/**
 * Reads the pickles of CIFAR-10's Python version: data only, nothing is ever called.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { DamagedFileError } from "~/lib/files/checked.ts";

/** What a pickle holds; of an object there is only its state, the first item of the list. */
export type Value = null | boolean | number | string | Uint8Array | Value[] | Map<unknown, Value>;

/** All that the files name: NumPy's arrays by the names of its versions, and Python 3's bytes. */
const NAMES = /^(numpy\._?core\.multiarray _reconstruct|numpy (ndarray|dtype)|_codecs encode)$/;

/** Python 2 has one type for text and bytes: less than this is text. */
const LEAST_BYTES = 256;

/**
 * Reads a pickle of protocol 2 (https://docs.python.org/3/library/pickletools.html).
 *
 * @throws {DamagedFileError} At an operation or a name that the data set's files do not use.
 */
export function readPickle(pickle: Uint8Array): Value {
  const bytes = Buffer.from(pickle.buffer, pickle.byteOffset, pickle.byteLength);
  const stack: Value[] = [];
  const marks: number[] = [];
  const memo = new Map<number, Value>();
  let at = 0;
  const take = (length: number): Buffer => bytes.subarray(at, at += length);
  const count = (size: number): number => bytes.readUIntLE((at += size) - size, size);
  const last = <T extends Value>(): T => stack.at(-1) as T;
  const sinceMark = (): Value[] => {
    const mark = marks.pop();
    if (mark === undefined) throw new Error("a mark is missing");
    return stack.splice(mark);
  };
  const text = (raw: Buffer): Value => raw.length < LEAST_BYTES ? raw.toString("latin1") : raw;
  const line = (): string => take(bytes.indexOf("\n", at) + 1 - at).toString("latin1").trimEnd();
  const operations: Readonly<Record<string, () => unknown>> = {
    "\x80": () => take(1),
    "(": () => marks.push(stack.length),
    "}": () => stack.push(new Map()),
    "]": () => stack.push([]),
    N: () => stack.push(null),
    "\x88": () => stack.push(true),
    "\x89": () => stack.push(false),
    K: () => stack.push(count(1)),
    M: () => stack.push(count(2)),
    J: () => stack.push(count(4) | 0),
    U: () => stack.push(text(take(count(1)))),
    T: () => stack.push(text(take(count(4)))),
    X: () => stack.push(take(count(4)).toString()),
    q: () => memo.set(count(1), last()),
    r: () => memo.set(count(4), last()),
    h: () => stack.push(memo.get(count(1))!),
    j: () => stack.push(memo.get(count(4))!),
    "\x85": () => stack.push(stack.splice(-1)),
    "\x86": () => stack.push(stack.splice(-2)),
    "\x87": () => stack.push(stack.splice(-3)),
    t: () => stack.push(sinceMark()),
    e: () => {
      const items = sinceMark();
      last<Value[]>().push(...items);
    },
    u: () => {
      const items = sinceMark();
      items.forEach((key, i) => i % 2 === 0 && last<Map<Value, Value>>().set(key, items[i + 1]!));
    },
    c: () => {
      const name = `${line()} ${line()}`;
      if (!NAMES.test(name)) throw new Error(`it names ${name}`);
      stack.push(name);
    },
    R: () => {
      const [callable, [first]] = stack.splice(-2) as [Value, Value[]];
      // Python 3 writes bytes in protocol 2 as text of their codes.
      stack.push(callable === "_codecs encode" ? text(Buffer.from(`${first}`, "latin1")) : []);
    },
    b: () => {
      const [state] = stack.splice(-1);
      last<Value[]>().push(state!);
    },
  };
  try {
    for (;;) {
      const code = String.fromCharCode(count(1));
      if (code === ".") return stack.pop()!;
      const operation = operations[code];
      if (operation === undefined) throw new Error(`it has an operation ${code.charCodeAt(0)}`);
      operation();
    }
  } catch (error) {
    throw new DamagedFileError(`its pickle cannot be read: ${(error as Error).message}`);
  }
}
