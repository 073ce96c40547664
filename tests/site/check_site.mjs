// check_site.mjs FOLDER: opens the site in Chromium from its files: no errors, dark mode, its button, and the search.
import assert from "node:assert/strict";
import path from "node:path";
import { createRequire } from "node:module";

const require = createRequire(path.join(process.env.NARROW_PAGE_TEST_MODULES, "x.js"));
const { chromium } = require("playwright-core");
const site = `file://${process.argv[2]}`;
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
const told = [];
const open = async (page, colorScheme) => {
  const opened = await (await browser.newContext({ viewport: { width: 1500, height: 900 }, colorScheme })).newPage();
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
await browser.close();
assert.deepEqual(told, []);
console.log("ok: the site works from its files");
