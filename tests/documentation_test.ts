/**
 * What the doors of lib/ export is documented: `deno doc` finds a sentence for every name.
 *
 * `deno doc --lint` demands more, a sentence for every field and a public name for every type of
 * zod's that a schema mentions.
 *
 * @module
 */
import { assertEquals, assertLess } from "@std/assert";
import { ended, ROOT, startDeno } from "~/tests/fixtures/script.ts";

interface Documentation {
  readonly nodes: Readonly<
    Record<string, {
      readonly module_doc?: { readonly doc?: string };
      readonly symbols: readonly {
        readonly name: string;
        readonly declarations: readonly {
          readonly location: { readonly filename: string };
          readonly jsDoc?: { readonly doc?: string };
        }[];
      }[];
    }>
  >;
}

Deno.test("every name at a door of lib/ has a sentence that says what it is", async () => {
  const doors = [...Deno.readDirSync(`${ROOT}lib`)].filter(({ isFile }) => isFile)
    .map(({ name }) => `lib/${name}`);
  const { code, stdout, stderr } = await ended(startDeno(["doc", "--json", ...doors]));
  assertEquals(code, 0, stderr);
  const { nodes } = JSON.parse(stdout) as Documentation;
  const missing = Object.entries(nodes).flatMap(([door, { module_doc, symbols }]) => [
    ...(module_doc?.doc ? [] : [door]),
    ...symbols.filter(({ declarations }) => !declarations.some(({ jsDoc }) => jsDoc?.doc))
      .map(({ name, declarations }) => `${name} in ${declarations[0]?.location.filename}`),
  ]);
  assertEquals(missing, []);
  assertLess(100, Object.values(nodes).flatMap(({ symbols }) => symbols).length);
});
