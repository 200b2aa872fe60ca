/**
 * Figures as PDF: the elements that our SVG is made of, drawn again.
 *
 * @module
 */
import { DOMParser } from "linkedom";
import PDFDocument from "pdfkit";
import { FONT_FILES } from "~/lib/figures/font_files.ts";
import type { Figure } from "~/lib/figures/stack.ts";

/** The part of pdfkit that is used; the package has no types. */
interface Page {
  save(): Page;
  restore(): Page;
  transform(a: number, b: number, c: number, d: number, e: number, f: number): Page;
  path(d: string): Page;
  lineWidth(width: number): Page;
  dash(length: number, options: { space: number }): Page;
  fillOpacity(opacity: number): Page;
  strokeOpacity(opacity: number): Page;
  fill(color: string): Page;
  stroke(color: string): Page;
  fillAndStroke(fill: string, stroke: string): Page;
  font(path: string): Page;
  fontSize(size: number): Page;
  fillColor(color: string): Page;
  widthOfString(text: string): number;
  text(text: string, x: number, y: number, options: Record<string, unknown>): Page;
  on(event: "data", listener: (bytes: Uint8Array) => void): void;
  on(event: "end", listener: () => void): void;
  end(): void;
}

/** Points an inch, and of a pixel where nothing says otherwise. */
const POINTS = 72;
const PIXEL = 72 / 96;

/** Presentation attributes, inherited from element to element. */
type Style = Readonly<Record<string, string>>;

const INHERITED = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-opacity",
  "stroke-dasharray",
  "opacity",
  "font-size",
  "font-weight",
  "text-anchor",
];

/** Coordinates of elements that are not paths, as paths. */
const PATHS: Readonly<Record<string, (of: (name: string) => number) => string>> = {
  rect: (of) => `M${of("x")},${of("y")}h${of("width")}v${of("height")}h${-of("width")}Z`,
  line: (of) => `M${of("x1")},${of("y1")}L${of("x2")},${of("y2")}`,
  circle: (of) => {
    const [x, y, r] = [of("cx"), of("cy"), of("r")];
    return `M${x - r},${y}A${r},${r},0,1,1,${x + r},${y}A${r},${r},0,1,1,${x - r},${y}Z`;
  },
};

/** A figure as a PDF of one page, its text as text in an embedded font; the same bytes each time. */
export async function renderPdf(figure: Figure): Promise<Uint8Array<ArrayBuffer>> {
  const { svg, width, height, inches, title } = figure;
  const scale = inches === undefined ? PIXEL : POINTS * inches / width;
  const page: Page = new PDFDocument({
    size: [scale * width, scale * height],
    margin: 0,
    info: { Title: title, CreationDate: new Date(0) },
  });
  const chunks: Uint8Array[] = [];
  const ended = new Promise<void>((resolve) => {
    page.on("data", (bytes) => chunks.push(bytes));
    page.on("end", resolve);
  });
  page.transform(scale, 0, 0, scale, 0, 0);
  const { documentElement } = new DOMParser().parseFromString(svg, "image/svg+xml");
  draw(page, documentElement as unknown as Element, { fill: "#000", stroke: "none" });
  page.end();
  await ended;
  return new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

function draw(page: Page, element: Element, inherited: Style): void {
  const name = element.tagName.toLowerCase();
  if (name === "title" || name === "desc") return;
  const own = INHERITED.flatMap((key) => {
    const value = element.getAttribute(key);
    return value === null ? [] : [[key, value] as const];
  });
  const opacity = Number(element.getAttribute("opacity") ?? 1) * Number(inherited.opacity ?? 1);
  const style: Style = { ...inherited, ...Object.fromEntries(own), opacity: String(opacity) };
  page.save();
  move(page, element.getAttribute("transform"));
  const of = (attribute: string): number => Number(element.getAttribute(attribute) ?? 0);
  const path = name === "path" ? element.getAttribute("d") : PATHS[name]?.(of);
  if (path) paint(page, path, style);
  else if (name === "text") write(page, element, style);
  else for (const child of element.children) draw(page, child, style);
  page.restore();
}

function paint(page: Page, path: string, style: Style): void {
  const opacity = Number(style.opacity);
  page.path(path)
    .lineWidth(Number(style["stroke-width"] ?? 1))
    .fillOpacity(opacity * Number(style["fill-opacity"] ?? 1))
    .strokeOpacity(opacity * Number(style["stroke-opacity"] ?? 1));
  const [length, space] = (style["stroke-dasharray"] ?? "").split(/[\s,]+/).map(Number);
  if (length) page.dash(length, { space: space ?? length });
  const { fill = "none", stroke = "none" } = style;
  if (fill !== "none" && stroke !== "none") page.fillAndStroke(long(fill), long(stroke));
  else if (fill !== "none") page.fill(long(fill));
  else if (stroke !== "none") page.stroke(long(stroke));
}

/** Sets text on its baseline; halos around it, which keep lines off it, are left out. */
function write(page: Page, element: Element, style: Style): void {
  const size = parseFloat(style["font-size"] ?? "10");
  const length = (attribute: string): number => {
    const value = element.getAttribute(attribute) ?? "0";
    return parseFloat(value) * (value.endsWith("em") ? size : 1);
  };
  const content = element.textContent ?? "";
  page.font(style["font-weight"] === "bold" ? FONT_FILES.bold : FONT_FILES.normal).fontSize(size)
    .fillColor(long(style.fill ?? "#000"))
    .fillOpacity(Number(style.opacity) * Number(style["fill-opacity"] ?? 1));
  const anchor = { middle: 0.5, end: 1 }[style["text-anchor"] ?? "start"] ?? 0;
  page.text(
    content,
    length("x") + length("dx") - anchor * page.widthOfString(content),
    length("y") + length("dy"),
    { lineBreak: false, baseline: "alphabetic" },
  );
}

function move(page: Page, transform: string | null): void {
  for (const [, name, list = ""] of (transform ?? "").matchAll(/(\w+)\(([^)]*)\)/g)) {
    const [a = 0, b = 0, c = 0] = list.trim().split(/[\s,]+/).map(Number);
    if (name === "translate") page.transform(1, 0, 0, 1, a, b);
    if (name === "scale") page.transform(a, 0, 0, a, 0, 0);
    if (name === "rotate") {
      const [cos, sin] = [Math.cos(a * Math.PI / 180), Math.sin(a * Math.PI / 180)];
      page.transform(1, 0, 0, 1, b, c).transform(cos, sin, -sin, cos, 0, 0)
        .transform(1, 0, 0, 1, -b, -c);
    }
  }
}

/** `#abc` as `#aabbcc`. */
function long(color: string): string {
  return color.replace(/^#(.)(.)(.)$/, "#$1$1$2$2$3$3").replace(/^white$/, "#ffffff");
}
