// Draws the page of `narrow report` from the JSON document in the element "data" (docs/schemas/report.schema.json). Names, labels
// and file names in it come from outside: they become text, never markup.
"use strict";
(() => {
  const { known, fixed, percent, significant, bytes, count, ms, decibels, plural, fileName, el, at, say, cell, table, card,
    isNarrow, newChart, sortableTable } = narrowPage;
  const data = JSON.parse(document.getElementById("data").textContent);
  const layers = data.layers;
  const byName = new Map(layers.map((layer, index) => [layer.name, index]));
  const hasErrors = data.reference !== null;

  // --- Words -------------------------------------------------------------------------------------------------------
  const PARTS = [
    ["weights", "weights rounded"],
    ["rounding", "output rounded"],
    ["clipping", "output clipped"],
    ["inputs", "inputs rounded"],
  ];
  const PART_TEXT = new Map(PARTS);
  const bitsOf = (bits) => (bits === 32 ? "float" : bits ? String(bits) : "");
  const shape = (s) => (s.height === 1 && s.width === 1 ? String(s.channels) : `${s.height}\u00d7${s.width}\u00d7${s.channels}`);

  const stack = (parts, label, big) =>
    el("div", { class: big ? "stack big" : "stack", role: "img", "aria-label": label },
      ...parts.filter(([, share]) => share > 0).map(([name, share]) =>
        el("span", { class: `part-${name}`, style: `width:${(100 * share).toFixed(2)}%`, title: `${PART_TEXT.get(name)}: ${percent(share, 0)}` })));
  const legend = (parts) =>
    el("ul", { class: "legend" }, ...parts.map(([name, share]) =>
      el("li", {}, el("i", { class: `part-${name}`, "aria-hidden": "true" }), `${PART_TEXT.get(name)} ${percent(share, 0)}`)));
  const layerButton = (name) =>
    byName.has(name) ? el("button", { type: "button", class: "link", text: name, onclick: () => choose(byName.get(name), true) })
      : el("span", { text: name });

  // --- What is derived from the document ------------------------------------------------------------------------------
  const totalNoise = layers.reduce((sum, layer) => sum + (layer.score_noise || 0), 0);
  const noiseShare = (layer) => (known(layer.score_noise) && totalNoise > 0 ? layer.score_noise / totalNoise : undefined);
  const partShares = (layer) => {
    if (!layer.error_parts) return [];
    const sum = PARTS.reduce((all, [name]) => all + layer.error_parts[name], 0);
    return PARTS.map(([name]) => [name, sum > 0 ? layer.error_parts[name] / sum : 0]);
  };
  const CAUSES = ["weights", "rounding", "clipping"];
  // Why a layer of the advice loses: shares of its noise in the scores where more bits were tried, else of its output's error.
  const causeShares = (advice) => CAUSES.map((name) => [name, advice.shares[name]]);
  const basisText = (advice) => (advice.basis === "scores" ? "of its noise in the scores" : "of the layer's own output error");
  const adviceOf = new Map(data.advice.layers.map((advice) => [advice.layer, advice]));
  const mostBits = (layer, of) => d3.greatest((layer.trials || []).filter((trial) => trial.of === of), (trial) => trial.bits);
  const noiseLeft = (layer, trial) => (layer.score_noise > 0 ? trial.score_noise / layer.score_noise : 0);
  const clipped = (layer) => {
    const study = layer.output_study;
    if (!study) return undefined;
    return known(study.clipped_low) ? study.clipped_low + study.clipped_high : undefined;
  };
  const kernelOf = (layer) => (layer.step ? layer.step.kernel : "");
  const inDb = (noise) => (noise > 0 ? -10 * Math.log10(noise) : null);

  // --- Summary -----------------------------------------------------------------------------------------------------
  const modelName = data.model.file ? fileName(data.model.file) : data.model.architecture;
  at("title").textContent = modelName;
  at("subtitle").textContent =
    `${data.model.architecture}, ${data.model.bits}` + (hasErrors ? `, against ${fileName(data.reference.file || "")}` : "");
  at("made").textContent =
    `Made by narrow ${data.narrow} on ${data.model.isa}, ${plural(data.model.threads, "thread")}. ` +
    `The layers saw ${data.study.inputs}. Calibrated with ${data.model.provenance.calibration || "nothing that the file names"}.`;

  const times = (a, b) => (a >= b ? `${(a / b).toFixed(a / b >= 10 ? 0 : 1)}\u00d7 less` : `${(b / a).toFixed(1)}\u00d7 more`);
  const drawSummary = () => {
    const cards = at("cards");
    const agreement = data.agreement;
    if (agreement) {
      cards.append(card("Same answer as the reference", `${agreement.top1.percent.toFixed(1)} %`,
        `${agreement.top1.same} of ${plural(agreement.images, "image")}; 95 %: ${agreement.top1.low.toFixed(1)} to ${agreement.top1.high.toFixed(1)} %`));
    }
    if (data.model.top1) {
      cards.append(card("Right answers", `${data.model.top1.percent.toFixed(1)} %`,
        data.reference && data.reference.top1 ? `${data.reference.top1.percent.toFixed(1)} % by the reference` : ""));
    }
    cards.append(card("Weights", bytes(data.model.weight_bytes),
      data.reference && data.reference.weight_bytes ? `${times(data.reference.weight_bytes, data.model.weight_bytes)} than ${bytes(data.reference.weight_bytes)}` : "",
      `packed to their bits; the file has ${bytes(data.model.file_bytes)}, with biases, scales and names`));
    cards.append(card("Time of one image", ms(data.model.latency_ms.median),
      data.reference ? `${times(data.reference.latency_ms.median, data.model.latency_ms.median)} than ${ms(data.reference.latency_ms.median)} (${data.reference.arithmetic})` : "",
      `median of whole runs; ${percent(data.profile.peak_share, 0)} of the peak of this CPU`));
    cards.append(card("Memory at run time", bytes(data.model.packed_bytes + data.model.tensor_bytes + data.model.workspace_bytes),
      `weights as the kernels read them ${bytes(data.model.packed_bytes)}, tensors ${bytes(data.model.tensor_bytes)}` +
        (data.model.workspace_bytes > 0 ? `, workspace ${bytes(data.model.workspace_bytes)}` : "")));
    if (known(data.study.score_noise)) {
      cards.append(card("Scores against the reference", decibels(inDb(data.study.score_noise)), `signal to noise, on ${plural(data.study.effect_count, "image")}; higher is better`));
    }
    const notes = at("notes");
    const note = (text) => notes.append(el("p", { class: "notice", text }));
    if (!hasErrors) note("There is no reference, so this page has no errors, no advice and no changed images. Give narrow report the float network: --against NETWORK.");
    else if (!data.pictures) note("The layers saw random bytes and not images, whose errors are others. Give narrow report images: --pictures PICTURES.");
    for (const text of data.model.notes) note(text);
    if (data.study.unmatched.length > 0 && hasErrors) {
      note(`${plural(data.study.unmatched.length, "layer")} without a tensor of the same name in the reference, which has no error here: ${data.study.unmatched.slice(0, 6).join(", ")}${data.study.unmatched.length > 6 ? ", ..." : ""}`);
    }
    const about = (text) => at("network-notes").append(el("p", { class: "muted", text }));
    const equalized = layers.filter((layer) => layer.is_equalized).length;
    if (equalized > 0) about(`${plural(equalized, "tensor")} of the model have channels that are multiples of the reference's (equalization). The multiples are taken out of all errors.`);
    const mixed = data.study.mixed_tensors;
    if (mixed > 0) {
      about(`In ${plural(mixed, "group")} of tensors this model's channels are combinations of the reference's. The reference is converted the same way, so errors are ` +
        "comparable; channel numbers are not the original ones.");
    }
  };

  // --- Five questions ----------------------------------------------------------------------------------------------
  const question = (text, ...answer) => el("div", { class: "question" }, el("h3", { text }), ...answer);
  const inSection = (id, text) => el("a", { href: `#${id}`, text });
  const quoted = (word) => (/^[A-Za-z0-9_.,:=@%+\/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

  // Lines break between options, and within one only where it is longer than a line.
  const command = (options, kind = "") =>
    el("code", { class: kind }, "narrow quantize ...", ...options.flatMap((option) => [" ", el("span", { class: "option", text: option })]));

  // Why a layer loses what it loses.
  const CAUSE_TEXT = {
    weights: (layer) => `its weights, which have ${layer.weight_bits} bits`,
    rounding: (layer) => `its output, which has ${layer.activation_bits} bits`,
    clipping: (layer) => `its range, which cuts off ${percent(clipped(layer), 2)} of what it writes`,
  };
  // What was measured with more bits, the change that helps more first.
  const leftText = (layer) => {
    const trials = [["weights", "its weights"], ["activations", "its output"]].map(([of, what]) => [mostBits(layer, of), what]).filter(([trial]) => trial);
    return trials.sort(([a], [b]) => a.score_noise - b.score_noise).map(([trial, what], i) =>
      `${trial.bits} bits for ${what} leave ${percent(noiseLeft(layer, trial), 0)}${i === 0 ? " of its noise in the scores" : ""}`).join(", ");
  };
  const causeText = (advice) => {
    const layer = layers[byName.get(advice.layer)];
    const causes = causeShares(advice).filter(([name, share]) => name === advice.cause || share >= 0.3).sort(([, a], [, b]) => b - a);
    const what = causes.map(([name]) => CAUSE_TEXT[name](layer)).join(", and ");
    return `${what}: ${advice.basis === "scores" ? leftText(layer) : causes.map(([, share]) => percent(share, 0)).join(" and ") + ` ${basisText(advice)}`}`;
  };
  const askWhichLayers = () => {
    const worst = data.advice.layers.slice(0, 3);
    const title = "Which layers lose most, and why?";
    if (worst.length === 0) return question(title, el("p", { text: hasErrors ? "None changes the scores by itself." : "Not known without a reference (--against)." }));
    return question(title, el("ol", {}, ...worst.map((advice) =>
      el("li", {}, layerButton(advice.layer), `, ${percent(advice.noise_share)} of the noise: ${causeText(advice)}.`))),
    el("p", { class: "muted small" }, "The noise is that in the scores, from each layer alone; what is left of it was measured with more bits for that layer. ", inSection("hurt", "More layers, and what to do")));
  };

  const optionOf = ({ layer, trial }) => `${trial.of === "weights" ? "--layer-weights" : "--layer-activations"} ${quoted(`${layer}=${trial.bits}`)}`;
  const timeText = (slower) => (Math.abs(slower) < 0.005 * data.profile.ms ? `the same time (estimated, of ${ms(data.profile.ms)}, the sum of layers)`
    : `${slower > 0 ? "+" : "\u2212"}${ms(Math.abs(slower))} (estimated, of ${ms(data.profile.ms)}, the sum of layers)`);
  const slowerBy = (changes) => d3.sum(changes, ({ layer, trial }) => {
    const { time } = layers[byName.get(layer)];
    return known(trial.cost_ratio) && time ? time.ms * (trial.cost_ratio - 1) : 0;
  });
  const decibelsBetter = (left) => (left > 0 ? `${(-10 * Math.log10(left)).toFixed(1)} dB better` : "no noise");
  const askSixBits = () => {
    const six = data.advice.six_bits;
    const title = "What would 6 bits in those cost?";
    if (six.layers.length === 0) return question(title, el("p", { text: hasErrors ? "Nothing: no layer changes the scores." : "Not known without a reference (--against)." }));
    if (six.changes.length === 0) {
      return question(title, el("p", { text: `Nothing: ${six.layers.join(", ")} have 6 bits or more already, or lose nothing by fewer.` }));
    }
    const names = (of) => [...new Set(six.changes.filter(({ trial }) => trial.of === of).map(({ layer }) => layer))].join(", ");
    const what = [["weights", "the weights of "], ["activations", "the outputs of "]].filter(([of]) => names(of)).map(([of, text]) => text + names(of)).join(" and ");
    const more = six.more_bytes >= 0 ? `+${bytes(six.more_bytes)}` : bytes(six.more_bytes);
    const answer = [el("p", {}, `6 bits for ${what}: `, el("strong", { text: `${more} of weights (${percent(six.more_bytes / data.model.weight_bytes)}), ${timeText(slowerBy(six.changes))}` }),
      `. About ${percent(six.noise_left, 0)} of the layers' noise is left, ${decibelsBetter(six.noise_left)}.`)];
    const pairs = (options) => options.flatMap((option, i) => (i % 2 === 0 ? [`${option} ${quoted(options[i + 1])}`] : []));
    const measured = data.remedies && data.remedies.results.find((of) => of.is_six_bits);
    if (measured) {
      const before = data.remedies.results[0];
      const share = (of) => `${of.percent.toFixed(1)} %`;
      const row = (name, of) => [name, of(before), of(measured)];
      const rows = [row("same answers", (of) => share(of.agreement.top1))];
      if (before.top1 && measured.top1) rows.push(row("right", (of) => share(of.top1)));
      if (before.agreement.sqnr && measured.agreement.sqnr) rows.push(row("scores (higher is better)", (of) => decibels(of.agreement.sqnr.db)));
      rows.push(row("weights", (of) => bytes(of.weight_bytes)), row("time, measured beside each other", (of) => ms(of.latency_ms.median)));
      const [first, second] = [before, measured].map((of) => of.agreement.top1).sort((x, y) => x.percent - y.percent);
      answer.push(table("6 bits in these layers, measured", [["Measured", false], ["same bits, quantized again", true], [`6 bits in ${six.layers.length === 3 ? "these three" : "these"}`, true]], rows),
        el("p", {}, data.agreement ? `The model of this page, quantized with images or options of its own, has ${share(data.agreement.top1)} same answers` +
          `${data.model.top1 ? ` and ${share(data.model.top1)} right` : ""}. ` : "",
        second.low <= first.high ? `${plural(before.agreement.images, "image")} ${before.agreement.images === 1 ? "is" : "are"} too few to tell which column has more of the same answers. ` : "",
        inSection("measured", "More")));
    }
    answer.push(command(six.changes.map(optionOf), "command"));
    const cheaper = measured && known(data.remedies.as_good_with_fewer) ? data.remedies.results[data.remedies.as_good_with_fewer] : undefined;
    if (cheaper) {
      answer.push(el("p", {}, el("strong", { text: `Cheaper: ${plural(cheaper.options.length / 2, "option")} instead of ${measured.options.length / 2} ${cheaper.options.length === 2 ? "gives" : "give"} ` +
        `${cheaper.agreement.top1.percent.toFixed(1)} % same answers` }), `${cheaper.top1 ? `, ${cheaper.top1.percent.toFixed(1)} % right` : ""}` +
        `${cheaper.agreement.sqnr ? `, scores ${decibels(cheaper.agreement.sqnr.db)}` : ""}, ${bytes(cheaper.weight_bytes)}, ${ms(cheaper.latency_ms.median)}:`));
      answer.push(cheaper.options.length > 0 ? command(pairs(cheaper.options), "command") : el("p", { text: "The same bits, quantized again." }));
    }
    if (!measured) answer.push(el("p", { class: "muted small", text: "What that does to answers is measured by narrow report --remedies TRAIN, which quantizes anew; layers that make up for each other gain less." }));
    return question(title, ...answer);
  };

  const askCalibration = () => {
    const title = "Is calibration the problem, or the bits?";
    const parts = CAUSES.map((name) => [name, data.advice[name]]);
    if (!hasErrors || parts.every(([, share]) => share === 0)) {
      return question(title, el("p", { text: hasErrors ? "Neither: no layer changes the scores." : "Not known without a reference (--against)." }));
    }
    const { weights, rounding, clipping } = data.advice;
    const [answer, advice] = clipping > weights + rounding
      ? ["Calibration: ranges cut off numbers that these images have.", "Calibrate with more images like these, or take the extremes: --observer minmax."]
      : weights >= 2 * rounding ? ["The bits of the weights.", "More bits for the layers that lose most help; another calibration does not change what rounded weights lose."]
        : rounding >= 2 * weights ? ["The bits of the activations.", "More bits for outputs help, and so do narrower ranges where a range is wide for what it holds."]
          : ["The bits, of weights and of activations.", "More bits help where most is lost; the table says for each layer whether its weights or its output need them."];
    const isAllOfEight = layers.every((layer) => (layer.weight_bits || 8) >= 8 && layer.activation_bits >= 8);
    const advised = isAllOfEight && clipping <= weights + rounding ? "But all have 8 bits, the most that there are." : advice;
    const { ranges, six_bits: six, measured_share: measured } = data.advice;
    const gain = ranges.tried === 0 ? "" : (ranges.helped === 0 ? `; better ranges were tried for ${plural(ranges.tried, "layer")} and remove nothing`
      : `; better ranges for ${plural(ranges.helped, "layer")} would remove ${percent(ranges.noise_removed, 0)} of the noise`);
    const sixGain = six.changes.length > 0 ? `${gain ? "; " : ". "}6 bits in the ${six.layers.length === 3 ? "three" : six.layers.length} worst ${percent(1 - six.noise_left, 0)}` : "";
    const made = data.model.provenance.calibration;
    return question(title, el("p", {}, el("strong", { text: answer }), ` Of the noise in the scores, ${percent(weights, 0)} come from rounded weights, ` +
      `${percent(rounding, 0)} from rounded outputs and ${percent(clipping, 0)} from values outside the ranges (clipped)${gain}${sixGain}. ${advised}`),
      el("p", { class: "muted small" }, made ? `The ranges were made by: ${made}. ` : "",
        measured === 0 ? "The split is that of the layers' own output errors, because more bits were not tried. "
          : measured < 0.995 ? `Measured with more bits for layers with ${percent(measured, 0)} of the noise; the others are split as their own output error. ` : "Measured with more bits for all layers. ",
        inSection("hurt", "The layers")),
      stack(parts, `Noise in the scores by cause: ${parts.map(([name, of]) => `${PART_TEXT.get(name)} ${percent(of, 0)}`).join(", ")}`, true),
      legend(parts));
  };

  // What the time of a layer goes into, as a sentence.
  const boundText = (layer) => {
    const { time } = layer;
    const arithmetic = known(time.peak_share) ? `${percent(time.peak_share, 0)} of the peak of ${time.instructions}` : "no multiplications with a peak";
    const memory = `moving its ${bytes(time.bytes)} once would take ${percent(time.memory_share, 0)} of the time`;
    const pixels = layer.output.height * layer.output.width;
    const few = layer.macs && pixels <= 64 && layer.output.height > 1 ? ` Its output has only ${plural(pixels, "pixel")}, which fill few tiles of a kernel.` : "";
    return {
      arithmetic: `bound by arithmetic: ${arithmetic}`,
      memory: `bound by memory: ${memory} at ${data.profile.read_gigabytes_per_second.toFixed(0)} GB/s, the speed at which a core reads as much as this model takes; ${arithmetic}`,
      outputs: `bound by its outputs: only ${known(time.products_per_output) ? time.products_per_output.toFixed(0) : ""} products for each, so that loading, rounding and writing take longer than multiplying (${arithmetic}; ${memory})`,
      elements: `bound by its elements: it multiplies nothing, and reads, changes and writes them one after the other (${memory})`,
      other: `bound by neither arithmetic (${arithmetic}) nor memory (${memory}): loads, edges and rounding share the time`,
    }[time.bound] + "." + few;
  };
  const whyKernel = (layer) => {
    const candidates = layer.step?.candidates;
    if (!candidates || candidates.length === 0) return "";
    const exact = candidates.filter((of) => of.accepted);
    const refuse = candidates.length - exact.length;
    const next = exact[1] ? `; the next, ${exact[1].kernel}, is estimated at \u00d7${(exact[1].cost_cycles / exact[0].cost_cycles).toFixed(2)}` : "";
    return `It is the cheapest of the ${plural(exact.length, "kernel")} that are exact for this layer${next}.` + (refuse > 0 ? ` ${plural(refuse, "other")} ${refuse === 1 ? "refuses" : "refuse"} it.` : "");
  };
  const macsOf = (layer) => [layer.name, ...layer.time.followers].reduce((sum, name) => sum + layers[byName.get(name)].macs, 0);
  // The one reason, for people who do not look at kernels.
  const reasonText = (layer) => {
    const { time } = layer;
    const pixels = layer.output.height * layer.output.width;
    return {
      arithmetic: "multiplying takes most of it",
      memory: `moving its ${bytes(time.bytes)} takes ${percent(time.memory_share, 0)} of it`,
      outputs: `loading, rounding and writing take longer than its ${known(time.products_per_output) ? time.products_per_output.toFixed(0) : "few"} products for each output element`,
      elements: "it multiplies nothing: it reads, changes and writes each element",
      other: layer.macs && pixels <= 64 && layer.output.height > 1 ? `its output has only ${plural(pixels, "pixel")}, which fill few tiles of a kernel` : "loads, edges and rounding share it",
    }[time.bound];
  };
  const askSlow = () => {
    const slowest = layers.filter((layer) => layer.time).sort((a, b) => b.time.ms - a.time.ms).slice(0, 3);
    return question("Why are the slowest layers slow?", el("ol", {}, ...slowest.map((layer) =>
      el("li", {}, el("div", {}, layerButton(layer.name), layer.time.followers.length > 0 ? ` + ${layer.time.followers.join(" + ")} (run as one)` : ""),
        el("div", { class: "small" }, `${ms(layer.time.ms)}: ${percent(layer.time.share)} of the time` +
          (macsOf(layer) > 0 ? ` for ${percent(macsOf(layer) / data.model.macs)} of the multiply-adds` : "") + `; ${reasonText(layer)}` +
          (known(layer.time.peak_share) ? `; ${percent(layer.time.peak_share, 0)} of peak (whole network ${percent(data.profile.peak_share, 0)})` : "") + ".")))),
    el("p", { class: "muted small" }, `The time is the sum of layers, ${ms(data.profile.ms)}; a whole run takes ${ms(data.model.latency_ms.median)} (median). Kernels, and any other layer: choose it in `, inSection("network", "the network"), ", or sort ", inSection("layers", "all layers"), " by time."));
  };

  const classText = (score) => score.label || `class ${score.class}`;
  const ORDER_TEXT = "Largest divergence of the probabilities (Kullback-Leibler) first";
  const kindsText = () => {
    const { kinds } = data.changed;
    return kinds ? `: ${kinds.right_to_wrong} right to wrong, ${kinds.wrong_to_right} wrong to right, ${kinds.wrong_to_wrong} wrong both times` : "";
  };
  const askImages = () => {
    const title = "Which images changed their answer?";
    if (!data.agreement) {
      return question(title, el("p", { text: hasErrors ? "Not known without images (--pictures)." : "Not known without a reference (--against)." }));
    }
    const { count: all, shown } = data.changed;
    if (all === 0) return question(title, el("p", { text: `None of ${plural(data.agreement.images, "image")}.` }));
    return question(title, el("p", {}, el("strong", { text: `${all} of ${plural(data.agreement.images, "image")}` }), `${kindsText()}.`,
      shown.length > 0 ? ` ${ORDER_TEXT}:` : ""),
      el("ol", {}, ...shown.slice(0, 3).map((image) =>
        el("li", { text: `${fileName(image.picture)}: ${classText(image.reference[0])} became ${classText(image.model[0])}` }))),
      el("p", { class: "small" }, inSection("changed", `See ${shown.length < all ? `the ${shown.length} that differ most` : "them"}`)));
  };
  const drawQuestions = () => at("question-list").append(askWhichLayers(), askSixBits(), askCalibration(), askSlow(), askImages());

  // --- Advice ------------------------------------------------------------------------------------------------------
  const picked = new Map(); // layer name to remedy
  const drawAdvice = () => {
    const box = at("advice");
    const list = data.advice.layers;
    if (list.length === 0) {
      box.append(el("p", { class: "muted", text: hasErrors ? "No layer changes the scores." : "Without a reference there is nothing to measure what hurts." }));
      return;
    }
    box.append(el("p", { class: "muted", text:
      `Share: how much noise each layer brings into the scores if it alone is quantized, of the sum over all layers (${plural(data.study.effect_count, "image")}). ` +
      "Noise left: what was measured with the layer changed in that way and nothing else. Why: what more bits for the weights and for the output remove of that noise. " +
      "Choose remedies to see what they cost together." }));
    const plan = el("div", { class: "plan", role: "status", "aria-live": "polite" });
    const rows = list.map((advice, rank) => {
      const layer = layers[byName.get(advice.layer)];
      const remedies = el("ul", { class: "remedies" }, ...advice.remedies.map((remedy) => {
        if (!remedy.trial) return el("li", {}, el("span", { text: remedy.text }), remedy.option ? ": " : ".", remedy.option ? el("code", { text: remedy.option }) : null);
        const cost = [remedy.trial.of === "range" ? `range \u00d7${remedy.trial.range_factor}: noise left ${percent(remedy.trial.score_noise / layer.score_noise, 0)}` : `noise left ${percent(remedy.trial.score_noise / layer.score_noise, 0)}`];
        if (remedy.more_bytes !== 0) cost.push(`${remedy.more_bytes > 0 ? "+" : ""}${bytes(remedy.more_bytes)}`);
        if (known(remedy.trial.cost_ratio)) cost.push(Math.abs(remedy.trial.cost_ratio - 1) < 0.005 ? "same time" : `time \u00d7${remedy.trial.cost_ratio.toFixed(2)} (estimated)`);
        const input = el("input", { type: "checkbox", onchange: (event) => {
          for (const other of remedies.querySelectorAll("input")) if (other !== event.target) other.checked = false;
          if (event.target.checked) picked.set(advice.layer, remedy); else picked.delete(advice.layer);
          showPlan(plan);
        } });
        return el("li", {}, el("label", {}, input, el("span", {}, el("code", { text: remedy.option }), ` ${cost.join(", ")}`)));
      }));
      const share = advice.noise_share;
      return el("tr", {},
        cell("td", String(rank + 1), true),
        el("th", { scope: "row" }, layerButton(advice.layer), el("div", { class: "muted small", text: `${layer.op} ${layer.detail}` })),
        el("td", { class: "nowrap" }, el("span", { class: "inline-bar", style: `width:${(6 * share / list[0].noise_share).toFixed(2)}rem`, "aria-hidden": "true" }), ` ${percent(share)}`),
        el("td", {}, stack(causeShares(advice), `${advice.layer}, ${basisText(advice)}: ${causeShares(advice).map(([name, of]) => `${PART_TEXT.get(name)} ${percent(of, 0)}`).join(", ")}`),
          el("div", { class: "small nowrap", text: `${PART_TEXT.get(advice.cause)} ${percent(advice.cause_share, 0)}` }),
          advice.basis === "scores" ? null : el("div", { class: "muted small", text: basisText(advice) })),
        el("td", {}, remedies));
    });
    box.append(el("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "The layers that hurt most" },
      el("table", { class: "advice-table" },
        el("caption", { class: "visually-hidden", text: "The layers that hurt most, the worst first" }),
        el("thead", {}, el("tr", {}, ...["#", "Layer", "Share of the noise", "Why (in the scores)", "What to do, and what it costs"].map((text, i) => cell("th", text, i === 0, { scope: "col" })))),
        el("tbody", {}, ...rows))), legend2(), plan);
    showPlan(plan);
    drawRemedies(box);
  };
  // Networks that were quantized anew with what is recommended (--remedies).
  const drawRemedies = (box) => {
    if (!data.remedies) return;
    const rows = data.remedies.results;
    box.append(el("h3", { id: "measured", text: "Measured: the network quantized anew" }),
      el("p", { class: "muted", text:
        `Each with the bits of this model and the changes of its row, calibrated with ${data.remedies.calibration.join(", ")}, and all other options at their defaults. ` +
        `Compared with the reference on ${plural(rows[0].agreement.images, "image")}. The first row is what the others are to be compared with.` }),
      table("Networks that were quantized anew", [["Change", false], ["Same answer", true], ["95 %", true], ["Right", true], ["Scores (higher is better)", true], ["Weights", true], ["Time, measured beside each other", true], ["Options", false]],
        rows.map((of) => [of.text, `${of.agreement.top1.percent.toFixed(1)} %`, `${of.agreement.top1.low.toFixed(1)} to ${of.agreement.top1.high.toFixed(1)} %`,
          of.top1 ? `${of.top1.percent.toFixed(1)} %` : "", of.agreement.sqnr ? decibels(of.agreement.sqnr.db) : "", bytes(of.weight_bytes), ms(of.latency_ms.median), of.options.length > 0 ? el("code", { text: of.options.map(quoted).join(" ") }) : ""])));
  };
  const legend2 = () => el("ul", { class: "legend" }, ...PARTS.slice(0, 3).map(([name, text]) => el("li", {}, el("i", { class: `part-${name}`, "aria-hidden": "true" }), text)));
  const showPlan = (plan) => {
    plan.replaceChildren();
    if (picked.size === 0) {
      const best = data.advice.layers.map((advice) => [advice.layer, advice.remedies.find((remedy) => remedy.trial)]).filter(([, remedy]) => remedy).slice(0, 3);
      plan.append(el("p", { text: best.length > 0 ? "No remedy is chosen." : "No layer has fewer than 8 bits where more would help." }));
      if (best.length > 0) {
        plan.append(el("button", { type: "button", text: `Choose the first ${plural(best.length, "remedy").replace("remedys", "remedies")}`, onclick: () => {
          for (const [layer, remedy] of best) picked.set(layer, remedy);
          for (const item of document.querySelectorAll(".remedies li label")) {
            if ([...picked.values()].some((remedy) => remedy.option === item.querySelector("code").textContent)) item.querySelector("input").checked = true;
          }
          showPlan(plan);
        } }));
      }
      const six = data.advice.layers.map((advice) => {
        const layer = layers[byName.get(advice.layer)];
        const trial = (layer.trials || []).find((of) => of.of === "weights" && of.bits === 6);
        return trial && [advice.layer, { option: `--layer-weights ${advice.layer}=6`, trial, more_bytes: trial.weight_bytes - layer.weight_bytes }];
      }).filter(Boolean).slice(0, 3);
      if (six.length > 0) {
        plan.append(" ", el("button", { type: "button", text: `6 bits for the weights of ${six.map(([layer]) => layer).join(", ")}`, onclick: () => {
          for (const [layer, remedy] of six) picked.set(layer, remedy);
          showPlan(plan);
        } }));
      }
      return;
    }
    let more = 0;
    let left = totalNoise;
    let slower = 0;
    for (const [name, remedy] of picked) {
      const layer = layers[byName.get(name)];
      more += remedy.more_bytes;
      left -= layer.score_noise - remedy.trial.score_noise;
      if (known(remedy.trial.cost_ratio) && layer.time) slower += layer.time.ms * (remedy.trial.cost_ratio - 1);
    }
    const time = timeText(slower);
    plan.append(
      el("p", {}, el("strong", { text: `${plural(picked.size, "remedy").replace("remedys", "remedies")} together: ` }),
        `${more >= 0 ? "+" : ""}${bytes(more)} of weights (${percent(more / data.model.weight_bytes)}), ${time}, and about ${percent(left / totalNoise, 0)} of the noise left, ` +
        `which is ${(10 * Math.log10(totalNoise / left)).toFixed(1)} dB better.`),
      command([...new Set([...picked.values()].map((remedy) => remedy.option))]),
      el("button", { type: "button", text: "Choose none", onclick: () => {
        picked.clear();
        for (const input of document.querySelectorAll(".remedies input")) input.checked = false;
        showPlan(plan);
      } }),
      el("p", { class: "muted small", text: "Percent are of the sum of the layers' noise, as if they were independent; layers that make up for each other have less together. narrow quantize with these options, and narrow report again, measure it." }));
  };

  // Errors from the first layer to the last.
  let moveCursor = () => {};
  const drawThrough = () => {
    const rows = layers.map((layer, index) => ({ layer, index })).filter(({ layer }) => known(layer.cumulative_db) || known(layer.local_db));
    if (rows.length < 2) return;
    const width = isNarrow ? 480 : 1100, height = 230, left = 46, right = 12, top = 12, bottom = 34;
    const x = d3.scaleLinear([0, layers.length - 1], [left, width - right]);
    const values = rows.flatMap(({ layer }) => [layer.cumulative_db, layer.local_db]).filter(known);
    const y = d3.scaleLinear([Math.min(0, d3.min(values)), d3.max(values)], [height - bottom, top]).nice();
    const last = rows[rows.length - 1].layer;
    const svg = newChart(width, height, `Signal to noise of each layer's output, from the first to the last layer. The last has ${decibels(last.cumulative_db)}.`);
    svg.append("g").attr("transform", `translate(0,${height - bottom})`).call(d3.axisBottom(x).ticks(isNarrow ? 5 : 10).tickFormat(d3.format("d")));
    svg.append("g").attr("transform", `translate(${left},0)`).call(d3.axisLeft(y).ticks(6));
    svg.append("text").attr("x", left + 4).attr("y", top + 2).text("dB");
    svg.append("text").attr("x", width - right).attr("y", height - 4).attr("text-anchor", "end").text("layer, in the order in which they run");
    const share = d3.scaleLinear([0, d3.max(layers, (layer) => noiseShare(layer) || 0) || 1], [0, (height - bottom - top) * 0.5]);
    const step = Math.max(1.5, Math.min(12, (width - left - right) / layers.length * 0.6));
    svg.append("g").selectAll("rect").data(layers.map((layer, index) => ({ layer, index })).filter(({ layer }) => noiseShare(layer) > 0)).join("rect")
      .attr("class", "bars").attr("x", ({ index }) => x(index) - step / 2).attr("width", step)
      .attr("y", ({ layer }) => height - bottom - share(noiseShare(layer))).attr("height", ({ layer }) => share(noiseShare(layer)));
    svg.append("path").attr("class", "cumulative").attr("d",
      d3.line(({ index }) => x(index), ({ layer }) => y(layer.cumulative_db))(rows.filter(({ layer }) => known(layer.cumulative_db))));
    svg.append("g").selectAll("circle").data(rows.filter(({ layer }) => known(layer.local_db))).join("circle")
      .attr("class", "local").attr("r", layers.length > 150 ? 2 : 3.2).attr("cx", ({ index }) => x(index)).attr("cy", ({ layer }) => y(layer.local_db));
    const cursor = svg.append("line").attr("class", "cursor").attr("y1", top).attr("y2", height - bottom);
    moveCursor = (index) => cursor.attr("x1", x(index)).attr("x2", x(index));
    svg.append("rect").attr("class", "hit").attr("x", left).attr("y", top).attr("width", width - left - right).attr("height", height - top - bottom)
      .on("click", (event) => choose(Math.max(0, Math.min(layers.length - 1, Math.round(x.invert(d3.pointer(event)[0])))), false));
    at("through").append(el("figure", {}, svg.node(), el("figcaption", { text:
      "Line: signal to noise of all layers so far. Dots: signal to noise of each layer alone, on the reference's inputs. " +
      "Bars: its share of the noise in the scores. Higher is better for line and dots. Click to choose a layer." })));
  };

  // A histogram with the quantization grid. real(level): the real number of a level, or null.
  const drawHistogram = (study, quantization, what, captionText) => {
    const bins = study.reals || study.integers;
    const width = isNarrow ? 400 : 620, height = 200, left = 12, right = 12, top = 10, bottom = quantization ? 40 : 24;
    const levels = study.integers;
    const lowest = levels.first + 0.5;
    const highest = lowest + levels.counts.length - 1;
    const end = bins.first + bins.width * bins.counts.length;
    const x = d3.scaleLinear([bins.first, end], [left, width - right]);
    const total = d3.sum(bins.counts) || 1;
    const totalIntegers = d3.sum(levels.counts) || 1;
    const density = (value, all, binWidth) => Math.sqrt(value / all / binWidth);
    // A single bin far above all others, as the zeros of a ReLU, is cut off, so that the others can be seen.
    const heights = [...bins.counts.map((n) => density(n, total, bins.width)), ...levels.counts.map((n) => density(n, totalIntegers, 1))].sort(d3.descending);
    const second = heights.find((of) => of < 0.4 * heights[0]);
    const isCut = second > 0 && heights.filter((of) => of > 1.2 * second).length <= 3;
    const y = d3.scaleLinear([0, (isCut ? 1.25 * second : heights[0]) || 1], [height - bottom, top]).clamp(true);
    const svg = newChart(width, height, captionText);
    const outside = (from, to) => {
      if (to > from) svg.append("rect").attr("class", "outside").attr("x", x(from)).attr("width", x(to) - x(from)).attr("y", top).attr("height", height - bottom - top);
    };
    outside(bins.first, lowest - 0.5);
    outside(highest + 0.5, end);
    if (study.reals) {
      svg.append("g").selectAll("rect").data(bins.counts.map((n, i) => ({ n, from: bins.first + i * bins.width })).filter(({ n }) => n > 0)).join("rect")
        .attr("class", ({ from }) => (from + bins.width / 2 < lowest - 0.5 || from + bins.width / 2 > highest + 0.5 ? "real lost" : "real"))
        .attr("x", ({ from }) => x(from)).attr("width", Math.max(0.8, x(bins.first + bins.width) - x(bins.first) - 0.2))
        .attr("y", ({ n }) => y(density(n, total, bins.width))).attr("height", ({ n }) => height - bottom - y(density(n, total, bins.width)));
    }
    // The grid: each level where they are few, else every so many.
    const every = [1, 2, 4, 8, 16, 32].find((n) => levels.counts.length / n <= 34);
    for (let level = lowest; level <= highest; level += every) {
      svg.append("line").attr("class", "gridline").attr("x1", x(level)).attr("x2", x(level)).attr("y1", top).attr("y2", height - bottom + 4);
    }
    for (const edge of [lowest - 0.5, highest + 0.5]) {
      svg.append("line").attr("class", "gridline end").attr("x1", x(edge)).attr("x2", x(edge)).attr("y1", top - 4).attr("y2", height - bottom + 4);
    }
    const steps = levels.counts.flatMap((n, i) => {
      const height = density(n, totalIntegers, 1);
      return [[levels.first + i, height], [levels.first + i + 1, height]];
    });
    svg.append("path").attr("class", "integer").attr("d", d3.line((point) => x(point[0]), (point) => y(point[1]))(steps));
    svg.append("g").attr("transform", `translate(0,${height - bottom})`).call(d3.axisBottom(x).ticks(isNarrow ? 5 : 9).tickSizeOuter(0));
    if (quantization) {
      const reals = svg.append("g");
      for (const level of x.ticks(isNarrow ? 5 : 9)) {
        reals.append("text").attr("x", x(level)).attr("y", height - 4).attr("text-anchor", "middle").text(significant(Number(((level - quantization.zero_point) * quantization.scale).toPrecision(2))));
      }
    }
    return el("figure", {}, svg.node(), el("figcaption", { text: what + (isCut ? " The highest bar is cut off." : "") }));
  };

  // --- The network -------------------------------------------------------------------------------------------------
  const ROW = 26, LANE = 13, RADIUS = 4.6;
  const options = [];
  const edges = []; // {from, to, path}
  let chosen = -1;

  // The lane of each node, and edges with the lanes in which they run. A value that several nodes read has a second lane,
  // in which it runs to all but the first of them.
  const placeNodes = () => {
    const readers = new Map(layers.map((_, i) => [i, []]));
    readers.set(-1, []);
    layers.forEach((layer, index) => {
      for (const input of layer.inputs) {
        const from = input === "" ? -1 : byName.get(input);
        if (from !== undefined) readers.get(from).push(index);
      }
    });
    const busy = []; // by lane: what holds it
    const free = (from = 0) => {
      let lane = from;
      while (busy[lane]) ++lane;
      return lane;
    };
    const main = new Map();
    const side = new Map();
    const laneOf = [];
    const lines = [];
    const produce = (index, lane) => {
      const to = readers.get(index);
      if (to.length === 0) { busy[lane] = false; return; }
      main.set(index, lane);
      busy[lane] = true;
      if (to.length > 1) {
        const more = free(lane + 1);
        side.set(index, more);
        busy[more] = true;
      }
    };
    produce(-1, 0);
    layers.forEach((layer, index) => {
      const ended = [];
      const read = [];
      for (const input of new Set(layer.inputs)) {
        const from = input === "" ? -1 : byName.get(input);
        if (from === undefined) continue;
        const order = readers.get(from);
        const isFirst = order[0] === index;
        const lane = isFirst ? main.get(from) : side.get(from);
        read.push({ from, to: index, lane, isSide: !isFirst });
        if (isFirst) ended.push(main.get(from));
        if (order[order.length - 1] === index && side.has(from)) ended.push(side.get(from));
      }
      const lane = ended.length > 0 ? Math.min(...ended) : free();
      for (const end of ended) busy[end] = false;
      laneOf[index] = lane;
      lines.push(...read);
      produce(index, lane);
    });
    return { laneOf, lines };
  };

  const drawNetwork = () => {
    const box = at("net");
    const { laneOf, lines } = placeNodes();
    const lanes = Math.max(0, ...laneOf, ...lines.map((line) => line.lane)) + 1;
    const gap = Math.min(LANE, 260 / lanes);
    const cx = (lane) => 14 + lane * gap;
    const cy = (index) => index * ROW + ROW / 2;
    const gutter = 14 + lanes * gap + 4;
    const sums = layers.filter((layer) => layer.op === "Add").length;
    at("net-help").textContent =
      `${plural(layers.length, "node")} from the image down to the scores` + (sums > 0 ? `, ${plural(sums, "residual sum")} (\u2295, with the branch that is added in colour)` : "") +
      `. Arrow keys move.` + (hasErrors ? " Bars: share of the noise in the scores." : "");
    const svg = d3.create("svg").attr("width", gutter).attr("height", layers.length * ROW).attr("aria-hidden", "true");
    for (const line of lines) {
      const start = line.from < 0 ? 0 : cy(line.from);
      const startX = cx(line.from < 0 ? 0 : laneOf[line.from]);
      const endX = cx(laneOf[line.to]);
      const middle = cx(line.lane);
      const path = d3.path();
      path.moveTo(startX, start);
      if (middle !== startX) path.bezierCurveTo(startX, start + ROW * 0.7, middle, start + ROW * 0.3, middle, start + ROW);
      const turn = cy(line.to) - ROW;
      if (middle !== endX) {
        if (turn > start + (middle !== startX ? ROW : 0)) path.lineTo(middle, turn);
        path.bezierCurveTo(middle, turn + ROW * 0.7, endX, turn + ROW * 0.3, endX, cy(line.to));
      } else {
        path.lineTo(endX, cy(line.to));
      }
      const drawn = svg.append("path").attr("class", line.isSide ? "edge skip-edge" : "edge").attr("d", path.toString());
      edges.push({ ...line, drawn });
    }
    layers.forEach((layer, index) => {
      const x = cx(laneOf[index]);
      if (layer.op === "Add") {
        svg.append("circle").attr("class", "node sum").attr("cx", x).attr("cy", cy(index)).attr("r", RADIUS + 1.4);
        svg.append("path").attr("class", "plus").attr("d", `M${x - 3.4},${cy(index)}h6.8M${x},${cy(index) - 3.4}v6.8`);
      } else if (layer.weight_bits) {
        svg.append("rect").attr("class", "node weighted").attr("x", x - RADIUS).attr("y", cy(index) - RADIUS).attr("width", 2 * RADIUS).attr("height", 2 * RADIUS).attr("rx", 1.5);
      } else {
        svg.append("circle").attr("class", "node").attr("cx", x).attr("cy", cy(index)).attr("r", layer.computes ? RADIUS - 0.6 : RADIUS - 2);
      }
    });
    const most = d3.max(layers, (layer) => noiseShare(layer) || 0) || 1;
    const list = el("ol", { role: "listbox", tabindex: "0", id: "net-list", "aria-label": "Layers of the network, from the image to the scores" });
    layers.forEach((layer, index) => {
      const share = noiseShare(layer);
      const bits = layer.weight_bits ? [`w${bitsOf(layer.weight_bits)}`, layer.activation_bits === 32 ? "float" : `a${layer.activation_bits}`].join(" ") : layer.activation_bits === 32 ? "float" : `a${layer.activation_bits}`;
      const option = el("li", { role: "option", id: `node-${index}`, "aria-selected": "false", style: `padding-left:${gutter}px`, title: layer.name,
        "aria-label": `${layer.name}, ${layer.op}, ${bits}${known(share) ? `, ${percent(share)} of the noise` : ""}` },
        el("span", { class: "name" }, layer.name, el("span", { class: "op", text: `${layer.op === layer.name ? "" : layer.op} ${layer.detail}` })),
        el("span", { class: "bits", text: bits }),
        el("span", { class: "meter" }, el("span", { style: `width:${(100 * (share || 0) / most).toFixed(1)}%` })));
      option.addEventListener("click", () => { choose(index, false); list.focus({ preventScroll: true }); });
      options.push(option);
      list.append(option);
    });
    list.addEventListener("keydown", (event) => {
      const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -layers.length, End: layers.length };
      if (event.key === "Enter") { at("detail-h").focus(); event.preventDefault(); return; }
      if (!(event.key in moves)) return;
      event.preventDefault();
      choose(Math.max(0, Math.min(layers.length - 1, chosen + moves[event.key])), false);
    });
    box.append(svg.node(), list);
  };

  // --- One layer ---------------------------------------------------------------------------------------------------
  const fact = (name, value) => (value === "" || value === undefined ? null : el("div", {}, el("dt", { text: name }), el("dd", { text: value })));
  const inputsOf = (layer) => layer.inputs.map((name) => (name === "" ? "the image" : name)).join(", ");

  const changeText = (trial) => (trial.of === "range" ? `${trial.range_factor < 1 ? "narrower" : "wider"} range, \u00d7${trial.range_factor}`
    : `${trial.bits} bits for its ${trial.of === "weights" ? "weights" : "output"}`);
  const drawDetail = (index) => {
    const layer = layers[index];
    const body = at("detail-body");
    body.replaceChildren();
    const heading = at("detail-h");
    heading.textContent = layer.name;
    body.append(el("div", { class: "step-buttons" },
      el("button", { type: "button", text: "Previous", disabled: index === 0, onclick: () => choose(index - 1, false) }),
      el("button", { type: "button", text: "Next", disabled: index === layers.length - 1, onclick: () => choose(index + 1, false) })));
    body.append(el("p", { class: "muted", text: `${[layer.op, layer.detail].filter(Boolean).join(" ")}, reads ${inputsOf(layer)}, writes ${shape(layer.output)}` }));
    const q = layer.quantization;
    const share = noiseShare(layer);
    body.append(el("dl", { class: "facts" },
      fact("Weights", layer.weight_bits ? `${bitsOf(layer.weight_bits)}${layer.weight_bits < 32 ? " bits" : ""}, ${bytes(layer.weight_bytes)}` : ""),
      fact("Output", layer.activation_bits === 32 ? "float" : `${layer.activation_bits} bits`),
      fact("Range", layer.clamp ? `${significant(layer.clamp.lo)} to ${significant(layer.clamp.hi)}` : ""),
      fact("Scale, zero point", q ? `${significant(q.scale)}, ${q.zero_point}` : ""),
      fact("Clipped", known(clipped(layer)) ? percent(clipped(layer), 3) : ""),
      fact("Signal to noise, alone", decibels(layer.local_db)),
      fact("Signal to noise, so far", decibels(layer.cumulative_db)),
      fact("Share of the noise", known(share) ? percent(share) : ""),
      fact("Changed answers alone", known(layer.changed_answers) ? `${layer.changed_answers} of ${data.study.effect_count}` : ""),
      fact("Accumulator headroom", known(layer.headroom_bits) ? `${layer.headroom_bits.toFixed(1)} bits` : "")));

    drawTime(body, layer);
    const advice = adviceOf.get(layer.name);
    if (advice && advice.basis === "scores") {
      const parts = causeShares(advice);
      body.append(el("h4", { text: "Its noise in the scores, by cause" }), el("p", { class: "muted small", text: `Measured: ${leftText(layer)}.` }),
        stack(parts, `Noise of ${layer.name} in the scores: ${parts.map(([name, of]) => `${PART_TEXT.get(name)} ${percent(of, 0)}`).join(", ")}`, true), legend(parts));
    }
    if (layer.error_parts && partShares(layer).some(([, of]) => of > 0)) {
      const parts = partShares(layer);
      body.append(el("h4", { text: "The error of its output, with what its inputs add" }),
        el("p", { class: "muted small", text: "Of the layer's own output error and not of the noise in the scores, which it need not follow. Rounded inputs are the error of the layers before, and count only here." }),
        stack(parts, `Error of the output of ${layer.name}, inputs added: ${parts.map(([name, of]) => `${PART_TEXT.get(name)} ${percent(of, 0)}`).join(", ")}`, true), legend(parts));
    }
    if (layer.output_study) {
      const study = layer.output_study;
      body.append(el("h4", { text: "Output on the quantization grid" }), drawHistogram(study, q,
        (study.reals ? `Filled: the reference's numbers, ${significant(study.real_min)} to ${significant(study.real_max)}; red beyond the range. Line: the model's integers. ` : "Line: the model's integers. ") +
        `Dashed: the ends of the range. Axis: levels, and the real numbers below them. ${percent(study.at_lowest)} are its lowest level, ${percent(study.at_highest)} its highest. Heights are square roots.`,
        `Histogram of the output of ${layer.name}` + (known(clipped(layer)) ? `, ${percent(clipped(layer), 3)} clipped` : "")));
    }
    if (layer.weight_study) {
      const study = layer.weight_study;
      body.append(el("h4", { text: "Weights on the quantization grid" }), drawHistogram(study, null,
        (study.reals ? "Filled: the reference's weights, each in levels of its channel. " : "") +
        `Line: the integers, ${percent(study.zeros)} of them zero.` + (study.sqnr_db !== undefined ? ` Signal to noise of the weights: ${decibels(study.sqnr_db)}.` : "") +
        (layer.weight_scales ? ` Scales: ${significant(layer.weight_scales.min)} to ${significant(layer.weight_scales.max)}.` : ""),
        `Histogram of the weights of ${layer.name}, ${percent(study.zeros)} of them zero`));
    }
    if (layer.worst_channels && layer.worst_channels.length > 0) {
      body.append(el("h4", { text: "Worst channels" }), table(`Worst output channels of ${layer.name}`,
        [["Channel", false], ["Signal to noise", true], ["Share of the layer's noise", true], ["Range of the reference", true], ["Weight scale", true]],
        layer.worst_channels.map((of) => [String(of.channel), decibels(of.sqnr_db), percent(of.noise_share), `${significant(of.min)} to ${significant(of.max)}`, significant(of.weight_scale)])));
    }
    if (layer.trials && layer.trials.length > 0) {
      body.append(el("h4", { text: "What other bits and ranges would do" }), table(`Other bits and ranges for ${layer.name}`,
        [["Change", false], ["Signal to noise", true], ["Noise left in the scores", true], ["Weights", true], ["Time (estimated)", true]],
        layer.trials.map((trial) => [changeText(trial), decibels(trial.local_db),
          percent(layer.score_noise > 0 ? trial.score_noise / layer.score_noise : 0, 0), bytes(trial.weight_bytes), known(trial.cost_ratio) ? `\u00d7${trial.cost_ratio.toFixed(2)}` : ""])));
    }
    drawKernel(body, layer);
  };

  const drawTime = (body, layer) => {
    if (layer.step && layer.step.fused_with) {
      const owner = layers[byName.get(layer.step.fused_with)];
      body.append(el("h4", { text: "Time, and why" }), el("p", {}, "Computed a few rows at a time together with ", layerButton(layer.step.fused_with), ", which has its time."));
      if (owner?.time) {
        body.append(el("p", { text: `${[owner.name, ...owner.time.followers].join(" + ")} (run as one): ${ms(owner.time.ms)}, ${percent(owner.time.share)} of the sum of layers.` }),
          el("p", { text: boundText(owner).replace(/^b/, "B") }));
      }
    } else if (layer.time) {
      const time = layer.time;
      const sentences = [`${ms(time.ms)}, ${percent(time.share)} of ${ms(data.profile.ms)}, the sum of layers`];
      if (known(time.gops)) sentences.push(`${time.gops.toFixed(1)} billion operations per second`);
      if (known(time.peak_share)) sentences.push(`${percent(time.peak_share, 0)} of the peak of ${time.instructions}`);
      body.append(el("h4", { text: "Time, and why" }), el("p", { text: `${sentences.join(", ")}.` }),
        el("p", { text: boundText(layer).replace(/^b/, "B") }),
        el("p", {}, "Kernel ", el("code", { text: kernelOf(layer) }), `. ${whyKernel(layer)}`));
      if (time.followers.length > 0) body.append(el("p", { class: "muted small", text: `With ${time.followers.join(", ")}, which it computes a few rows at a time.` }));
    }
  };
  const drawKernel = (body, layer) => {
    if (!layer.step) return;
    const candidates = layer.step.candidates;
    if (!candidates) return;
    body.append(el("h4", { text: "Kernels that could serve it" }));
    const best = candidates[0].cost_cycles || 1;
    body.append(el("p", { class: "muted small", text: "The cheapest of those that are exact for its shape, ranges and weights. Costs are estimates in core cycles; nothing is timed to choose." }));
    body.append(table(`Kernels for ${layer.name}`, [["Kernel", false], ["Cost", true], ["Verdict", false]],
      candidates.map((of, i) => [of.kernel, of.accepted ? `\u00d7${(of.cost_cycles / best).toFixed(2)}` : "", i === 0 ? "chosen" : of.accepted ? "" : `refuses: ${of.reason}`])));
  };

  const choose = (index, moveFocus) => {
    if (chosen >= 0) {
      options[chosen].setAttribute("aria-selected", "false");
      rowOf.get(chosen)?.classList.remove("chosen");
    }
    chosen = index;
    options[index].setAttribute("aria-selected", "true");
    rowOf.get(index)?.classList.add("chosen");
    at("net-list").setAttribute("aria-activedescendant", `node-${index}`);
    // In the next frame, because reading a position while the page is made lays it out at once.
    requestAnimationFrame(() => {
      const box = at("net");
      const top = chosen * ROW;
      if (top < box.scrollTop || top + ROW > box.scrollTop + box.clientHeight) box.scrollTop = top - box.clientHeight / 2;
    });
    for (const edge of edges) edge.drawn.classed("lit", edge.from === index || edge.to === index);
    moveCursor(index);
    drawDetail(index);
    say(`${layers[index].name} is chosen`);
    if (moveFocus) {
      at("network").scrollIntoView();
      at("detail-h").focus({ preventScroll: true });
    }
  };

  // --- The table ---------------------------------------------------------------------------------------------------
  const dbValue = (value) => (value === null ? Infinity : value);
  const COLUMNS = [
    { name: "#", numeric: true, smallFirst: true, value: (layer, index) => index, text: (layer, index) => String(index) },
    { name: "Layer", value: (layer) => layer.name, node: (layer) => layerButton(layer.name) },
    { name: "Operator", value: (layer) => layer.op, text: (layer) => `${layer.op} ${layer.detail}` },
    { name: "Output", numeric: true, value: (layer) => layer.output.height * layer.output.width * layer.output.channels, text: (layer) => shape(layer.output) },
    { name: "W bits", numeric: true, value: (layer) => layer.weight_bits || undefined, text: (layer) => bitsOf(layer.weight_bits) },
    { name: "A bits", numeric: true, value: (layer) => layer.activation_bits, text: (layer) => bitsOf(layer.activation_bits) },
    { name: "Time", numeric: true, value: (layer) => layer.time?.ms, text: (layer) => (layer.time ? ms(layer.time.ms) : layer.step?.fused_with ? `with ${layer.step.fused_with}` : "") },
    { name: "Time, %", numeric: true, value: (layer) => layer.time?.share, text: (layer) => percent(layer.time?.share) },
    { name: "Of peak", numeric: true, value: (layer) => layer.time?.peak_share, text: (layer) => percent(layer.time?.peak_share, 0) },
    { name: "Noise share", numeric: true, value: noiseShare, text: (layer) => percent(noiseShare(layer)), error: true },
    { name: "Signal/noise alone", numeric: true, smallFirst: true, value: (layer) => dbValue(layer.local_db), text: (layer) => decibels(layer.local_db), error: true },
    { name: "Signal/noise so far", numeric: true, smallFirst: true, value: (layer) => dbValue(layer.cumulative_db), text: (layer) => decibels(layer.cumulative_db), error: true },
    { name: "Clipped", numeric: true, value: clipped, text: (layer) => percent(clipped(layer), 2), error: true },
    { name: "Range", numeric: true, value: (layer) => (layer.clamp ? layer.clamp.hi - layer.clamp.lo : undefined), text: (layer) => (layer.clamp ? `${significant(layer.clamp.lo)} .. ${significant(layer.clamp.hi)}` : "") },
    { name: "Scale", numeric: true, value: (layer) => layer.quantization?.scale, text: (layer) => significant(layer.quantization?.scale) },
    { name: "Headroom", numeric: true, smallFirst: true, value: (layer) => layer.headroom_bits, text: (layer) => fixed(layer.headroom_bits, 1) },
    { name: "Weights", numeric: true, value: (layer) => layer.weight_bytes || undefined, text: (layer) => (layer.weight_bytes ? bytes(layer.weight_bytes) : "") },
    { name: "MACs", numeric: true, value: (layer) => layer.macs || undefined, text: (layer) => (layer.macs ? count(layer.macs) : "") },
    { name: "Kernel", value: kernelOf },
  ].filter((column) => hasErrors || !column.error);
  const rowOf = new Map();

  const drawTable = () => {
    const { rows } = sortableTable(at("table-box"), "All layers; the buttons in the header sort", COLUMNS, layers);
    for (const { row, index } of rows) rowOf.set(index, row);
    const wordsOf = layers.map((layer) => `${layer.name} ${layer.op} ${kernelOf(layer)}`.toLowerCase());

    const operators = [...new Set(layers.map((layer) => layer.op))].sort();
    at("filter-op").append(...operators.map((op) => el("option", { value: op, text: op })));
    const applyFilter = () => {
      const words = at("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
      const op = at("filter-op").value;
      let shown = 0;
      for (const row of rows) {
        row.row.hidden = !words.every((word) => wordsOf[row.index].includes(word)) || (op !== "" && row.item.op !== op);
        shown += row.row.hidden ? 0 : 1;
      }
      at("filter-count").textContent = `${shown} of ${plural(layers.length, "layer")}`;
    };
    at("filter").addEventListener("input", applyFilter);
    at("filter-op").addEventListener("change", applyFilter);
    at("filters").addEventListener("submit", (event) => event.preventDefault());
    applyFilter();
  };

  // --- Changed images ----------------------------------------------------------------------------------------------
  const drawImages = () => {
    const box = at("images");
    if (!data.agreement) {
      box.append(el("p", { class: "muted", text: hasErrors ? "No images were given (--pictures)." : "Without a reference there are no answers to compare." }));
      return;
    }
    const { count: all, shown } = data.changed;
    box.append(el("p", { class: "muted", text: all === 0 ? `None of ${plural(data.agreement.images, "image")} changed its answer.`
      : `${plural(all, "image")} of ${data.agreement.images} changed${kindsText()}. ${ORDER_TEXT}${shown.length < all ? `; the first ${shown.length} are shown` : ""}.` }));
    const line = (who, best, label) => {
      const isRight = label !== null && best[0].class === label;
      return [el("p", { class: "who", text: who }),
        el("p", { class: isRight ? "answer right" : "answer", text: `${classText(best[0])} ${percent(best[0].probability, 0).replaceAll(" ", "\u00a0")}${isRight ? " \u2713\u00a0right" : ""}`, title: best.map((of) => `${classText(of)} ${percent(of.probability)}`).join("\n") })];
    };
    box.append(el("ul", { class: "gallery" }, ...shown.map((image) => el("li", {},
      el("img", { src: image.data.startsWith("data:image/png;base64,") ? image.data : "", width: image.width, height: image.height,
        class: image.width < 64 ? "tiny" : undefined, alt: `${fileName(image.picture)}, as the network sees it` }),
      el("div", { class: "answers" }, ...line("reference", image.reference, image.label), ...line("model", image.model, image.label)),
      el("p", { class: "file", text: fileName(image.picture) })))));
  };

  // What is jumped to starts below the header, however many lines that has; on a small screen it does not stay.
  const keepBelowHeader = () => {
    const header = document.querySelector(".top");
    const isKept = getComputedStyle(header).position === "sticky";
    document.documentElement.style.scrollPaddingTop = `${(isKept ? header.offsetHeight : 0) + 12}px`;
  };
  new ResizeObserver(keepBelowHeader).observe(document.querySelector(".top"));

  drawSummary();
  drawQuestions();
  drawAdvice();
  drawThrough();
  drawNetwork();
  const first = data.advice.layers.length > 0 ? byName.get(data.advice.layers[0].layer) : 0;
  if (layers.length > 0) choose(first, false);
  // What is far down comes after the rest, so that the page can be read before.
  setTimeout(() => {
    drawTable();
    drawImages();
    rowOf.get(chosen)?.classList.add("chosen");
    say("");
    performance.mark("narrow-drawn");
  });
})();
