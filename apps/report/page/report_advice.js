// What hurts most and what to do about it, what several changes give together, and what was measured of them.
"use strict";
const narrowAdvice = (() => {
  const { known, percent, bytes, decibels, plural, el, at, cell, table } = narrowPage;
  const { data, layers, layerNamed, hasErrors, layerButton, PARTS, PART_TEXT, intervalText, extra, timeChange, spread, share, quoted, optionOf, pairs,
    command, stack, legend, totalNoise, causeShares, basisText, leftOf, slowerBy, opText, opTitle } = narrowReport;
  const { ownText, gainText } = narrowQuestions;

  // --- Changes that are chosen: at most one of the weights and one of the output of each layer ------------------------
  const picked = new Map(); // "layer, weights": {layer, trial}
  const keyOf = ({ layer, trial }) => `${layer}, ${trial.of}`;
  const selects = new Map(); // by the same
  const pickOnly = (changes) => {
    picked.clear();
    for (const change of changes) picked.set(keyOf(change), change);
    for (const [key, select] of selects) select.value = picked.has(key) ? String(picked.get(key).trial.bits) : "";
    showPlan();
  };
  const picker = (advice, of, name) => {
    const layer = layerNamed(advice.layer);
    const trials = (layer.trials || []).filter((trial) => trial.of === of);
    if (trials.length === 0) return null;
    const now = of === "weights" ? layer.weight_bits : layer.activation_bits;
    const key = `${advice.layer}, ${of}`;
    const select = el("select", { "aria-label": `Bits of the ${name} of ${advice.layer}`, onchange: () => {
      const trial = trials.find((other) => String(other.bits) === select.value);
      if (trial) picked.set(key, { layer: advice.layer, trial }); else picked.delete(key);
      showPlan();
    } }, el("option", { value: "", text: `${now} bits, as now` }), ...trials.map((trial) => el("option", { value: String(trial.bits), text: `${trial.bits} bits: ${leftOf(layer, trial)} of its noise left` })));
    selects.set(key, select);
    return el("label", { class: "pick" }, el("span", { text: of === "weights" ? "Weights" : "Output" }), select);
  };

  const moreBytes = (changes) => d3.sum(changes, ({ layer, trial }) => (trial.of === "weights" ? trial.weight_bytes - layerNamed(layer).weight_bytes : 0));
  // Of the sum of the layers' noise, as if changes were independent; with what images differ by.
  const noiseLeftBy = (changes) => {
    let left = totalNoise;
    let squares = 0;
    for (const [name, of] of d3.group(changes, (change) => change.layer)) {
      const noise = layerNamed(name).score_noise;
      left -= Math.min(noise, d3.sum(of, ({ trial }) => noise - trial.score_noise));
      for (const { trial } of of) squares += trial.left ? (trial.left.high * noise - trial.score_noise) ** 2 : 0;
    }
    const margin = Math.sqrt(squares);
    return { left: left / totalNoise, interval: { low: Math.max(0, left - margin) / totalNoise, high: (left + margin) / totalNoise } };
  };
  // What was measured with just these changes, if it was.
  const measuredText = (changes) => {
    const key = (options) => [...options].sort().join(" ");
    const results = data.remedies ? data.remedies.results : [];
    const found = results.find((result) => result.options.length > 0 && key(pairs(result.options)) === key(changes.map(optionOf)));
    const independent = "Percent are of the sum of the layers' noise, as if layers were independent; together they may leave more or less.";
    if (!found) return [el("p", { class: "muted small", text: `${independent} To measure it, run narrow quantize with these options, then narrow report.` })];
    return [el("p", {}, el("strong", { text: `Measured: scores ${gainText(found.gain)}, same answers ${share(results[0].agreement.top1)} \u2192 ${share(found.agreement.top1)}` }),
      `, beside the same bits quantized again${found.gain.is_clear ? "" : "; too few images to tell"}.`), el("p", { class: "muted small", text: independent })];
  };
  const showPlan = () => {
    const plan = at("plan");
    if (picked.size === 0) { plan.replaceChildren(el("p", { text: "No change is chosen: set bits in the table, or take one of these." })); return; }
    const changes = [...picked.values()];
    const more = moreBytes(changes);
    const { left, interval } = noiseLeftBy(changes);
    plan.replaceChildren(
      el("p", {}, el("strong", { text: `${plural(changes.length, "change")}: ` }),
        `${more === 0 ? extra(0) : `${extra(more)} of weights (${percent(more / data.model.weight_bytes)})`}, ${timeChange(slowerBy(changes))}, and about ` +
        `${percent(left, 0)}${intervalText(interval)} of the noise left, ${left > 0 ? `${(-10 * Math.log10(left)).toFixed(1)} dB better` : "none"} (estimate).`),
      command(changes.map(optionOf)), ...measuredText(changes));
  };
  const planBox = () => {
    const first = data.advice.layers.map((advice) => {
      const remedy = advice.remedies.find(({ trial }) => trial && trial.of !== "range");
      return remedy && { layer: advice.layer, trial: remedy.trial };
    }).filter(Boolean).slice(0, 3);
    const six = data.advice.six_bits;
    const button = (text, changes) => el("button", { type: "button", text, onclick: () => pickOnly(changes) });
    return el("div", { class: "plan" }, el("div", { id: "plan", role: "status", "aria-live": "polite" }),
      el("div", { class: "plan-buttons" },
        first.length > 0 ? button(`Choose the first ${first.length === 1 ? "remedy" : `${first.length} remedies`}`, first) : null,
        six.changes.length > 0 ? button(`6 bits in ${six.layers.join(", ")}`, six.changes) : null,
        button("Choose none", [])));
  };

  // --- The table ---------------------------------------------------------------------------------------------------
  const remedyItem = (advice, remedy) => {
    const layer = layerNamed(advice.layer);
    const { trial } = remedy;
    if (!trial) return el("li", {}, el("span", { text: remedy.text }), remedy.option ? ": " : ".", remedy.option ? el("code", { text: remedy.option }) : null);
    if (trial.of === "range") {
      return el("li", { class: "small" }, `Range \u00d7${trial.range_factor}, a ${trial.range_factor < 1 ? "narrower" : "wider"} one, leaves ${leftOf(layer, trial)}.`);
    }
    return el("li", {}, el("code", { text: remedy.option }), ` leaves ${leftOf(layer, trial)}, ${extra(remedy.more_bytes)}` +
      (known(trial.cost_ratio) ? Math.abs(trial.cost_ratio - 1) < 0.005 ? "" : `, time \u00d7${trial.cost_ratio.toFixed(2)} (estimate)` : ""));
  };
  // Once for all rows: what can be done about a range.
  const rangeNote = (list) => {
    const ranges = list.flatMap((advice) => advice.remedies).map((remedy) => remedy.trial).filter((trial) => trial?.of === "range");
    if (ranges.length === 0) return null;
    const options = [];
    if (ranges.some((trial) => trial.range_factor < 1)) options.push([el("code", { text: "--observer percentile" }), " makes those of all layers narrower"]);
    if (ranges.some((trial) => trial.range_factor > 1)) options.push([el("code", { text: "--observer minmax" }), " makes those of all layers wider"]);
    return el("p", { class: "muted small" }, "No option sets the range of one layer: ", ...options.flatMap((option, i) => (i > 0 ? ["; ", ...option] : option)), ".");
  };
  const drawAdvice = () => {
    const box = at("advice");
    const list = data.advice.layers;
    if (list.length === 0) {
      box.append(el("p", { class: "muted", text: hasErrors ? "No layer changes the scores." : "Without a reference there is nothing to measure what hurts." }));
      return;
    }
    const tried = layers.filter((layer) => layer.trials && layer.trials.length > 0).length;
    box.append(el("p", { class: "muted", text:
      `Share: how much noise each layer brings into the scores if it alone is quantized, of the sum over all layers (${plural(data.study.effect_count, "image")}). ` +
      `Leaves: what is left of the layer's noise with that change and nothing else, measured for the ${plural(tried, "layer")} with the largest share; in brackets the 95 % interval of these images. ` +
      "Why: what more bits for the weights and for the output remove. A change whose interval reaches 100 % is not recommended, because other images may say the opposite." }));
    const rows = list.map((advice, rank) => {
      const layer = layerNamed(advice.layer);
      const of = advice.noise_share;
      const picks = [picker(advice, "weights", "weights"), picker(advice, "activations", "output")].filter(Boolean);
      return el("tr", {},
        cell("td", String(rank + 1), true),
        el("th", { scope: "row" }, layerButton(advice.layer), el("div", { class: "muted small", text: opText(layer), title: opTitle(layer) })),
        el("td", { class: "nowrap" }, el("span", { class: "inline-bar", style: `width:${(6 * of / list[0].noise_share).toFixed(2)}rem`, "aria-hidden": "true" }), ` ${percent(of)}`),
        el("td", {}, stack(causeShares(advice), `${advice.layer}, ${basisText(advice)}: ${causeShares(advice).map(([name, part]) => `${PART_TEXT.get(name)} ${percent(part, 0)}`).join(", ")}`),
          el("div", { class: "small nowrap", text: `${PART_TEXT.get(advice.cause)} ${percent(advice.cause_share, 0)}` }),
          advice.basis === "scores" ? null : el("div", { class: "muted small", text: basisText(advice) })),
        el("td", {}, el("ul", { class: "remedies" }, ...advice.remedies.map((remedy) => remedyItem(advice, remedy))),
          picks.length > 0 ? el("div", { class: "picks" }, ...picks) : null));
    });
    box.append(el("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "The layers that hurt most" },
      el("table", { class: "advice-table" },
        el("caption", { class: "visually-hidden", text: "The layers that hurt most, the worst first" }),
        el("thead", {}, el("tr", {}, ...["#", "Layer", "Share of the noise", "Why (in the scores)", "What to do, and what it leaves of the layer's noise"].map((text, i) => cell("th", text, i === 0, { scope: "col" })))),
        el("tbody", {}, ...rows))), legend(PARTS.slice(0, 3).map(([name]) => [name])), rangeNote(list), planBox());
    showPlan();
    drawRemedies(box);
  };

  // Networks that were quantized anew with what is recommended (--remedies), after the model of the page.
  const drawRemedies = (box) => {
    if (!data.remedies) return;
    const rows = data.remedies.results;
    const own = { text: "the model of this page", options: [], weight_bytes: data.model.weight_bytes, agreement: data.agreement, top1: data.model.top1, latency_ms: data.remedies.model_latency_ms };
    const same = (of) => el("div", {}, share(of.agreement.top1), el("div", { class: "muted", text: `${of.agreement.top1.low.toFixed(1)} to ${of.agreement.top1.high.toFixed(1)} %` }));
    const gain = (of) => (of === own || of === rows[0] ? "" : `${of.gain.more_same} more, ${of.gain.fewer_same} fewer; ${gainText(of.gain)}${of.gain.is_clear ? "" : "; answers: too few images to tell"}`);
    box.append(el("h3", { id: "measured", tabindex: "-1", text: "Measured: the network quantized anew" }),
      el("p", { class: "muted", text: ownText() }),
      table("Networks that were quantized anew", [["Change", false], ["Same answer, 95 % interval", true], ["Right", true], ["Scores (higher is better)", true], ["Against the same bits", false], ["Weights", true], ["Time (in turns)", true]],
        [own, ...rows].map((of) => [
          el("div", {}, of.text, of.options.length > 0 ? el("code", { class: "options", text: of.options.map(quoted).join(" ") }) : null),
          same(of), of.top1 ? share(of.top1) : "", of.agreement.sqnr ? decibels(of.agreement.sqnr.db) : "", gain(of), bytes(of.weight_bytes), spread(of.latency_ms)]), { class: "stacked measured" }),
      el("p", { class: "muted small", text: `All on ${plural(rows[0].agreement.images, "image")}. Compare with the second row, the same bits quantized again: more and fewer are images that have the reference's answer, beside that row. ` +
        "Times: in turns of eight images, the median, and in brackets the fastest turn and the 90th percentile; compare them within this table only, because the machine may have had other work at other times." }));
  };

  return { drawAdvice };
})();
