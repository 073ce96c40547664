// Draws the page of `narrow sweep` from the JSON document in the element "data". File names in it
// come from outside: they become text, never markup.
"use strict";
(() => {
  const { known, bytes, ms, decibels, plural, significant, fileName, el, at, say, card, isNarrow, newChart, sortableTable } = narrowPage;
  const data = JSON.parse(document.getElementById("data").textContent);
  const results = data.results;
  const networks = [...new Set(results.map((result) => result.network))];
  const isFloat = (result) => result.bits === "float";
  const floatOf = new Map(results.filter(isFloat).map((result) => [result.network, result]));
  const SERIES = 6;
  const seriesOf = (result) => networks.indexOf(result.network) % SERIES;
  const shapeOf = (result) => [d3.symbolCircle, d3.symbolSquare, d3.symbolDiamond, d3.symbolTriangle, d3.symbolStar, d3.symbolCross][seriesOf(result)];
  const efforts = new Set(results.map((result) => result.effort).filter(known));
  const shortName = (result) => result.bits + (efforts.size > 1 && result.effort ? ` ${result.effort}` : "");
  const longName = (result) => `${fileName(result.network)} ${shortName(result)}`;
  const number = (value, digits) => (known(value) ? value.toFixed(digits) : "");

  // --- Measures ----------------------------------------------------------------------------------------------------
  const MEASURES = [
    { name: "right answers", axis: "right answers, %", unit: "%", value: (result) => (result.top1 ? result.top1.percent : undefined) },
    { name: "same answer as float", axis: "same answer as float, %", unit: "%",
      value: (result) => (isFloat(result) ? 100 : result.agreement ? result.agreement.top1.percent : undefined),
      interval: (result) => (result.agreement ? [result.agreement.top1.low, result.agreement.top1.high] : null) },
    { name: "signal to noise of the scores", axis: "signal to noise of the scores, dB", unit: "dB",
      value: (result) => (result.agreement && result.agreement.sqnr && known(result.agreement.sqnr.db) ? result.agreement.sqnr.db : undefined),
      interval: (result) => (result.agreement && result.agreement.sqnr && known(result.agreement.sqnr.low) && known(result.agreement.sqnr.high) ? [result.agreement.sqnr.low, result.agreement.sqnr.high] : null) },
  ].filter((measure) => results.some((result) => !isFloat(result) && known(measure.value(result))));
  let measure = MEASURES[0];
  const text = (result) => { const value = measure.value(result); return known(value) ? `${value.toFixed(measure.unit === "dB" ? 1 : 2)} ${measure.unit}` : "not measured"; };
  const SIZE = { name: "size", axis: "size of the file", value: (result) => result.bytes, text: bytes };
  const TIME = { name: "time", axis: `time of one image, ${plural(data.threads, "thread")}`, value: (result) => result.ms_per_image, text: ms };

  let network = "";
  const taken = () => results.filter((result) => (network === "" || result.network === network) && known(measure.value(result)));
  // Of one network: the results that no other is both better and smaller (or faster) than, from the smallest on.
  const frontierOf = (all, cost) => {
    const found = [];
    for (const result of [...all].sort((a, b) => cost.value(a) - cost.value(b) || measure.value(b) - measure.value(a))) {
      if (found.length === 0 || measure.value(result) > measure.value(found[found.length - 1])) found.push(result);
    }
    return found;
  };
  const frontiers = (cost) => networks.map((name) => frontierOf(taken().filter((result) => result.network === name), cost)).filter((found) => found.length > 0);

  // --- Header ------------------------------------------------------------------------------------------------------
  at("title").textContent = networks.map(fileName).join(", ");
  at("subtitle").textContent = `${plural(results.length, "result")}, ${plural(results.length > 0 ? results[0].images : 0, "image")}`;
  at("made").textContent = `Made by narrow ${data.narrow} on ${data.isa}, ${plural(data.threads, "thread")}. Quantized with ${data.calibrate.join(", ")}, evaluated on ${data.evaluate.join(", ")}. The files are in ${data.folder}.`;

  // --- The choice --------------------------------------------------------------------------------------------------
  const resultButton = (result) => el("button", { type: "button", class: "link", text: longName(result), onclick: () => choose(results.indexOf(result), true) });
  const times = (more, less) => (less > 0 ? `${(more / less).toFixed(more / less >= 10 ? 0 : 1)}\u00d7` : "");
  const drop = () => { const value = Number(at("drop").value); return Number.isFinite(value) && value >= 0 ? value : 0; };
  const isWithin = (result) => {
    const reference = floatOf.get(result.network);
    return reference && known(measure.value(reference)) && measure.value(result) >= measure.value(reference) - drop();
  };
  const drawChoice = () => {
    const box = at("cards");
    box.replaceChildren();
    const within = taken().filter((result) => !isFloat(result) && isWithin(result));
    at("drop-label").hidden = measure.unit !== "%";
    if (measure.unit !== "%") return;
    if (within.length === 0) {
      box.append(card("None", "\u2013", `No result is within ${drop()} points of float.`));
      return;
    }
    const add = (what, result, value, gain) => {
      const made = card(what, value, `${text(result)} ${measure.name}; float ${text(floatOf.get(result.network))}`, gain);
      made.append(el("p", { class: "more" }, resultButton(result)));
      box.append(made);
    };
    for (const name of networks) {
      const own = within.filter((result) => result.network === name);
      if (own.length === 0) continue;
      const of = networks.length > 1 ? `, ${fileName(name)}` : "";
      const smallest = d3.least(own, (a, b) => a.bytes - b.bytes || measure.value(b) - measure.value(a));
      const fastest = d3.least(own, (a, b) => a.ms_per_image - b.ms_per_image || measure.value(b) - measure.value(a));
      const reference = floatOf.get(name);
      add(`Smallest${of}`, smallest, bytes(smallest.bytes), `${times(reference.bytes, smallest.bytes)} smaller than the float file`);
      add(`Fastest${of}`, fastest, ms(fastest.ms_per_image), `${times(reference.ms_per_image, fastest.ms_per_image)} the speed of the float network`);
    }
  };
  const images = results.length > 0 ? results[0].images : 0;
  if (images < 1000) at("notes").append(el("p", { class: "notice", text: `With ${plural(images, "image")}, one is ${significant(100 / Math.max(1, images))} points. Differences of a few images say nothing.` }));

  // --- Charts ------------------------------------------------------------------------------------------------------
  const ZOOMS = [["all results", Infinity], ["within 20 points of float", 20], ["within 5 points of float", 5], ["within 2 points of float", 2]];
  let zoom = Infinity;
  let chosen = -1;
  const isShown = (result) => {
    if (measure.unit !== "%" || zoom === Infinity) return true;
    const reference = floatOf.get(result.network);
    return !reference || !known(measure.value(reference)) || measure.value(result) >= measure.value(reference) - zoom;
  };
  // Of a logarithmic axis: 1, 2 and 5 times powers of ten or, where they are too few, others that have room.
  const ticksOf = (scale) => {
    const usual = scale.ticks(20).filter((tick) => [1, 2, 5].includes(Number(tick.toExponential(6).split("e")[0])));
    if (usual.length > 2) return usual;
    const room = 68; // pixels of a label
    let last = -room;
    return scale.ticks(20).filter((tick) => {
      if (scale(tick) - last < room) return false;
      last = scale(tick);
      return true;
    });
  };

  const drawChart = (cost) => {
    const shown = taken().filter(isShown);
    const box = el("div");
    if (shown.length === 0) return box;
    const width = isNarrow() ? 460 : 760, height = isNarrow() ? 330 : 340, left = 54, right = 60, top = 18, bottom = 44;
    const [low, high] = d3.extent(shown, cost.value);
    const x = d3.scaleLog([low / 1.12, Math.max(high, low * 1.2) * 1.12], [left, width - right]);
    const values = shown.map(measure.value);
    const spread = Math.max(d3.max(values) - d3.min(values), measure.unit === "%" ? 1 : 0.1);
    const y = d3.scaleLinear([d3.min(values) - 0.08 * spread, d3.max(values) + 0.08 * spread], [height - bottom, top]);
    const label = `${measure.name} against ${cost.name}: ${plural(shown.length, "result")}. Arrow keys move from one to the next, and choose it.`;
    const svg = newChart(width, height, label).attr("role", "radiogroup");
    svg.append("g").attr("aria-hidden", "true").attr("transform", `translate(0,${height - bottom})`)
      .call(d3.axisBottom(x).tickValues(ticksOf(x)).tickFormat((tick) => cost.text(Number(tick.toPrecision(3)))).tickSizeOuter(0));
    svg.append("g").attr("aria-hidden", "true").attr("transform", `translate(${left},0)`).call(d3.axisLeft(y).ticks(6).tickSizeOuter(0));
    svg.append("text").attr("aria-hidden", "true").attr("x", left + 4).attr("y", top - 6).text(measure.axis);
    svg.append("text").attr("aria-hidden", "true").attr("x", width - right).attr("y", height - 6).attr("text-anchor", "end").text(`${cost.axis} (logarithmic); smaller is to the left`);
    if (measure.unit === "%" && (network !== "" || networks.length === 1)) {
      const reference = floatOf.get(network || networks[0]);
      const limit = reference && known(measure.value(reference)) ? measure.value(reference) - drop() : NaN;
      if (limit >= y.domain()[0] && limit <= y.domain()[1]) svg.append("line").attr("class", "limit").attr("x1", left).attr("x2", width - right).attr("y1", y(limit)).attr("y2", y(limit));
    }
    const best = new Set();
    for (const found of frontiers(cost)) {
      for (const result of found) best.add(result);
      const line = found.filter(isShown);
      svg.append("path").attr("class", `frontier series-${seriesOf(found[0])}`).attr("d", d3.line((of) => x(cost.value(of)), (of) => y(measure.value(of))).curve(d3.curveStepAfter)(line));
    }
    if (measure.interval) {
      for (const result of shown) {
        const ends = measure.interval(result);
        if (!ends) continue;
        svg.append("line").attr("class", `interval series-${seriesOf(result)}`).attr("x1", x(cost.value(result))).attr("x2", x(cost.value(result)))
          .attr("y1", y(Math.max(ends[0], y.domain()[0]))).attr("y2", y(Math.min(ends[1], y.domain()[1])));
      }
    }
    // Arrow keys go from the cheapest to the most expensive; Tab leaves the chart.
    const order = [...shown].sort((a, b) => cost.value(a) - cost.value(b) || measure.value(a) - measure.value(b));
    const placed = [];
    const nodes = order.map((result) => {
      const px = x(cost.value(result)), py = y(measure.value(result));
      const node = svg.append("g").attr("class", `point series-${seriesOf(result)}${best.has(result) ? " best" : ""}`).attr("role", "radio")
        .attr("data-result", results.indexOf(result)).attr("aria-checked", "false").attr("tabindex", "-1").attr("transform", `translate(${px},${py})`)
        .attr("aria-label", `${longName(result)}: ${text(result)}, ${cost.text(cost.value(result))}${best.has(result) ? `, none is better for its ${cost.name}` : ""}`);
      node.append("title").text(`${longName(result)}: ${text(result)}, ${cost.text(cost.value(result))}`);
      node.append("circle").attr("class", "around").attr("r", 12);
      node.append("path").attr("class", "mark").attr("d", d3.symbol(shapeOf(result), 70)());
      // A name that would cover another is left out; the pointer and the details have it.
      const wide = 7 * shortName(result).length + 6;
      const spot = [[9, 4, "start", px + 9], [0, -11, "middle", px - wide / 2], [0, 21, "middle", px - wide / 2], [-9, 4, "end", px - 9 - wide]].find(([, dy, , from]) =>
        from > left && from + wide < width && placed.every((other) => from > other.to || from + wide < other.from || Math.abs(py + dy - other.y) > 13) &&
        order.every((other) => other === result || Math.abs(y(measure.value(other)) - (py + dy - 4)) > 10 || x(cost.value(other)) < from - 5 || x(cost.value(other)) > from + wide + 5));
      if (spot) {
        node.append("text").attr("aria-hidden", "true").attr("x", spot[0]).attr("y", spot[1]).attr("text-anchor", spot[2]).text(shortName(result));
        placed.push({ from: spot[3], to: spot[3] + wide, y: py + spot[1] });
      }
      node.on("click", () => { choose(results.indexOf(result), false); node.node().focus({ preventScroll: true }); });
      return node.node();
    });
    svg.on("keydown", (event) => {
      const now = nodes.indexOf(document.activeElement);
      if (now < 0) return;
      const next = { ArrowRight: now + 1, ArrowDown: now + 1, ArrowLeft: now - 1, ArrowUp: now - 1, Home: 0, End: nodes.length - 1, " ": now, Enter: now }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      const to = nodes[Math.max(0, Math.min(nodes.length - 1, next))];
      choose(Number(to.dataset.result), false);
      to.focus({ preventScroll: true });
      if (event.key === "Enter") at("detail-h").focus();
    });
    box.append(el("figure", {}, svg.node(), el("figcaption", { text:
      `Filled: none is better and ${cost === SIZE ? "smaller" : "faster"} (the line joins them). ` +
      (measure.interval ? "Vertical lines: 95 % intervals. " : "") + "Choose a result for its command." })));
    return box;
  };
  const legend = () => {
    if (networks.length < 2) return null;
    return el("ul", { class: "legend" }, ...networks.map((name) => {
      const result = floatOf.get(name) || results.find((of) => of.network === name);
      const svg = d3.create("svg").attr("viewBox", "-7 -7 14 14").attr("aria-hidden", "true").attr("class", `series-${seriesOf(result)}`);
      svg.append("path").attr("class", "mark").attr("d", d3.symbol(shapeOf(result), 100)());
      return el("li", {}, svg.node(), fileName(name));
    }));
  };
  const drawCharts = () => {
    at("charts").replaceChildren(...[legend(), drawChart(SIZE), drawChart(TIME)].filter(known));
    const hidden = taken().filter((result) => !isShown(result)).length;
    at("hidden-count").textContent = hidden > 0 ? `${plural(hidden, "result")} below that ${hidden === 1 ? "is" : "are"} not drawn` : "";
    markChosen();
  };

  // --- The chosen result -------------------------------------------------------------------------------------------
  const quoted = (word) => (/^[A-Za-z0-9_.,:=@%+\/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
  const fact = (name, value) => (known(value) && value !== "" ? el("div", {}, el("dt", { text: name }), el("dd", { text: value })) : null);
  const between = (of, digits, unit) => (known(of.low) && known(of.high) ? ` (${of.low.toFixed(digits)} to ${of.high.toFixed(digits)}${unit})` : "");
  const copy = async (code) => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      say("The command is copied");
    } catch {
      getSelection().selectAllChildren(code);
      say("The command is selected");
    }
  };
  const drawDetail = (result) => {
    at("detail-h").textContent = longName(result);
    const body = at("detail-body");
    const [weights, activations] = result.bits.split("/");
    const reference = floatOf.get(result.network);
    const agreement = result.agreement;
    body.replaceChildren(el("dl", { class: "facts" },
      fact("Weights", isFloat(result) ? "float" : plural(Number(weights), "bit")), fact("Activations", isFloat(result) ? "float" : plural(Number(activations), "bit")),
      fact("Effort", result.effort), fact("Right answers", result.top1 ? `${result.top1.percent.toFixed(2)} %, ${result.top1.right} of ${result.images}` : ""),
      fact("Right within five", result.top5 ? `${result.top5.percent.toFixed(2)} %` : ""),
      fact("Same answer as float", agreement ? `${agreement.top1.percent.toFixed(2)} %${between(agreement.top1, 1, " %")}` : ""),
      fact("KL divergence, nats", agreement ? `${significant(agreement.kl_divergence.nats)}${between(agreement.kl_divergence, 4, "")}` : ""),
      fact("Signal to noise", agreement && agreement.sqnr ? `${decibels(agreement.sqnr.db)}${between(agreement.sqnr, 1, " dB")}` : ""),
      fact("Size", bytes(result.bytes) + (isFloat(result) || !reference ? "" : `, ${times(reference.bytes, result.bytes)} smaller`)),
      fact("Time of one image", ms(result.ms_per_image) + (isFloat(result) || !reference ? "" : `, ${times(reference.ms_per_image, result.ms_per_image)} the speed`)),
      fact("Quantizing took", isFloat(result) ? "" : `${result.quantize_seconds.toFixed(1)} s`), fact("File", result.file)));
    if (!result.command) {
      body.append(el("p", { class: "muted", text: "The float network, which the others are measured against." }));
      return;
    }
    const code = el("code", { class: "command", id: "command", text: result.command.map(quoted).join(" ") });
    body.append(el("h4", { text: "The command that makes it" }), code, el("button", { type: "button", text: "Copy", onclick: () => copy(code) }));
  };
  const rowOf = new Map();
  const markChosen = () => {
    for (const chart of document.querySelectorAll("svg[role=radiogroup]")) {
      const points = [...chart.querySelectorAll(".point")];
      const mine = points.find((point) => Number(point.dataset.result) === chosen);
      for (const point of points) {
        point.setAttribute("aria-checked", String(point === mine));
        point.setAttribute("tabindex", point === (mine || points[0]) ? "0" : "-1");
      }
    }
  };
  const choose = (index, moveFocus) => {
    rowOf.get(chosen)?.classList.remove("chosen");
    chosen = index;
    rowOf.get(index)?.classList.add("chosen");
    markChosen();
    drawDetail(results[index]);
    say(`${longName(results[index])} is chosen`);
    if (moveFocus) {
      at("plots").scrollIntoView();
      at("detail-h").focus({ preventScroll: true });
    }
  };

  // --- The table ---------------------------------------------------------------------------------------------------
  const percentOf = (of) => (of ? of.percent : undefined);
  const agreed = (result, of) => (result.agreement ? of(result.agreement) : undefined);
  const sqnr = (result) => agreed(result, (of) => (of.sqnr ? (of.sqnr.db === null ? Infinity : of.sqnr.db) : undefined));
  const bestText = (result) => [SIZE, TIME].filter((cost) => frontiers(cost).some((found) => found.includes(result))).map((cost) => cost.name).join(", ");
  const COLUMNS = [
    { name: "#", numeric: true, smallFirst: true, value: (result, index) => index, text: (result, index) => String(index) },
    { name: "Network", value: (result) => fileName(result.network), node: resultButton },
    { name: "Bits", value: (result) => result.bits },
    { name: "Effort", value: (result) => result.effort || "" },
    { name: "Right answers, %", numeric: true, value: (result) => percentOf(result.top1), text: (result) => number(percentOf(result.top1), 2) },
    { name: "Same as float, %", numeric: true, value: (result) => agreed(result, (of) => of.top1.percent), text: (result) => number(agreed(result, (of) => of.top1.percent), 2) },
    { name: "KL, nats", numeric: true, smallFirst: true, value: (result) => agreed(result, (of) => of.kl_divergence.nats), text: (result) => significant(agreed(result, (of) => of.kl_divergence.nats)) },
    { name: "Signal to noise", numeric: true, value: sqnr, text: (result) => { const value = sqnr(result); return value === Infinity ? "equal" : decibels(value); } },
    { name: "Size", numeric: true, smallFirst: true, value: (result) => result.bytes, text: (result) => bytes(result.bytes) },
    { name: "Time of one image", numeric: true, smallFirst: true, value: (result) => result.ms_per_image, text: (result) => ms(result.ms_per_image) },
    { name: "Quantizing", numeric: true, smallFirst: true, value: (result) => (isFloat(result) ? undefined : result.quantize_seconds), text: (result) => (isFloat(result) ? "" : `${result.quantize_seconds.toFixed(1)} s`) },
    { name: "Best for its", value: bestText },
  ].filter((column) => column.numeric !== true || results.some((result, index) => known(column.value(result, index))));
  const drawTable = () => {
    at("table-box").replaceChildren();
    const { rows } = sortableTable(at("table-box"), "All results; the buttons in the header sort", COLUMNS, results);
    for (const { row, index } of rows) {
      rowOf.set(index, row);
      row.hidden = network !== "" && results[index].network !== network;
      row.classList.toggle("chosen", index === chosen);
    }
  };

  // --- Controls ----------------------------------------------------------------------------------------------------
  const drawAll = () => { drawChoice(); drawCharts(); drawTable(); };
  at("measure").append(...MEASURES.map((of, i) => el("option", { value: String(i), text: of.name })));
  at("measure").addEventListener("change", () => {
    measure = MEASURES[Number(at("measure").value)];
    at("zoom-form").hidden = measure.unit !== "%";
    drawAll();
  });
  at("network").append(...networks.map((name) => el("option", { value: name, text: fileName(name) })));
  at("network-label").hidden = networks.length < 2;
  at("network").addEventListener("change", () => { network = at("network").value; drawAll(); });
  at("drop").addEventListener("input", () => { drawChoice(); drawCharts(); });
  at("zoom").append(...ZOOMS.map(([words], i) => el("option", { value: String(i), text: words })));
  at("zoom").addEventListener("change", () => { zoom = ZOOMS[Number(at("zoom").value)][1]; drawCharts(); });
  for (const id of ["controls", "zoom-form"]) at(id).addEventListener("submit", (event) => event.preventDefault());

  if (MEASURES.length > 0) {
    drawAll();
    const within = taken().filter((result) => !isFloat(result) && isWithin(result));
    const first = d3.least(within, (a, b) => a.bytes - b.bytes) || results.find((result) => !isFloat(result));
    choose(results.indexOf(first), false);
  } else {
    at("notes").append(el("p", { class: "notice", text: "Nothing was quantized, so there is nothing to compare." }));
  }
  say("");
  performance.mark("narrow-drawn");
})();
