// What the checks of pages share: headless Chromium, a list of what failed, and the document of a page.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const modules = process.env.NARROW_PAGE_TEST_MODULES;
const require = createRequire(path.join(modules, "x.js"));
const { chromium } = require("playwright-core");
export const axe = path.join(modules, "axe-core", "axe.min.js");

const problems = [];
let tests = 0;
export const test = async (sentence, body) => {
  ++tests;
  try {
    await body();
    console.log(`ok: ${sentence}`);
  } catch (error) {
    problems.push(sentence);
    console.log(`FAILED: ${sentence}\n${error.stack}`);
  }
};

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
// page.told: what the page wrote to the console, and what it asked for that is no part of it.
export const open = async (file, options = {}) => {
  const context = await browser.newContext({ viewport: { width: 1300, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15000);
  page.told = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) page.told.push(message.text()); });
  page.on("pageerror", (error) => page.told.push(String(error)));
  page.on("request", (request) => { if (!/^(file|data):/.test(request.url())) page.told.push(`asks for ${request.url()}`); });
  await page.goto(`file://${encodeURI(file)}`);
  await page.waitForFunction(() => performance.getEntriesByName("narrow-drawn").length === 1);
  return page;
};
export const documentOf = (file) =>
  JSON.parse(fs.readFileSync(file, "utf8").match(/<script type="application\/json" id="data">([^]*?)<\/script>/)[1]);
// Ends the process. Its code is 1 if a test failed.
export const end = async () => {
  await browser.close();
  console.log(`${tests} tests, ${problems.length} failed`);
  process.exit(problems.length > 0 ? 1 : 0);
};
