/**
 * Tables that sort and filter.
 *
 * @module
 */
type Value = string | number | null;

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
 * Shows rows in a table whose heads sort it.
 *
 * @param filter Where stands what rows must have in one of their columns.
 * @returns What is shown now.
 */
export function showTable<Row>(
  place: HTMLElement,
  columns: Readonly<Record<string, (row: Row) => Value>>,
  rows: readonly Row[],
  { name, filter }: { readonly name: string; readonly filter?: HTMLInputElement },
): () => Row[] {
  const valuesOf = Object.values(columns);
  let [by, sign] = [-1, 1];
  const shown = (): Row[] => {
    const wanted = filter?.value.toLowerCase() ?? "";
    const some = rows.filter((row) =>
      valuesOf.some((valueOf) => String(valueOf(row) ?? "").toLowerCase().includes(wanted))
    );
    const valueOf = valuesOf[by];
    return valueOf === undefined
      ? some
      : some.toSorted((a, b) => sign * compareValues(valueOf(a), valueOf(b)));
  };
  const body = element("tbody");
  const fill = (): void =>
    body.replaceChildren(
      ...shown().map((row) =>
        element("tr", {}, ...valuesOf.map((valueOf) => element("td", {}, textOf(valueOf(row)))))
      ),
    );
  const heads = Object.keys(columns).map((textContent, i) => {
    const button = element("button", { type: "button", textContent });
    const head = element("th", { scope: "col" }, button);
    button.addEventListener("click", () => {
      [by, sign] = [i, by === i ? -sign : 1];
      heads.forEach((each) => each.ariaSort = null);
      head.ariaSort = sign > 0 ? "ascending" : "descending";
      fill();
    });
    return head;
  });
  fill();
  if (filter !== undefined) filter.oninput = fill;
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body);
  const box = element("div", { className: "table", tabIndex: 0, role: "region" }, table);
  box.ariaLabel = name;
  place.replaceChildren(box);
  return shown;
}

function compareValues(a: Value, b: Value): number {
  return typeof a === "number" && typeof b === "number"
    ? a - b
    : String(a ?? "").localeCompare(String(b ?? ""));
}

function textOf(value: Value): string {
  return typeof value === "number" && !Number.isInteger(value)
    ? String(Number(value.toPrecision(4)))
    : String(value ?? "");
}
