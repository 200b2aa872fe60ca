import { endsOf } from "~/lib/findings/ends.ts";
import { assertEquals } from "@std/assert";

Deno.test("endsOf() takes the widest pair with two seeds in common, else first and last", () => {
  const ends = (series: Record<string, number[]>): readonly (string | undefined)[] =>
    endsOf(Object.keys(series), (name) => series[name]!);
  assertEquals(ends({ a: [0, 1], b: [0, 1], c: [0, 1] }), ["a", "c"]);
  assertEquals(ends({ a: [0], b: [0, 1, 2], c: [1, 2] }), ["b", "c"]);
  // As wide, more seeds.
  assertEquals(ends({ a: [0, 1], b: [0, 1, 2], c: [0, 2, 3], d: [0, 2, 3] }), ["b", "d"]);
  assertEquals(ends({ a: [5], b: [0, 1], c: [0, 1, 2, 3], d: [1, 2, 3], e: [9] }), ["c", "d"]);
  assertEquals(ends({ a: [0], b: [1], c: [0] }), ["a", "c"]);
  assertEquals([ends({ a: [0] }), ends({})], [["a", "a"], [undefined, undefined]]);
});
