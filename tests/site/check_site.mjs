// check_site.mjs FOLDER: opens the site in Chromium from its files: no errors, dark mode, its button, and the search. axe-core
// must find nothing serious.
import assert from "node:assert/strict";
import path from "node:path";
import { createRequire } from "node:module";

const require = createRequire(path.join(process.env.NARROW_PAGE_TEST_MODULES, "x.js"));
const { chromium } = require("playwright-core");
const site = `file://${process.argv[2]}`;
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const told = [];
const open = async (page, colorScheme) => {
  const opened = await (await browser.newContext({ viewport: { width: 1500, height: 900 }, colorScheme, bypassCSP: true })).newPage();
  opened.setDefaultTimeout(15000);
  opened.on("console", (message) => { if (["error", "warning"].includes(message.type())) told.push(message.text()); });
  opened.on("pageerror", (error) => told.push(String(error)));
  opened.on("request", (request) => { if (!/^(file|data):/.test(request.url())) told.push(`asks for ${request.url()}`); });
  await opened.goto(`${site}/${page}`);
  return opened;
};
const paper = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

const light = await open("index.html", "light");
const dark = await open("tutorial.html", "dark");
assert.equal(await paper(light), "rgb(255, 255, 255)");
assert.notEqual(await paper(dark), "rgb(255, 255, 255)");
const button = light.locator(".theme-toggle:visible").first();
const seen = new Set();
for (let i = 0; i < 3; ++i) {
  await button.click();
  seen.add(await paper(light));
}
assert.equal(seen.size, 2, "the button does not change the colours");
const found = await open("search.html?q=equalization", "light");
await found.locator("#search-results li a", { hasText: "Numerics" }).first().waitFor();
await (await open("api/index.html", "light")).locator("#MSearchField").waitFor();
const serious = [];
for (const name of ["index.html", "cli.html", "tutorial.html", "search.html?q=mixing", "api/index.html", "api/classnarrow_1_1Session.html"]) {
  for (const colorScheme of ["light", "dark"]) {
    const checked = await open(name, colorScheme);
    await checked.addScriptTag({ path: require.resolve("axe-core/axe.min.js") });
    const { violations } = await checked.evaluate(() => axe.run(document, { preload: false }));
    for (const of of violations.filter(({ impact }) => ["serious", "critical"].includes(impact))) {
      serious.push(`${name}, ${colorScheme}: ${of.id}: ${of.nodes[0].html.slice(0, 160)}`);
    }
    await checked.close();
  }
}
assert.deepEqual(serious, []);
await browser.close();
assert.deepEqual(told, []);
console.log("ok: the site works from its files");
