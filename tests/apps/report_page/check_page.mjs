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
  assert.ok(rows[0].startsWith(`same answers${both((of) => `${of.agreement.top1.percent.toFixed(1)} %`)}${measured.gain.more_same} image`), rows[0]);
  assert.ok(rows.at(-2).startsWith("weights") && rows.at(-1).startsWith("time (in turns)"), rows.join("\n"));
  // One number: the measured gain, and no estimate of the same beside it.
  assert.ok(/of weights \(.* %\), .*; scores [+\u2212]/.test(six) && six.includes(`${Math.abs(measured.gain.db).toFixed(1)} dB (`), six);
  assert.ok(!six.includes("estimate"), six);
  const shorter = data.remedies.results[data.remedies.as_good_with_fewer];
  assert.equal(six.includes("Fewer changes do as much:"), shorter !== undefined && shorter.options.length > 0, six);
  assert.ok(/The bits of the (weights|activations)\.|The bits, of weights|Calibration:/.test(calibration), calibration);
  const { ranges, clipping } = data.advice;
  assert.ok(ranges.helped > 0, "no other range helps");
  assert.equal(ranges.helped, data.advice.layers.filter((layer) => layer.remedies.some(({ trial }) => trial && trial.of === "range")).length);
  assert.ok(calibration.includes(`Better ranges for ${ranges.helped} layer`) && calibration.includes(" % from values outside the ranges"), calibration);
  assert.ok(/by (narrower|wider) ones/.test(calibration), calibration);
  assert.ok(clipping >= 0 && calibration.includes(`Ranges: ${data.model.provenance.calibration}`), calibration);
  assert.ok(calibration.includes(`${data.remedies.results[0].agreement.top1.percent.toFixed(1)} %`) && calibration.includes("The same bits quantized again"), calibration);
  const slowest = data.layers.filter((layer) => layer.time).sort((a, b) => b.time.ms - a.time.ms).slice(0, 3);
  for (const layer of slowest) {
    assert.ok(slow.includes([layer.name, ...layer.time.followers].join(" + ") + (layer.time.followers.length > 0 ? " (fused)" : "")), slow);
    assert.ok(!slow.includes(layer.step.kernel), slow);
  }
  assert.equal(slow.match(/ % of the time/g).length, 3);
  assert.ok(images.includes(`${data.changed.count} of `) && images.includes(" became "), images);
  assert.ok(images.includes("divergence of the probabilities"), images);
  assert.equal(data.changed.kinds, null); // these images have no labels
  assert.ok(!images.includes("right to wrong"), images);
});
// What its time goes into, beside what multiplying at the peak and moving its bytes would take.
const BOUNDS = /(Mostly (multiplying|memory)|Chiefly what each output costs|Reading weights, and starting|A pass over all elements|No single cause)[^]*[Mm]oving (its|the group's) [0-9.]+ .?B once, at the \d+ GB\/s/;
await test("each layer with a time of its own says what bounds it, and why it has its kernel", async () => {
  const timed = data.layers.map((layer, index) => [layer, index]).filter(([layer]) => layer.time);
  assert.ok(timed.length > 5);
  for (const [layer, index] of timed) {
    await page.locator(`#node-${index}`).click();
    const detail = await page.locator("#detail-body").textContent();
    assert.ok(BOUNDS.test(detail) && detail.includes(`Kernel ${layer.step.kernel}`), detail);
    if (layer.step.candidates) assert.ok(detail.includes("It is the cheapest of"), detail);
  }
});
await test("a layer that is fused with another says what it has of the group's time, and why the group is slow", async () => {
  const fused = data.layers.map((layer, index) => [layer, index]).filter(([layer]) => layer.step?.fused_with);
  assert.ok(fused.some(([layer]) => layer.op === "Add"), "no sum is fused");
  for (const [layer, index] of fused) {
    const owner = data.layers.find((of) => of.name === layer.step.fused_with);
    await page.locator(`#node-${index}`).click();
    const detail = await page.locator("#detail-body").textContent();
    assert.ok(BOUNDS.test(detail) && detail.includes("moving the group's"), detail);
    assert.ok(detail.includes(layer.macs ? `${layer.name} has about ` : `${layer.name} multiplies nothing and has no time of its own`), detail);
    const members = await page.locator("#detail-body table").first().locator("tbody th").allTextContents();
    assert.deepEqual(members, [owner.name, ...owner.time.followers]);
    const row = await page.locator("#table-box tbody tr").nth(index).textContent();
    assert.ok(row.includes(`with #${data.layers.indexOf(owner)}`), row);
  }
});
await test("few pixels are no reason where a layer is as near the peak as the network", async () => {
  for (const [index, layer] of data.layers.entries()) {
    if (!layer.time || !(layer.time.peak_share >= data.profile.peak_share)) continue;
    await page.locator(`#node-${index}`).click();
    assert.ok(!(await page.locator("#detail-body").textContent()).includes("fill few tiles"), layer.name);
  }
});
await test("the focus stays on the buttons that go to the next layer and that choose changes", async () => {
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);
  await page.locator("#node-1").click();
  await page.locator("#previous").focus();
  for (let i = 0; i < 3; ++i) { // beyond the first layer
    await page.keyboard.press("Enter");
    assert.equal(await focused(), "previous");
  }
  assert.equal(await page.locator("#previous").getAttribute("aria-disabled"), "true");
  await page.locator("#next").focus();
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "next");
  assert.equal(await page.locator("#detail-h").textContent(), data.layers[1].name);
  for (const name of await texts(page, ".plan-buttons button")) {
    await page.getByRole("button", { name, exact: true }).focus();
    await page.keyboard.press("Enter");
    assert.equal(await focused(), name);
  }
});
await test("pointing at the chart names the layer, and a click brings its details into view", async () => {
  const chart = page.locator("#through .hit");
  await chart.scrollIntoViewIfNeeded();
  const box = await chart.boundingBox();
  await page.mouse.move(box.x + 1, box.y + 20);
  assert.ok((await page.locator("#readout").textContent()).startsWith(`#0 ${data.layers[0].name}`));
  await page.mouse.click(box.x + box.width - 1, box.y + 20);
  const last = data.layers.length - 1;
  assert.equal(await page.locator("#detail-h").textContent(), data.layers[last].name);
  await page.waitForFunction((id) => {
    const seen = (of) => of.top >= 0 && of.bottom <= window.innerHeight;
    return seen(document.getElementById(id).getBoundingClientRect()) && seen(document.getElementById("detail-h").getBoundingClientRect());
  }, `node-${last}`);
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
  await page.locator("#filter").fill("there is no such layer");
  assert.equal(await page.locator("#filter-count").textContent(), "No layer matches");
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
await test("a layer that hurts leads to its details, and chosen changes add up", async () => {
  const worst = data.advice.layers[0];
  await page.locator("#advice tbody tr").first().getByRole("button").click();
  assert.equal(await page.locator("#detail-h").textContent(), worst.layer);
  assert.equal(await page.evaluate(() => document.activeElement.id), "detail-h");
  await page.getByRole("button", { name: "Choose none" }).click();
  const both = data.advice.layers.map((of) => data.layers.find((layer) => layer.name === of.layer))
    .find((layer) => ["weights", "activations"].every((kind) => layer.trials.some((trial) => trial.of === kind)));
  assert.ok(both, "no layer has few bits of both kinds");
  const select = (name) => page.getByRole("combobox", { name: `Bits of the ${name} of ${both.name}`, exact: true });
  await select("weights").selectOption("8");
  await select("weights").selectOption("6");
  assert.ok((await page.locator("#plan").textContent()).includes("1 change: "));
  await select("output").selectOption("6");
  const plan = await page.locator("#plan").textContent();
  assert.ok(plan.includes("2 changes: "), plan);
  // One option of each kind: nothing that contradicts itself.
  const options = await texts(page, "#plan .option");
  assert.deepEqual(options.sort(), [`--layer-activations ${both.name}=6`, `--layer-weights ${both.name}=6`]);
  await select("weights").selectOption("");
  await select("output").selectOption("");
  assert.ok((await page.locator("#plan").textContent()).includes("No change is chosen"));
});
await test("a range is advice, and no option that could be added to others", async () => {
  const ranges = data.advice.layers.flatMap((of) => of.remedies).filter((of) => of.trial?.of === "range");
  assert.ok(ranges.length > 0, "no other range helps");
  for (const remedy of ranges) assert.equal(remedy.option, "");
  assert.equal((await texts(page, ".remedies li")).filter((text) => /^Range \u00d7.*, a (narrower|wider) one, leaves /.test(text)).length, ranges.length);
  // What makes all ranges such is said once, not in every row.
  const notes = (await texts(page, "#advice p")).filter((text) => text.startsWith("No option sets the range of one layer"));
  assert.equal(notes.length, 1);
  assert.equal(notes[0].includes("--observer percentile"), ranges.some(({ trial }) => trial.range_factor < 1));
  assert.equal(notes[0].includes("--observer minmax"), ranges.some(({ trial }) => trial.range_factor > 1));
  assert.equal((await texts(page, ".remedies code")).filter((code) => code.includes("--observer")).length, 0);
});
await test("a layer has an address: the way back leads to where one was, and a link opens the page at it", async () => {
  await page.evaluate(() => history.replaceState(null, "", "#layers"));
  const name = data.advice.layers[0].layer;
  await page.locator("#question-list").getByRole("button", { name, exact: true }).first().click();
  assert.equal(await page.evaluate(() => decodeURIComponent(location.hash)), `#layer=${name}`);
  assert.equal(await page.locator("#detail-h").textContent(), name);
  const other = data.layers.find((layer) => layer.name !== name).name;
  await page.locator("#table-box").getByRole("button", { name: other, exact: true }).first().click();
  assert.equal(await page.locator("#detail-h").textContent(), other);
  await page.goBack();
  assert.equal(await page.locator("#detail-h").textContent(), name);
  await page.goBack();
  assert.equal(await page.evaluate(() => location.hash), "#layers");
  const linked = await page.context().newPage();
  await linked.goto(`${page.url().split("#")[0]}#layer=${encodeURIComponent(other)}`);
  assert.equal(await linked.locator("#detail-h").textContent(), other);
  await linked.close();
});
await test("the 6 bits of the second question are one click away, and can be chosen by hand", async () => {
  const { changes, layers } = data.advice.six_bits;
  await page.getByRole("button", { name: `6 bits in ${layers.join(", ")}`, exact: true }).click();
  const expected = changes.map(({ layer, trial }) => `--layer-${trial.of} ${layer}=6`).sort();
  assert.deepEqual((await texts(page, "#plan .option")).sort(), expected);
  const clicked = await page.locator("#plan").textContent();
  await page.getByRole("button", { name: "Choose none" }).click();
  for (const { layer, trial } of changes) {
    await page.getByRole("combobox", { name: `Bits of the ${trial.of === "weights" ? "weights" : "output"} of ${layer}`, exact: true }).selectOption("6");
  }
  assert.equal(await page.locator("#plan").textContent(), clicked);
  await page.getByRole("button", { name: "Choose none" }).click();
});
await test("networks that were quantized anew have a row each, with the options that make them", async () => {
  const rows = page.locator("#advice table").last().locator("tbody tr");
  assert.ok(data.remedies.results.length > 1);
  assert.equal(await rows.count(), data.remedies.results.length + 1); // the first is the model of the page
  assert.ok((await rows.nth(0).textContent()).includes(`${data.agreement.top1.percent.toFixed(1)} %`));
  const code = await rows.nth(2).locator("code").textContent();
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
  assert.equal(await dark.locator("#theme").textContent(), "Dark");
  await dark.locator("#theme").click();
  assert.equal(await paper(dark), before);
  assert.equal(await dark.locator("#theme").textContent(), "Light");
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
await test("on a telephone the chart is high enough to read, a link leads to the details, and narrow tables show all columns", async () => {
  const small = await open(report, { viewport: { width: 420, height: 900 } });
  assert.ok((await small.locator("#through svg").boundingBox()).height > 150);
  await small.locator("#advice tbody tr").first().getByRole("button").click();
  await small.waitForFunction(() => { const { top } = document.getElementById("detail-h").getBoundingClientRect(); return top >= 0 && top < 200; });
  for (const table of await small.locator("table.stacked").all()) {
    const [inner, outer] = await table.evaluate((of) => [of.scrollWidth, of.parentElement.clientWidth]);
    assert.ok(inner <= outer + 1, `${inner} in ${outer}`);
  }
  // A page that becomes narrow draws its chart anew.
  const turned = await open(report, { viewport: { width: 1280, height: 900 } });
  await turned.setViewportSize({ width: 420, height: 900 });
  await turned.waitForFunction(() => document.querySelector("#through svg").getBoundingClientRect().height > 150);
});
await test("print has all layers, and is light", async () => {
  const printed = await open(report, { colorScheme: "dark" });
  await printed.emulateMedia({ media: "print", colorScheme: "dark" });
  assert.equal(await printed.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(255, 255, 255)");
  for (const control of ["#previous", ".plan-buttons", ".pick", "#filters", "#theme", "#through .screen"]) {
    for (const of of await printed.locator(control).all()) assert.ok(!(await of.isVisible()), `${control} is printed`);
  }
  // The rows of a part of the network and its drawing stay together.
  const parts = await printed.locator("#net .part").evaluateAll((of) => of.map((part) => {
    const rows = [...part.querySelectorAll("li")];
    return [part.querySelector("svg").getBoundingClientRect().height, rows.reduce((sum, row) => sum + row.getBoundingClientRect().height, 0), getComputedStyle(part).breakInside];
  }));
  for (const [drawn, rows, together] of parts) assert.ok(Math.abs(drawn - rows) < 1 && together === "avoid", String([drawn, rows, together]));
  const size = await printed.locator("#table-box td").first().evaluate((of) => parseFloat(getComputedStyle(of).fontSize));
  assert.ok(size >= 9, `letters of ${size} pixels`);
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
