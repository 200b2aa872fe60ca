/**
 * Tables that sort and filter.
 *
 * @module
 */
import { entryText } from "~/lib/files/numbers.ts";

type Value = string | number | null | undefined;
type Row = Readonly<Record<string, Value>>;

/** An element with its properties; texts among its children are never read as markup. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/**
 * Shows rows, keyed by their columns' heads, in a table whose heads sort it.
 *
 * @param filter Holds what a row must show in one of its columns.
 * @returns What is shown now.
 */
export function showTable(
  id: string,
  rows: readonly Row[],
  filter?: HTMLInputElement,
): () => Row[] {
  let [by, sign] = ["", 1];
  const shown = (): Row[] => {
    const wanted = filter?.value.toLowerCase() ?? "";
    const some = rows.filter((row) =>
      Object.values(row).some((value) => entryText(value).toLowerCase().includes(wanted))
    );
    return by === "" ? some : some.sort((a, b) => sign * compareValues(a[by], b[by]));
  };
  const body = element("tbody");
  const fill = (): void =>
    body.replaceChildren(
      ...shown().map((row) =>
        element("tr", {}, ...Object.values(row).map((value) => element("td", {}, entryText(value))))
      ),
    );
  const heads = Object.keys(rows[0] ?? {}).map((textContent) => {
    const button = element("button", { type: "button", textContent });
    const head = element("th", { scope: "col" }, button);
    button.addEventListener("click", () => {
      [by, sign] = [textContent, by === textContent ? -sign : 1];
      heads.forEach((each) => each.ariaSort = null);
      head.ariaSort = sign > 0 ? "ascending" : "descending";
      fill();
    });
    return head;
  });
  fill();
  if (filter !== undefined) filter.oninput = fill;
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body);
  document.getElementById(id)!.replaceChildren(table);
  return shown;
}

function compareValues(a: Value, b: Value): number {
  return typeof a === "number" && typeof b === "number"
    ? a - b
    : String(a ?? "").localeCompare(String(b ?? ""));
}
