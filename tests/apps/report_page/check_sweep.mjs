// check_sweep.mjs SWEEP: opens the page of a sweep of two networks in Chromium and uses it as a reader does.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { axe, documentOf, end, open, test } from "./browser.mjs";

const [sweep] = process.argv.slice(2);
const data = documentOf(sweep);
const quantized = data.results.filter((result) => result.command);
const texts = (page, selector) => page.locator(selector).allTextContents();
const chosenName = (page) => page.locator("#detail-h").textContent();
const fileName = (path) => path.split("/").pop();
const nameOf = (result) => `${fileName(result.network)} ${result.bits}`;
// The arguments of a command as a shell reads it.
const words = (command) => execFileSync("bash", ["-c", `printf '%s\\0' ${command}`], { encoding: "utf8" }).split("\0").slice(0, -1);

const page = await open(sweep);
await test("the page opens from a file without a message on the console and asks for nothing", async () => {
  assert.deepEqual(page.told, []);
  assert.ok(data.results.length >= 6);
  assert.equal(await page.locator("main b, main img").count(), 0);
  assert.ok(!(await page.title()).includes("owned"));
});
await test("both charts have a point for every result, at its place", async () => {
  const charts = page.locator("svg[role=radiogroup]");
  assert.equal(await charts.count(), 2);
  for (const [chart, cost] of [[charts.nth(0), "bytes"], [charts.nth(1), "ms_per_image"]]) {
    const points = await chart.locator(".point").evaluateAll((all) => all.map((point) =>
      ({ result: Number(point.dataset.result), at: point.getAttribute("transform").match(/[\d.]+/g).map(Number) })));
    assert.equal(points.length, data.results.length);
    for (const a of points) {
      for (const b of points) {
        const [left, right] = [data.results[a.result], data.results[b.result]];
        if (left[cost] < right[cost]) assert.ok(a.at[0] < b.at[0]);
        const [up, down] = [left, right].map((of) => (of.agreement ? of.agreement.top1.percent : 100));
        if (up > down) assert.ok(a.at[1] < b.at[1]);
      }
    }
  }
});
await test("the labels of an axis do not lie on each other", async () => {
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 900 });
    for (const axis of await page.locator("svg[role=radiogroup] > g[text-anchor=middle]").all()) {
      const boxes = await axis.locator(".tick text").evaluateAll((all) => all.map((text) => text.getBoundingClientRect()).map((of) => [of.left, of.right]));
      assert.ok(boxes.length > 1, `${boxes.length} labels`);
      boxes.sort((a, b) => a[0] - b[0]);
      for (let i = 1; i < boxes.length; ++i) assert.ok(boxes[i][0] > boxes[i - 1][1], String(boxes));
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
});
await test("a filled point is one that no result of its network beats", async () => {
  const value = (of) => (of.agreement ? of.agreement.top1.percent : 100);
  const best = await page.locator("svg[role=radiogroup]").first().locator(".point.best").evaluateAll((all) => all.map((point) => Number(point.dataset.result)));
  data.results.forEach((result, index) => {
    const isBeaten = data.results.some((other) => other.network === result.network && other.bytes <= result.bytes && value(other) >= value(result) &&
      (other.bytes < result.bytes || value(other) > value(result)));
    if (isBeaten) assert.ok(!best.includes(index), nameOf(result));
  });
  assert.ok(best.length > 0 && best.length < data.results.length);
});
await test("a click on a point shows its settings and its command, in both charts and in the table", async () => {
  for (const result of quantized) {
    const index = data.results.indexOf(result);
    await page.locator(`.point[data-result="${index}"]`).first().dispatchEvent("click");
    assert.equal(await chosenName(page), nameOf(result));
    assert.deepEqual(words(await page.locator("#command").textContent()), result.command);
    assert.equal(await page.locator(".point[aria-checked=true]").count(), 2);
    assert.equal(await page.locator("#table-box tr.chosen").count(), 1);
  }
});
await test("the keyboard alone reaches every point of a chart", async () => {
  const fresh = await open(sweep);
  const seen = new Set();
  await fresh.locator("#zoom").focus();
  await fresh.keyboard.press("Tab");
  assert.equal(await fresh.evaluate(() => document.activeElement.getAttribute("role")), "radio");
  await fresh.keyboard.press("Home");
  for (let i = 0; i < data.results.length; ++i) {
    seen.add(await fresh.evaluate(() => document.activeElement.dataset.result));
    await fresh.keyboard.press("ArrowRight");
  }
  assert.equal(seen.size, data.results.length);
  await fresh.keyboard.press("Enter");
  assert.equal(await fresh.evaluate(() => document.activeElement.id), "detail-h");
  await fresh.keyboard.press("Tab");
  assert.deepEqual(fresh.told, []);
});
await test("the smallest and the fastest within the drop are named", async () => {
  const value = (of) => of.agreement.top1.percent;
  for (const drop of [0, 10, 100]) {
    await page.locator("#drop").fill(String(drop));
    const named = await texts(page, "#cards button");
    const expected = [];
    for (const network of new Set(data.results.map((result) => result.network))) {
      const within = quantized.filter((result) => result.network === network && value(result) >= 100 - drop);
      if (within.length > 0) expected.push(Math.min(...within.map((result) => result.bytes)));
    }
    const sizes = named.filter((_, i) => i % 2 === 0).map((name) => data.results.find((result) => nameOf(result) === name).bytes);
    assert.deepEqual(sizes, expected);
  }
});
await test("the table sorts by every column", async () => {
  const rows = "#table-box tbody tr";
  const header = page.locator("#table-box thead th", { hasText: /^Size$/ });
  await header.getByRole("button").click();
  assert.equal(await header.getAttribute("aria-sort"), "ascending");
  const least = [...data.results].sort((a, b) => a.bytes - b.bytes)[0];
  assert.equal((await texts(page, `${rows} th`))[0], nameOf(least));
  await header.getByRole("button").click();
  assert.equal(await header.getAttribute("aria-sort"), "descending");
  const most = Math.max(...data.results.map((result) => result.bytes));
  const first = (await texts(page, `${rows} th`))[0];
  assert.equal(data.results.find((result) => nameOf(result) === first).bytes, most);
});
await test("another measure and one network alone redraw the charts", async () => {
  const options = await texts(page, "#measure option");
  assert.ok(options.includes("signal to noise of the scores"));
  await page.locator("#measure").selectOption({ label: "signal to noise of the scores" });
  assert.ok((await page.locator("svg[role=radiogroup]").first().getAttribute("aria-label")).startsWith("signal to noise"));
  await page.locator("#measure").selectOption({ index: 0 });
  await page.locator("#network").selectOption({ index: 1 });
  const own = data.results.filter((result) => result.network === data.results[0].network).length;
  assert.equal(await page.locator("svg[role=radiogroup]").first().locator(".point").count(), own);
  assert.equal(await page.locator("#table-box tbody tr:not([hidden])").count(), own);
  await page.locator("#network").selectOption({ index: 0 });
  assert.deepEqual(page.told, []);
});
await test("the theme follows the system, and the button changes it", async () => {
  const paper = (of) => of.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await open(sweep, { colorScheme: "dark" });
  const before = await paper(dark);
  assert.notEqual(before, await paper(page));
  await dark.locator("#theme").click();
  assert.equal(await paper(dark), await paper(page));
});
for (const colorScheme of ["light", "dark"]) {
  await test(`axe finds nothing in the ${colorScheme} page`, async () => {
    const checked = await open(sweep, { colorScheme, bypassCSP: true });
    await checked.addScriptTag({ path: axe });
    const found = await checked.evaluate(() => axe.run());
    assert.deepEqual(found.violations.map((of) => `${of.impact} ${of.id}: ${of.nodes[0].html.slice(0, 200)}`), []);
    assert.ok(found.passes.length > 20);
  });
}
await test("a page for a telephone does not scroll sideways", async () => {
  const small = await open(sweep, { viewport: { width: 390, height: 800 } });
  assert.ok((await small.evaluate(() => document.documentElement.scrollWidth)) <= 390);
});
await test("print has all results and the command, and is light", async () => {
  const printed = await open(sweep, { colorScheme: "dark" });
  await printed.emulateMedia({ media: "print", colorScheme: "dark" });
  assert.equal(await printed.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(255, 255, 255)");
  const box = await printed.locator("#table-box").evaluate((of) => [of.scrollHeight, of.clientHeight]);
  assert.ok(box[0] <= box[1] + 1, String(box));
  assert.ok(await printed.locator("#command").isVisible());
});
await end();
