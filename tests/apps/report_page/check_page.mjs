// check_page.mjs REPORT ALONE LABEL: opens the pages in Chromium and uses them as a reader does. REPORT has a reference and
// images, ALONE has neither; LABEL is markup that must stay text.
import assert from "node:assert/strict";
import { axe, documentOf, end, open, test } from "./browser.mjs";

const [report, alone, label] = process.argv.slice(2);
const texts = (page, selector) => page.locator(selector).allTextContents();
const data = documentOf(report);

const page = await open(report);
await test("the page opens from a file without a message on the console and asks for nothing", async () => {
  assert.deepEqual(page.told, []);
  assert.equal(await page.locator("h1").textContent(), "<b>net&.nrw");
});
await test("markup in names and labels stays text", async () => {
  assert.equal(await page.locator("main b, main script").count(), 0);
  assert.ok(!(await page.title()).includes("owned"));
  assert.ok(data.changed.count > 0, "no image changed its answer, so that no label is shown");
  const answers = await texts(page, "#images .answer");
  assert.ok(answers.every((answer) => answer.startsWith(label)), answers[0]);
  const sources = await page.locator("img").evaluateAll((images) => images.map((image) => image.src.slice(0, 22)));
  assert.ok(sources.every((source) => source === "data:image/png;base64,"), sources[0]);
});
await test("the changed images are decoded and have both answers", async () => {
  assert.equal(await page.locator("#images li").count(), data.changed.shown.length);
  const widths = await page.locator("#images img").evaluateAll(async (images) => {
    await Promise.all(images.map((image) => image.decode()));
    return images.map((image) => image.naturalWidth);
  });
  assert.ok(widths.every((width) => width === 32), String(widths));
  assert.equal(await page.locator("#images .answer").count(), 2 * data.changed.shown.length);
});
await test("five questions are answered at the top, from the document alone", async () => {
  const boxes = page.locator("#question-list .question");
  assert.equal(await boxes.count(), 5);
  const [which, six, calibration, slow, images] = await boxes.allTextContents();
  const worst = data.advice.layers.slice(0, 3);
  assert.equal(worst.length, 3);
  for (const advice of worst) {
    assert.ok(which.includes(advice.layer), which);
    const layer = data.layers.find((of) => of.name === advice.layer);
    const said = which.slice(which.indexOf(`${advice.layer}, `));
    if (advice.basis === "output") { assert.ok(/^.*? % of the layer's own output error/.test(said), said); continue; }
    // What was measured with the most bits, not shares of another error.
    for (const [of, what] of [["weights", "its weights"], ["activations", "its output"]]) {
      const trial = layer.trials.filter((other) => other.of === of).sort((a, b) => b.bits - a.bits)[0];
      if (!trial) continue;
      const left = trial.score_noise / layer.score_noise;
      assert.ok(said.includes(`${trial.bits} bits for ${what} leave ${left > 0 && left < 0.005 ? "< 1" : (100 * left).toFixed(0)} %`), said);
    }
  }
  assert.ok(data.advice.layers.some((of) => of.basis === "scores"), "nothing was measured with more bits");
  for (const { layer, trial } of data.advice.six_bits.changes) {
    assert.ok(six.includes(`--layer-${trial.of} ${layer}=6`), six);
  }
  const measured = data.remedies.results.find((of) => of.is_six_bits);
  const rows = await boxes.nth(1).locator("tbody tr").allTextContents();
  const both = (of) => of(data.remedies.results[0]) + of(measured);
  assert.equal(rows[0], `same answers${both((of) => `${of.agreement.top1.percent.toFixed(1)} %`)}`);
  assert.ok(rows.at(-2).startsWith("weights") && rows.at(-1).startsWith("time, measured beside each other"), rows.join("\n"));
  assert.ok(/of weights \(.* %\), .*(the same time|ms) \(estimated/.test(six), six);
  assert.ok(six.includes(`has ${data.agreement.top1.percent.toFixed(1)} % same answers`), six);
  const cheaper = data.remedies.results[data.remedies.as_good_with_fewer];
  assert.equal(six.includes("Cheaper:"), cheaper !== undefined, six);
  assert.ok(/The bits of the (weights|activations)\.|The bits, of weights|Calibration:/.test(calibration), calibration);
  const { ranges, clipping } = data.advice;
  assert.ok(ranges.helped > 0, "no other range helps");
  assert.equal(ranges.helped, data.advice.layers.filter((layer) => layer.remedies.some(({ trial }) => trial && trial.of === "range")).length);
  assert.ok(calibration.includes(`better ranges for ${ranges.helped} layer`) && calibration.includes(" % from values outside the ranges"), calibration);
  assert.ok(clipping >= 0 && calibration.includes(`The ranges were made by: ${data.model.provenance.calibration}`), calibration);
  const slowest = data.layers.filter((layer) => layer.time).sort((a, b) => b.time.ms - a.time.ms).slice(0, 3);
  for (const layer of slowest) {
    assert.ok(slow.includes([layer.name, ...layer.time.followers].join(" + ")), slow);
    assert.ok(!slow.includes(layer.step.kernel), slow);
  }
  assert.equal(slow.match(/ % of the time/g).length, 3);
  assert.ok(images.includes(`${data.changed.count} of `) && images.includes(" became "), images);
  assert.ok(images.includes("divergence of the probabilities"), images);
  assert.equal(data.changed.kinds, null); // these images have no labels
  assert.ok(!images.includes("right to wrong"), images);
});
await test("each layer with a time of its own says what bounds it, and why it has its kernel", async () => {
  const timed = data.layers.map((layer, index) => [layer, index]).filter(([layer]) => layer.time);
  assert.ok(timed.length > 5);
  for (const [layer, index] of timed) {
    await page.locator(`#node-${index}`).click();
    const detail = await page.locator("#detail-body").textContent();
    assert.ok(detail.includes("Bound by") && detail.includes(`Kernel ${layer.step.kernel}`), detail);
    if (layer.step.candidates) assert.ok(detail.includes("It is the cheapest of"), detail);
  }
});
await test("a layer that is fused with another says with which, and repeats why that is slow", async () => {
  const index = data.layers.findIndex((layer) => layer.step?.fused_with);
  assert.ok(index >= 0, "no layer is fused");
  const owner = data.layers[index].step.fused_with;
  await page.locator(`#node-${index}`).click();
  const detail = await page.locator("#detail-body").textContent();
  assert.ok(detail.includes(`${owner} + `) && detail.includes("(run as one)") && detail.includes("Bound by"), detail);
  const row = await page.locator("#table-box tbody tr").nth(index).textContent();
  assert.ok(row.includes(`with ${owner}`), row);
});
await test("what is jumped to starts below the header", async () => {
  for (const width of [1280, 1000]) {
    await page.setViewportSize({ width, height: 700 });
    await page.locator("#toc a[href='#network']").click();
    await page.waitForFunction(() => window.scrollY > 100);
    const [below, top] = await page.evaluate(() => {
      const header = document.querySelector(".top");
      return [getComputedStyle(header).position === "sticky" ? header.getBoundingClientRect().bottom : 0, document.getElementById("network-h").getBoundingClientRect().top];
    });
    assert.ok(top >= below && top < below + 60, `${width}: ${top} under ${below}`);
  }
  await page.setViewportSize({ width: 1280, height: 720 });
});
await test("the table has a row for each layer, and its headers sort both ways", async () => {
  const rows = "#table-box tbody tr";
  assert.equal(await page.locator(rows).count(), data.layers.length);
  const header = page.locator("#table-box thead th", { hasText: /^Noise share$/ });
  await header.getByRole("button").click();
  assert.equal(await header.getAttribute("aria-sort"), "descending");
  const worst = data.layers.filter((layer) => layer.score_noise > 0).sort((a, b) => b.score_noise - a.score_noise);
  assert.equal((await texts(page, `${rows} th`))[0], worst[0].name);
  await header.getByRole("button").click();
  assert.equal(await header.getAttribute("aria-sort"), "ascending");
  const measured = data.layers.filter((layer) => "score_noise" in layer);
  const least = Math.min(...measured.map((layer) => layer.score_noise));
  const first = (await texts(page, `${rows} th`))[0];
  assert.equal(data.layers.find((layer) => layer.name === first).score_noise, least);
});
await test("the filter leaves the layers with all its words, and says how many", async () => {
  await page.locator("#filter").fill("layer2 CONV1");
  const names = await page.locator("#table-box tbody tr:not([hidden]) th").allTextContents();
  const expected = data.layers.filter((layer) => `${layer.name} ${layer.op} ${layer.step?.kernel ?? ""}`.toLowerCase().includes("layer2") &&
    `${layer.name} ${layer.op} ${layer.step?.kernel ?? ""}`.toLowerCase().includes("conv1"));
  assert.ok(expected.length > 0 && expected.length < data.layers.length);
  assert.deepEqual(names.sort(), expected.map((layer) => layer.name).sort());
  assert.equal(await page.locator("#filter-count").textContent(), `${expected.length} of ${data.layers.length} layers`);
  await page.locator("#filter").fill("");
  await page.locator("#filter-op").selectOption("Add");
  const sums = await page.locator("#table-box tbody tr:not([hidden])").count();
  assert.equal(sums, data.layers.filter((layer) => layer.op === "Add").length);
  await page.locator("#filter-op").selectOption("");
});
await test("a click on a node shows its layer, and arrow keys go on from there", async () => {
  const index = data.layers.findIndex((layer) => layer.op === "Convolution" && layer.name.startsWith("layer3"));
  await page.locator(`#node-${index}`).click();
  assert.equal(await page.locator("#detail-h").textContent(), data.layers[index].name);
  assert.equal(await page.locator("#net li[aria-selected=true]").count(), 1);
  assert.equal(await page.locator("#detail svg.chart").count(), 2);
  await page.keyboard.press("ArrowDown");
  assert.equal(await page.locator("#detail-h").textContent(), data.layers[index + 1].name);
  assert.equal(await page.locator("#net-list").getAttribute("aria-activedescendant"), `node-${index + 1}`);
  await page.keyboard.press("End");
  assert.equal(await page.locator("#detail-h").textContent(), data.layers.at(-1).name);
});
await test("every layer can be chosen", async () => {
  await page.locator("#net-list").focus();
  await page.keyboard.press("Home");
  for (let i = 1; i < data.layers.length; ++i) await page.keyboard.press("ArrowDown");
  assert.equal(await page.locator("#detail-h").textContent(), data.layers.at(-1).name);
  assert.deepEqual(page.told, []);
});
await test("a layer that hurts leads to its details, and chosen remedies add up", async () => {
  const worst = data.advice.layers[0];
  await page.locator("#advice tbody tr").first().getByRole("button").click();
  assert.equal(await page.locator("#detail-h").textContent(), worst.layer);
  assert.equal(await page.evaluate(() => document.activeElement.id), "detail-h");
  const boxes = page.locator("#advice input[type=checkbox]");
  assert.ok((await boxes.count()) > 1);
  await boxes.nth(0).check();
  const plan = await page.locator(".plan").textContent();
  const remedy = data.advice.layers.flatMap((layer) => layer.remedies).find((of) => of.trial);
  assert.ok(plan.includes(remedy.option) && plan.includes("1 remedy together"), plan);
});
await test("what 6 bits for the worst layers would cost is one click away", async () => {
  await page.getByRole("button", { name: "Choose none" }).click();
  assert.equal(await page.locator("#advice input:checked").count(), 0);
  await page.getByRole("button", { name: /^6 bits for the weights of/ }).click();
  const plan = await page.locator(".plan").textContent();
  const six = data.advice.layers.map((of) => data.layers.find((layer) => layer.name === of.layer))
    .filter((layer) => layer.trials.some((trial) => trial.of === "weights" && trial.bits === 6)).slice(0, 3);
  assert.ok(six.length > 0);
  for (const layer of six) assert.ok(plan.includes(`--layer-weights ${layer.name}=6`), plan);
});
await test("networks that were quantized anew have a row each, with the options that make them", async () => {
  const rows = page.locator("#advice table").last().locator("tbody tr");
  assert.ok(data.remedies.results.length > 1);
  assert.equal(await rows.count(), data.remedies.results.length);
  const code = await rows.nth(1).locator("code").textContent();
  for (const word of data.remedies.results[1].options) assert.ok(code.includes(word), code);
  assert.ok((await page.locator("#advice").textContent()).includes("quantized anew"));
});
await test("the residual sums have a second edge in the graph", async () => {
  const sums = data.layers.filter((layer) => layer.op === "Add" && layer.inputs.length === 2).length;
  assert.ok(sums > 0);
  assert.ok((await page.locator("#net .skip-edge").count()) >= sums);
  assert.equal(await page.locator("#net .node.sum").count(), sums);
});
await test("the theme follows the system, and the button changes it", async () => {
  const paper = (of) => of.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await open(report, { colorScheme: "dark" });
  assert.notEqual(await paper(dark), await paper(page));
  const before = await paper(dark);
  await dark.locator("#theme").click();
  assert.equal(await paper(dark), await paper(page));
  assert.equal(await dark.locator("#theme").getAttribute("aria-pressed"), "false");
  await dark.locator("#theme").click();
  assert.equal(await paper(dark), before);
  assert.deepEqual(dark.told, []);
});
for (const colorScheme of ["light", "dark"]) {
  await test(`axe finds nothing in the ${colorScheme} page`, async () => {
    const checked = await open(report, { colorScheme, bypassCSP: true });
    await checked.addScriptTag({ path: axe });
    const found = await checked.evaluate(() => axe.run());
    const told = found.violations.map((of) => `${of.impact} ${of.id}: ${of.nodes[0].html.slice(0, 200)}`);
    assert.deepEqual(told, []);
    assert.ok(found.passes.length > 20);
  });
}
await test("a page for a telephone does not scroll sideways", async () => {
  const small = await open(report, { viewport: { width: 390, height: 800 } });
  assert.ok((await small.evaluate(() => document.documentElement.scrollWidth)) <= 390);
});
await test("print has all layers, and is light", async () => {
  const printed = await open(report, { colorScheme: "dark" });
  await printed.emulateMedia({ media: "print", colorScheme: "dark" });
  assert.equal(await printed.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(255, 255, 255)");
  const box = await printed.locator("#table-box").evaluate((of) => [of.scrollHeight, of.clientHeight]);
  assert.ok(box[0] <= box[1] + 1, String(box));
});
await test("without a reference the page says what is missing, and has no columns of errors", async () => {
  const bare = await open(alone);
  assert.deepEqual(bare.told, []);
  assert.ok((await bare.locator("#notes").textContent()).includes("--against"));
  const answers = await texts(bare, "#question-list .question");
  assert.equal(answers.filter((answer) => answer.includes("Not known without a reference")).length, 4);
  assert.ok(answers[3].includes(" % of the time"));
  assert.equal(await bare.locator("#table-box thead th", { hasText: /^Noise share$/ }).count(), 0);
  assert.ok((await bare.locator("#table-box tbody tr").count()) > 20);
});
await end();
