/**
 * Tries a page in a browser, and every place that other ones offer, `browse.ts PAGE [OTHER PAGE]...`;
 * throws what is wrong.
 *
 * @module
 */
import { pathToFileURL } from "node:url";
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { runsAt, summariseCells } from "~/lib/results.ts";
import { BROWSER, RECORDS, STUDY } from "~/tests/report/committed.ts";

const FLAGS = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

/** Collects what a page's console and its errors say. */
function listen(page: Page): string[] {
  const troubles: string[] = [];
  page.on("console", (message) => troubles.push(message.text()));
  page.on("pageerror", ({ message }) => troubles.push(message));
  return troubles;
}

async function browse(browser: Browser, path: string): Promise<void> {
  const { href } = pathToFileURL(path);
  for (const [width, colorScheme] of [[1280, "light"], [360, "dark"]] as const) {
    const look = { viewport: { width, height: 900 }, colorScheme };
    const page = await browser.newPage(look);
    const troubles = listen(page);
    page.on("request", (request) => troubles.push(`request ${request.url()}`));
    page.setDefaultTimeout(60_000);
    await open(page, href);
    assertEquals(troubles.splice(0), [`request ${href}`]);
    const [paint, drawn] = await page.evaluate(() => [
      performance.getEntriesByType("paint")[0]!.startTime | 0,
      performance.now() | 0,
    ]);
    console.log(`${width} px: first paint after ${paint} ms, drawn before ${drawn} ms`);
    await tryPage(page);
    assertEquals(troubles.filter((text) => !/^request (file|blob):/.test(text)), []);
    assert(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    // The policy would keep axe out.
    const judged = await browser.newPage({ ...look, bypassCSP: true });
    await open(judged, page.url());
    await judged.addScriptTag({ content: axe.source });
    const { violations } = await judged.evaluate<axe.AxeResults>("axe.run()");
    assertEquals(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), []);
    await judged.close();
    await page.close();
  }
}

/** Goes there and waits until the data are unpacked and drawn. */
async function open(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.locator("#cells tbody tr").first().waitFor();
}

/** Ten values against those of `reproduce --json`, then every control, a trajectory, a download. */
async function tryPage(page: Page): Promise<void> {
  const cells = summariseCells(STUDY, runsAt(STUDY, RECORDS))
    .filter(({ effect }) => effect === "learning-rate");
  const rows = await page.locator("#cells tbody tr").allInnerTexts();
  assertEquals(rows.length, cells.length);
  for (const [i, { learningRate, value }] of cells.slice(0, 10).entries()) {
    const [, rate, , ...values] = rows[i]!.split("\t").map(Number);
    assertEquals(rate, learningRate);
    const expected = [value!.mean, ...value!.interval!];
    assertEquals(values.slice(0, 3), expected.map((each) => Number(each.toPrecision(4))));
  }
  const symbols = (): Promise<(string | null)[]> =>
    page.locator("#plot a path")
      .evaluateAll((all) => [...new Set(all.map((path) => path.getAttribute("d")))]);
  const [, ...later] = await symbols();
  // An optimizer keeps its symbol, that of its box, where an earlier one is not shown.
  await page.locator("[name=optimizer]").first().uncheck();
  assertEquals([later.length, await symbols()], [1, later]);
  await page.locator("[name=optimizer]").first().check();
  const sentences = (): Promise<string> => page.locator("#sentences").innerText();
  let before = await sentences();
  const cases = [
    ...[["effect", "batch-size"], ["at", "loss:1.5"], ["measure", "generalization-gap"]],
    ...[["at", "1.5"], ["measure", "antithetic"], ["at", "cumulative:1e-3"]],
  ] as const;
  for (const [name, value] of cases) {
    await page.selectOption(`[name=${name}]`, value);
    assertNotEquals(await sentences(), before, `${name} ${value}`);
    assertStringIncludes(page.url(), new URLSearchParams({ [name]: value }).toString());
    before = await sentences();
  }
  for (const name of ["optimizer", "seed"]) {
    await page.locator(`[name=${name}]`).last().uncheck();
    assertNotEquals(await sentences(), before);
    before = await sentences();
  }
  const drawn = (): Promise<string> => page.locator("#plot").innerHTML();
  for (const axis of ["x", "y"]) {
    const plot = await drawn();
    await page.selectOption(`[name=${axis}]`, "linear");
    assertNotEquals(await drawn(), plot);
  }
  await page.selectOption("[name=measure]", "sharpness");
  const plot = await drawn();
  await page.check("[name=published]");
  assertNotEquals(await drawn(), plot);
  assertStringIncludes(await sentences(), "published half-width");
  // The last control; the next stop of the tabulator is the first point.
  await page.keyboard.press("Tab");
  assertMatch(
    await page.locator("#point").innerText(),
    /^SGD, .* nats \[.*\], n = 2, training loss/,
  );
  assertEquals(
    await page.evaluate(() => document.activeElement!.getAttribute("aria-label")),
    await page.locator("#point").innerText(),
  );
  await page.keyboard.press("Enter");
  assertMatch(await page.locator("#trajectory").innerText(), /^SGD, learning rate .*trained/s);
  await page.fill("#filter", "32768");
  assertEquals(await page.locator("#cells tbody tr").count(), 1);
  await page.fill("#filter", "");
  // A value is found as it is shown, rounded.
  for (const shown of await page.locator("#cells tbody td:nth-child(4)").allInnerTexts()) {
    await page.fill("#filter", shown);
    assert(await page.locator("#cells tbody tr").count() > 0, shown);
  }
  await page.fill("#filter", "");
  const numbers = async (): Promise<number[]> =>
    (await page.locator("#cells tbody td:nth-child(4)").allInnerTexts()).map(Number);
  for (const sign of [1, -1]) {
    await page.locator("#cells th button").nth(3).click();
    assertEquals(await numbers(), (await numbers()).toSorted((a, b) => sign * (a - b)));
  }
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  const csv = (await Deno.readTextFile(await download.path())).trimEnd().split("\n");
  assertEquals(csv.length, 1 + (await numbers()).length);
  assertStringIncludes(csv[0]!, "sharpness (nats)");
  // The address alone brings all of it back.
  const [url, text] = [page.url(), await sentences()];
  await page.goto("about:blank");
  await open(page, url);
  assertEquals(await sentences(), text);
  assert(await page.locator("#trajectory").isVisible());
}

/** Chooses every place; a page without any says so. */
async function tryPlaces(browser: Browser, path: string): Promise<void> {
  const page = await browser.newPage();
  const troubles = listen(page);
  await page.goto(pathToFileURL(path).href);
  await page.locator("#about", { hasText: "The study" }).waitFor();
  for (const place of await page.locator("[name=at] option").allInnerTexts()) {
    await page.selectOption("[name=at]", place);
    assertEquals(troubles, [], place);
  }
  assertEquals(troubles, []);
}

const [path = "", ...others] = Deno.args;
const browser = await chromium.launch({ executablePath: BROWSER, args: FLAGS });
try {
  await browse(browser, path);
  for (const other of others) await tryPlaces(browser, other);
} finally {
  await browser.close();
}
