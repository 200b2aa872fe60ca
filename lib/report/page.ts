/**
 * The page's program. Its state is the form's, and stands in the address.
 *
 * @module
 */
import { from } from "arquero";
import { z } from "zod";
import { capitalize } from "~/lib/files/text.ts";
import { plural, significant, unitAfter } from "~/lib/files/numbers.ts";
import { formatEstimate, LOSS_LEVELS, PUBLISHED_PROTOCOL } from "~/lib/findings.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { parseOptimizer } from "~/lib/optimizer.ts";
import { plotCells, plotLosses } from "~/lib/report/chart.ts";
import {
  explore,
  type ExploredCell,
  isLevel,
  measuresOffered,
  type ReportData,
  type Selection,
  unpackData,
} from "~/lib/report/explore.ts";
import { element, showTable } from "~/lib/report/table.ts";
import {
  type Cell,
  type EffectName,
  EFFECTS,
  effectValue,
  type Study,
  studyName,
} from "~/lib/study.ts";
import { parseStop } from "~/lib/trainer.ts";

// Schemas would else be compiled, which the page's policy forbids.
z.config({ jitless: true });

const byId = (id: string): HTMLElement => document.getElementById(id)!;
let { study, records } = {} as ReportData;
const widthOf = (id: string): number => byId(id).clientWidth || 640;
const form = byId("choices") as HTMLFormElement;
const control = (name: string): HTMLSelectElement => (
  form.elements.namedItem(name) as HTMLSelectElement
);

const options = (values: readonly string[], labelOf: (value: string) => string = String) =>
  values.map((value) => new Option(labelOf(value), value));

function fillForm({ grid }: Study): void {
  const isMeasured = (at: string): boolean => measuresOffered(study, records, at).length > 0;
  const stops = [...new Set([...study.stops, PUBLISHED_PROTOCOL.stop])].filter(isMeasured);
  const levels = options(LOSS_LEVELS.map(String).filter(isMeasured), (at) => `${at} nats`);
  control("effect").append(...options(grid.effects, (name) => EFFECTS[name as EffectName].label));
  control("at").append(
    element("optgroup", { label: "at the stop" }, ...options(stops)),
    element("optgroup", { label: "at a training loss" }, ...levels),
  );
  const tick = (name: string, value: string, mark: Node | string = ""): HTMLElement =>
    element(
      "label",
      {},
      element("input", { type: "checkbox", name, value, defaultChecked: true }),
      ...[" ", mark, value],
    );
  byId("optimizers").append(...grid.optimizers.map((text, i) => {
    const mark = element("span", { textContent: `${"●◆■▲"[i % 4]} ` });
    mark.style.color = parseOptimizer(text).color;
    mark.ariaHidden = "true";
    return tick("optimizer", text, mark);
  }));
  byId("seeds").append(...grid.seeds.map((seed) => tick("seed", String(seed))));
  offerMeasures();
}

/** The measures that are there at the place that is chosen; the same one stays where it can. */
function offerMeasures(wanted = control("measure").value): void {
  const offered = measuresOffered(study, records, control("at").value);
  control("measure").replaceChildren(...options(offered, (text) => {
    const { label, name } = parseMeasure(text);
    return text === name ? label : `${label} ${text.slice(name.length)}`;
  }));
  if (offered.includes(wanted)) control("measure").value = wanted;
}

function readAddress(): void {
  const given = new URLSearchParams(location.hash.slice(1));
  if (given.size === 0) return;
  for (const part of form.elements as unknown as Iterable<HTMLInputElement>) {
    const { name, type, value } = part;
    if (type === "checkbox") part.checked = given.getAll(name).includes(value);
    else part.value = given.get(name) ?? "";
    // What is not offered.
    if (part instanceof HTMLSelectElement && part.value === "") part.selectedIndex = 0;
  }
  offerMeasures(given.get("measure") ?? "");
}

function writeAddress(): void {
  try {
    history.replaceState(null, "", `#${new URLSearchParams(new FormData(form) as never)}`);
  } catch {
    // JupyterLab shows an HTML file in a sandboxed frame whose <base> is elsewhere.
  }
}

function selection(): Selection {
  const data = new FormData(form);
  const [optimizers, seeds] = [data.getAll("optimizer"), data.getAll("seed").map(Number)];
  const isPublished = data.has("published");
  return { ...Object.fromEntries(data), optimizers, seeds, isPublished } as never;
}

/** How the address and the heading call a cell. */
const nameOf = ({ optimizer, learningRate, batchSize }: Omit<Cell, "effect">): string =>
  `${optimizer}, learning rate ${learningRate}, batch size ${batchSize}`;

/** "SGD, learning rate 10⁻³: 0.110 nats [0.10, 0.12], n = 3, training loss 1.20 nats". */
function describe(cell: ExploredCell, unit: string): string {
  const { n, trainLoss, optimizer, effect } = cell;
  const { label, format } = EFFECTS[effect];
  return [
    `${optimizer}, ${label} ${format(effectValue(cell))}: ${formatEstimate(cell, unit)}`,
    `n = ${n}`,
    ...(trainLoss === null ? [] : [`training loss ${significant(trainLoss)} nats`]),
  ].join(", ");
}

function draw(): void {
  const chosen = selection();
  const { measure, at, effect } = chosen;
  if (!measure) {
    byId("about").textContent = `The study ${studyName(study)}: no network is measured yet.`;
    return;
  }
  const found = explore(study, records, chosen);
  const { label, unit } = parseMeasure(measure);
  const place = isLevel(at) ? `${at} nats of training loss` : at;
  byId("title").textContent = `${capitalize(label)} by ${EFFECTS[effect].label}, at ${place}`;
  byId("about").textContent =
    `The study ${studyName(study)}, ${plural(records.length, "run")}; networks ` +
    (isLevel(at)
      ? "interpolated to a loss over all training images."
      : `at ${at}: ${parseStop(at).words}.`);
  // Of all optimizers, so that each keeps the symbol of its box.
  const styled = { ...chosen, optimizers: study.grid.optimizers };
  const plot = plotCells(found, styled, widthOf("plot"));
  const say = (text: string): string => byId("point").textContent = text;
  plot.querySelectorAll("a").forEach((link, i) => {
    const cell = found.cells[i]!;
    const text = describe(cell, unit);
    link.setAttribute("aria-label", text);
    for (const event of ["focus", "mouseenter"]) link.addEventListener(event, () => say(text));
    link.addEventListener("click", (event) => {
      event.preventDefault();
      control("cell").value = nameOf(cell);
      drawTrajectory();
      writeAddress();
      byId("trajectory").focus();
    });
  });
  byId("plot").replaceChildren(plot);
  say("Point at a value, or press Tab, to read it; choose it to see its trajectories.");
  byId("sentences").replaceChildren(
    ...found.sentences.map((textContent) => element("li", { textContent })),
  );
  const rows = found.cells.map(({ optimizer, learningRate, batchSize, ...cell }) => ({
    optimizer,
    "learning rate": learningRate,
    "batch size": batchSize,
    [label + unitAfter("name", unit)]: cell.mean,
    "95 % low": cell.interval?.[0] ?? null,
    "95 % high": cell.interval?.[1] ?? null,
    seeds: cell.n,
    "training loss (nats)": cell.trainLoss,
  }));
  const shown = showTable("cells", rows, byId("filter") as HTMLInputElement);
  byId("download").onclick = () => {
    const csv = new Blob([from(shown()).toCSV() + "\n"], { type: "text/csv" });
    const href = URL.createObjectURL(csv);
    element("a", { href, download: `${studyName(study)} ${measure} ${effect} ${at}.csv` }).click();
    URL.revokeObjectURL(href);
  };
  drawTrajectory();
}

function drawTrajectory(): void {
  const { seeds } = selection();
  const name = control("cell").value;
  const own = records
    .map(({ content, provenance }) => ({ ...content, ...content.trajectory, provenance }))
    .filter((each) => nameOf(each) === name && seeds.includes(each.seed));
  byId("trajectory").hidden = own.length === 0;
  byId("of").textContent = name;
  byId("losses").replaceChildren(plotLosses(own, widthOf("losses")));
  showTable(
    "networks",
    own.flatMap(({ seed, networks }) =>
      networks.map(({ epoch, trainLoss, testLoss, testAccuracy, measures, sha256 }) => ({
        ...{ seed, epoch },
        "training loss (nats)": trainLoss,
        "test loss (nats)": testLoss,
        "test accuracy": testAccuracy,
        measures: measures.length,
        "SHA-256": sha256.slice(0, 12),
      }))
    ),
  );
  showTable(
    "work",
    own.flatMap(({ seed, provenance }) =>
      provenance.map(({ did, to, seconds, finished, revision, engine, processor }) => ({
        ...{ seed, work: did, "to epoch": to, seconds },
        finished: finished.slice(0, 16).replace("T", " "),
        ...{ revision, engine: `${engine.name}, ${engine.library}`, processor },
      }))
    ),
  );
}

function follow(): void {
  readAddress();
  draw();
}

unpackData(byId("data").textContent!).then((data) => {
  ({ study, records } = data);
  fillForm(study);
  follow();
  form.addEventListener("change", ({ target }) => {
    if (target === control("at")) offerMeasures();
    writeAddress();
    draw();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", follow);
  addEventListener("resize", draw);
});
