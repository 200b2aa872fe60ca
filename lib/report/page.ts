/**
 * The page's program. Its state is the form's, and stands in the address.
 *
 * @module
 */
import { z } from "zod";
import { capitalize } from "~/lib/files/text.ts";
import { significant } from "~/lib/files/numbers.ts";
import { formatInterval, formatMean, stopInWords, unitAfter } from "~/lib/findings.ts";
import { openMeasure } from "~/lib/measure.ts";
import { openOptimizer } from "~/lib/optimizer.ts";
import { plotCells, plotLosses, type Scales } from "~/lib/report/chart.ts";
import { unpackData } from "~/lib/report/data.ts";
import {
  explore,
  type ExploredCell,
  isLevel,
  measuresOffered,
  placesOf,
  type Selection,
} from "~/lib/report/explore.ts";
import { element, showTable } from "~/lib/report/table.ts";
import { tableOf } from "~/lib/results.ts";
import {
  type EffectName,
  EFFECTS,
  effectValue,
  type Study,
  studyName,
  trajectoryOf,
} from "~/lib/study.ts";
import { isSameTrajectory } from "~/lib/trainer.ts";

// Schemas would else be compiled, which the page's policy forbids.
z.config({ jitless: true });

const byId = (id: string): HTMLElement => document.getElementById(id)!;
const { study, records } = unpackData(byId("data").textContent!);
const form = byId("choices") as HTMLFormElement;
const control = (name: string): HTMLSelectElement => (
  form.elements.namedItem(name) as HTMLSelectElement
);

const options = (
  values: readonly string[],
  labelOf: (value: string) => string = String,
): HTMLOptionElement[] =>
  values.map((value) => element("option", { value, textContent: labelOf(value) }));

function fillForm({ grid }: Study): void {
  const { stops, levels } = placesOf(study);
  for (const axis of ["x", "y"]) control(axis).append(...options(["log", "linear"]));
  control("effect").append(...options(grid.effects, (name) => EFFECTS[name as EffectName].label));
  control("at").append(
    element("optgroup", { label: "at the stop" }, ...options(stops)),
    element("optgroup", { label: "at a training loss" }, ...options(levels, (at) => `${at} nats`)),
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
    mark.style.color = openOptimizer(text).color;
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
    const { label, name } = openMeasure(text);
    return text === name ? label : `${label} ${text.slice(name.length)}`;
  }));
  if (offered.includes(wanted)) control("measure").value = wanted;
}

function readAddress(): void {
  const given = new URLSearchParams(location.hash.slice(1));
  if (given.size === 0) return;
  for (const part of form.elements) {
    const { name, value } = part as HTMLInputElement;
    if (part instanceof HTMLInputElement && part.type === "checkbox") {
      part.checked = given.getAll(name).includes(value);
    } else if (part instanceof HTMLSelectElement && name !== "measure") {
      if ([...part.options].some((each) => each.value === given.get(name))) {
        part.value = given.get(name)!;
      }
    }
  }
  control("cell").value = given.get("cell") ?? "";
  offerMeasures(given.get("measure") ?? "");
}

function writeAddress(): void {
  const hash = `#${new URLSearchParams(new FormData(form) as never)}`;
  try {
    history.replaceState(null, "", hash);
  } catch {
    // A cell of a notebook has no address of its own.
  }
}

function selection(): Selection & Scales {
  const data = new FormData(form);
  const texts = (name: string): string[] => data.getAll(name).map(String);
  const [effect, at, measure, x, y] = ["effect", "at", "measure", "x", "y"].map((name) =>
    String(data.get(name))
  );
  const optimizers = texts("optimizer");
  return { effect, at, measure, optimizers, seeds: texts("seed").map(Number), x, y } as never;
}

const keyOf = ({ optimizer, learningRate, batchSize }: ExploredCell): string =>
  JSON.stringify([optimizer, learningRate, batchSize]);

const nameOf = ({ optimizer, learningRate, batchSize }: Omit<ExploredCell, "effect">): string =>
  `${optimizer}, learning rate ${learningRate}, batch size ${batchSize}`;

/** "SGD, learning rate 10⁻³: 0.110 nats [0.10, 0.12], 3 seeds, training loss 1.20 nats". */
function describe(cell: ExploredCell, unit: string): string {
  const { mean, interval, n, trainLoss, optimizer, effect } = cell;
  const { label, format } = EFFECTS[effect];
  return `${optimizer}, ${label} ${format(effectValue(cell))}: ${formatMean(mean, interval)}` +
    `${unitAfter(unit)}${interval === null ? "" : ` ${formatInterval(interval)}`}, n = ${n}` +
    (trainLoss === null ? "" : `, training loss ${significant(trainLoss)} nats`);
}

function draw(): void {
  const chosen = selection();
  const { measure, at, effect } = chosen;
  const found = explore(study, records, chosen);
  const isPublished = (control("published") as unknown as HTMLInputElement).checked;
  const shown = { ...found, published: isPublished ? found.published : [] };
  const { label, unit } = openMeasure(measure);
  const place = isLevel(at) ? `${at} nats of training loss` : at;
  byId("title").textContent = `${capitalize(label)} by ${EFFECTS[effect].label}, at ${place}`;
  byId("about").textContent =
    `The study ${studyName(study)}, ${records.length} trajectories; networks ` +
    (isLevel(at)
      ? "interpolated to a loss over all training images."
      : `where ${stopInWords(at)}.`);
  const plot = plotCells(shown, { ...chosen, width: byId("plot").clientWidth || 640 });
  const say = (text: string): string => byId("point").textContent = text;
  plot.querySelectorAll("a").forEach((link, i) => {
    const cell = found.cells[i]!;
    const text = describe(cell, unit);
    link.setAttribute("aria-label", text);
    for (const event of ["focus", "mouseenter"]) link.addEventListener(event, () => say(text));
    link.addEventListener("click", (event) => {
      event.preventDefault();
      control("cell").value = keyOf(cell);
      drawTrajectory();
      writeAddress();
      byId("trajectory").focus();
    });
  });
  byId("plot").replaceChildren(plot);
  say("Point at a value, or press Tab, to read it; choose it to see its trajectories.");
  byId("sentences").replaceChildren(
    ...[...found.sentences, ...(isPublished ? found.publishedSentences : [])]
      .map((textContent) => element("li", { textContent })),
  );
  const columns: Record<string, (cell: ExploredCell) => string | number | null> = {
    optimizer: ({ optimizer }) => optimizer,
    "learning rate": ({ learningRate }) => learningRate,
    "batch size": ({ batchSize }) => batchSize,
    [`${label}${unit === "1" ? "" : ` (${unit})`}`]: ({ mean }) => mean,
    "95 % low": ({ interval }) => interval?.[0] ?? null,
    "95 % high": ({ interval }) => interval?.[1] ?? null,
    seeds: ({ n }) => n,
    "training loss (nats)": ({ trainLoss }) => trainLoss,
  };
  const filter = byId("filter") as HTMLInputElement;
  const rows = showTable(byId("cells"), columns, found.cells, { name: "Table of values", filter });
  byId("download").onclick = () => {
    const csv = new Blob([tableOf(columns, rows()).toCSV() + "\n"], { type: "text/csv" });
    const href = URL.createObjectURL(csv);
    element("a", { href, download: `${studyName(study)} ${measure} ${effect} ${at}.csv` }).click();
    URL.revokeObjectURL(href);
  };
  drawTrajectory();
}

function drawTrajectory(): void {
  const { seeds } = selection();
  const cell = cellFrom(control("cell").value);
  const own = cell === undefined
    ? []
    : records.filter(({ content }) =>
      seeds.some((seed) => isSameTrajectory(content.trajectory, trajectoryOf(study, cell, seed)))
    );
  byId("trajectory").hidden = own.length === 0;
  if (cell === undefined || own.length === 0) return;
  byId("of").textContent = nameOf(cell as ExploredCell);
  byId("losses").replaceChildren(plotLosses(own, byId("losses").clientWidth || 640));
  const networks = own.flatMap(({ content: { trajectory: { seed }, networks } }) =>
    networks.map((network) => ({ seed, ...network }))
  );
  showTable(
    byId("networks"),
    {
      seed: ({ seed }) => seed,
      epoch: ({ epoch }) => epoch,
      "training loss (nats)": ({ trainLoss }) => trainLoss,
      "test loss (nats)": ({ testLoss }) => testLoss,
      "test accuracy": ({ testAccuracy }) => testAccuracy,
      "measures": ({ measures }) => measures.length,
      "SHA-256": ({ sha256 }) => sha256.slice(0, 12),
    },
    networks,
    { name: "Networks of these trajectories" },
  );
  const work = own.flatMap(({ content: { trajectory: { seed } }, provenance }) =>
    provenance.map((each) => ({ seed, ...each }))
  );
  showTable(
    byId("work"),
    {
      seed: ({ seed }) => seed,
      work: ({ did }) => did,
      "to epoch": ({ to }) => to,
      seconds: ({ seconds }) => seconds,
      finished: ({ finished }) => finished.slice(0, 16).replace("T", " "),
      revision: ({ revision }) => revision,
      engine: ({ engine }) => `${engine.name}, ${engine.library}`,
      processor: ({ processor }) => processor,
    },
    work,
    { name: "Who computed them" },
  );
}

/** A cell from the address, which anybody may have written. */
function cellFrom(
  text: string,
): { optimizer: string; learningRate: number; batchSize: number } | undefined {
  try {
    const [optimizer, learningRate, batchSize] = JSON.parse(text);
    return { optimizer, learningRate, batchSize };
  } catch {
    return undefined;
  }
}

fillForm(study);
readAddress();
form.addEventListener("change", ({ target }) => {
  if (target === control("at")) offerMeasures();
  writeAddress();
  draw();
});
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", () => {
  readAddress();
  draw();
});
addEventListener("resize", draw);
draw();
