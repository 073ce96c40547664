// The summary of a report, and the five questions that every reader has.
"use strict";
const narrowQuestions = (() => {
  const { known, percent, bytes, ms, decibels, plural, fileName, el, at, table, card } = narrowPage;
  const { data, layers, layerNamed, hasErrors, layerButton, inSection, PART_TEXT, intervalText, timeChange, spread, share, optionOf, pairs,
    command, stack, legend, CAUSES, causeShares, basisText, leftText, clipped, inDb, slowerBy, decibelsBetter, classText, labelText,
    kindOf } = narrowReport;
  const { reasonText, paceText, macsOf } = narrowTimes;

  // --- Summary -----------------------------------------------------------------------------------------------------
  const times = (a, b, less, more) => (a >= b ? `${(a / b).toFixed(a / b >= 10 ? 0 : 1)}\u00d7 ${less}` : `${(b / a).toFixed(1)}\u00d7 ${more}`);
  const cpuText = () => (data.model.cpu ? `${data.model.cpu}, ${data.model.isa}` : data.model.isa);
  const rangesText = () => data.model.provenance.calibration || "not named in the file";
  const drawSummary = () => {
    at("title").textContent = data.model.file ? fileName(data.model.file) : data.model.architecture;
    at("subtitle").textContent =
      `${data.model.architecture}, ${data.model.bits}` + (hasErrors ? `, against ${fileName(data.reference.file || "")}` : "");
    at("made").textContent = `Made by narrow ${data.narrow} on ${cpuText()}, ${plural(data.model.threads, "thread")}. ` +
      `The layers saw ${data.study.inputs}. Ranges: ${rangesText()}.`;
    const cards = at("cards");
    const agreement = data.agreement;
    if (agreement) {
      cards.append(card("Same answer as the reference", share(agreement.top1),
        `${agreement.top1.same} of ${plural(agreement.images, "image")}; 95 % interval ${agreement.top1.low.toFixed(1)} to ${agreement.top1.high.toFixed(1)} %`));
    }
    if (data.model.top1) {
      cards.append(card("Right answers", share(data.model.top1), data.reference && data.reference.top1 ? `${share(data.reference.top1)} by the reference` : ""));
    }
    cards.append(card("Weights", bytes(data.model.weight_bytes),
      data.reference && data.reference.weight_bytes ? `${times(data.reference.weight_bytes, data.model.weight_bytes, "smaller", "larger")} than ${bytes(data.reference.weight_bytes)}` : "",
      `packed to their bits; the file has ${bytes(data.model.file_bytes)}, with biases, scales and names`));
    cards.append(card("Time of one image", ms(data.model.latency_ms.median),
      data.reference ? `${times(data.reference.latency_ms.median, data.model.latency_ms.median, "faster", "slower")} than ${ms(data.reference.latency_ms.median)} (${data.reference.arithmetic})` : "",
      `median of whole runs on ${plural(data.model.threads, "thread")} of ${cpuText()}; ${percent(data.profile.peak_share, 0)} of its peak`, "Times that were measured at another moment, further down, differ where the machine had other work."));
    cards.append(card("Memory at run time", bytes(data.model.packed_bytes + data.model.tensor_bytes + data.model.workspace_bytes),
      `weights as the kernels read them ${bytes(data.model.packed_bytes)}, tensors ${bytes(data.model.tensor_bytes)}` +
        (data.model.workspace_bytes > 0 ? `, workspace ${bytes(data.model.workspace_bytes)}` : "")));
    if (agreement && agreement.sqnr) {
      const { db, low, high } = agreement.sqnr;
      cards.append(card("Scores against the reference", decibels(db), `signal to noise, on ${plural(agreement.images, "image")}` +
        `${known(low) && known(high) ? `; 95 % interval ${low.toFixed(1)} to ${decibels(high)}` : ""}; higher is better`));
    } else if (known(data.study.score_noise)) {
      cards.append(card("Scores against the reference", decibels(inDb(data.study.score_noise)), `signal to noise, on ${plural(data.study.effect_count, "image")}; higher is better`));
    }
    drawNotes();
  };
  const drawNotes = () => {
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
      about(`Quantization has mixed the channels of ${plural(mixed, "group")} of tensors: each new channel is a sum of the old ones, so that few bits hold them better. ` +
        "The reference is mixed in the same way before it is compared. So numbers of channels in these tensors are not the original ones.");
    }
  };

  // --- Five questions ----------------------------------------------------------------------------------------------
  const question = (text, ...answer) => el("div", { class: "question" }, el("h3", { text }), ...answer);

  // Why a layer loses what it loses.
  const CAUSE_TEXT = {
    weights: (layer) => `its weights, which have ${layer.weight_bits} bits`,
    rounding: (layer) => `its output, which has ${layer.activation_bits} bits`,
    clipping: (layer) => `its range, which cuts off ${percent(clipped(layer), 2)} of what it writes`,
  };
  const causeText = (advice) => {
    const layer = layerNamed(advice.layer);
    const causes = causeShares(advice).filter(([name, of]) => name === advice.cause || of >= 0.3).sort(([, a], [, b]) => b - a);
    const what = causes.map(([name]) => CAUSE_TEXT[name](layer)).join(", and ");
    return `${what}: ${advice.basis === "scores" ? leftText(layer) : causes.map(([, of]) => percent(of, 0)).join(" and ") + ` ${basisText(advice)}`}`;
  };
  const askWhichLayers = () => {
    const worst = data.advice.layers.slice(0, 3);
    const title = "Which layers lose most, and why?";
    if (worst.length === 0) return question(title, el("p", { text: hasErrors ? "None changes the scores by itself." : "Not known without a reference (--against)." }));
    return question(title, el("ol", {}, ...worst.map((advice) =>
      el("li", {}, layerButton(advice.layer), `, ${percent(advice.noise_share)} of the noise: ${causeText(advice)}.`))),
    el("p", { class: "muted small" }, "The noise is that in the scores, from each layer alone; what is left of it was measured with more bits for that layer, and in brackets is the 95 % interval of ",
      `${plural(data.study.effect_count, "image")}. `, inSection("hurt", "More layers, and what to do")));
  };

  // By how many percent the second one takes longer; empty where turns of one network differ by as much.
  const pointsText = (before, after) => {
    const points = after.top1.percent - before.top1.percent;
    return `${points < 0 ? "\u2212" : "+"}${Math.abs(points).toFixed(1)} points`;
  };
  const slowerText = (before, after) => {
    if (after.latency_ms.min <= before.latency_ms.p90 && after.latency_ms.p90 >= before.latency_ms.min) return "";
    const percentMore = (after.latency_ms.median / before.latency_ms.median - 1) * 100;
    return `${percentMore < 0 ? "\u2212" : "+"}${Math.abs(percentMore).toFixed(0)} % of the time`;
  };
  // What was measured of the network quantized anew, beside the same with its own bits: one baseline, and what differs from it.
  const sixBitsTable = (before, after) => {
    const { gain } = after;
    const rows = [["same answers", share(before.agreement.top1), share(after.agreement.top1),
      `${gain.more_same} images more, ${gain.fewer_same} fewer${gain.is_clear ? "" : ": too few to tell"}`]];
    if (before.top1 && after.top1) rows.push(["right", share(before.top1), share(after.top1), `${pointsText(before, after)}${gain.is_clear ? "" : ": too few images to tell"}`]);
    if (before.agreement.sqnr && after.agreement.sqnr) {
      rows.push(["scores (higher is better)", decibels(before.agreement.sqnr.db), decibels(after.agreement.sqnr.db), gainText(gain)]);
    }
    rows.push(["weights", bytes(before.weight_bytes), bytes(after.weight_bytes), `${after.weight_bytes < before.weight_bytes ? "" : "+"}${bytes(after.weight_bytes - before.weight_bytes)}`],
      ["time (in turns)", spread(before.latency_ms), spread(after.latency_ms), slowerText(before, after) || "no measurable change"]);
    return table("6 bits in these layers, measured", [["Measured", false], ["same bits", true], ["6 bits in these", true], ["difference", true]], rows);
  };
  const gainText = (gain) => (known(gain.db) ? `${gain.db < 0 ? "\u2212" : "+"}${Math.abs(gain.db).toFixed(1)} dB (${gain.interval.low.toFixed(1)} to ${gain.interval.high.toFixed(1)})`.replaceAll("(-", "(\u2212").replaceAll("to -", "to \u2212") : "");
  // This page's model beside the one that was quantized anew with the same bits.
  const ownText = () => {
    const [same] = data.remedies.results;
    const scores = (of) => (of.sqnr ? `, scores ${decibels(of.sqnr.db)}` : "");
    return `The model of this page has the same bits too, with ranges by ${rangesText()} and options that its file does not name: ` +
      `${share(data.agreement.top1)} same answers${scores(data.agreement)}, ${spread(data.remedies.model_latency_ms)} in these turns. ` +
      `Quantized again, with ranges by ${data.remedies.ranges} and all other options at their defaults, it has ${share(same.agreement.top1)}${scores(same.agreement)}.`;
  };
  // Quantized again, the page's model comes out as it is.
  const isAsMade = (same) => same.agreement.top1.same === data.agreement.top1.same &&
    Math.abs((same.agreement.sqnr?.db ?? 0) - (data.agreement.sqnr?.db ?? 0)) < 0.05;
  const askSixBits = () => {
    const six = data.advice.six_bits;
    const title = "What would 6 bits in those cost?";
    if (six.layers.length === 0) return question(title, el("p", { text: hasErrors ? "Nothing: no layer changes the scores." : "Not known without a reference (--against)." }));
    if (six.changes.length === 0) {
      return question(title, el("p", { text: `Nothing: ${six.layers.join(", ")} have 6 bits or more already, or lose nothing by fewer.` }));
    }
    const names = (of) => [...new Set(six.changes.filter(({ trial }) => trial.of === of).map(({ layer }) => layer))].join(", ");
    const what = [["weights", "the weights of "], ["activations", "the outputs of "]].filter(([of]) => names(of)).map(([of, text]) => text + names(of)).join(" and ");
    const size = `${six.more_bytes > 0 ? "+" : ""}${bytes(six.more_bytes)} of weights (${percent(six.more_bytes / data.model.weight_bytes)})`;
    const measured = data.remedies && data.remedies.results.find((of) => of.is_six_bits);
    if (!measured) {
      return question(title, el("p", {}, `6 bits for ${what}: `, el("strong", { text: `${six.more_bytes === 0 ? "no extra size" : size}, ${timeChange(slowerBy(six.changes))}` }),
        `. About ${percent(six.noise_left, 0)}${intervalText(six.interval)} of the layers' noise is left, ${decibelsBetter(six.noise_left)} (estimate).`),
      command(six.changes.map(optionOf), "command"),
      el("p", { class: "muted small", text: "What that does to answers is measured by narrow report --remedies TRAIN, which quantizes anew; errors that cancel leave less." }));
    }
    const before = data.remedies.results[0];
    const time = slowerText(before, measured) || "no measurable change in time";
    const kept = six.layers.flatMap((name) => [["weights", "the weights", "weight_bits"], ["activations", "the output", "activation_bits"]]
      .filter(([of, , bits]) => layerNamed(name)[bits] && !six.changes.some((change) => change.layer === name && change.trial.of === of))
      .map(([, text, bits]) => `${text} of ${name} (${layerNamed(name)[bits] >= 6 ? `${layerNamed(name)[bits]} bits already` : "6 bits do not help"})`));
    const others = kept.length > 0 ? ` Unchanged: ${kept.join(", ")}.` : "";
    const right = before.top1 && measured.top1 ? `, right ${share(before.top1)} \u2192 ${share(measured.top1)}` : "";
    // The page's model, where it is not what the same bits give with default options.
    const own = isAsMade(before) ? "the model of this page" : `the same bits quantized again with default options; the model of this page, which was made with others, has ${share(data.agreement.top1)} same answers${data.model.top1 ? ` and ${share(data.model.top1)} right` : ""}`;
    const answer = [el("p", {}, el("strong", { text: `${size}, ${time}${known(measured.gain.db) ? `; scores ${gainText(measured.gain)}` : ""}; same answers ${share(before.agreement.top1)} \u2192 ${share(measured.agreement.top1)}${right}${measured.gain.is_clear ? "" : " (too few images to tell)"}` }),
      `. Measured on ${plural(before.agreement.images, "image")} with 6 bits for ${what}, beside ${own}.${others}`)];
    answer.push(sixBitsTable(before, measured), el("p", { text: "Made by:" }), command(six.changes.map(optionOf), "command"));
    const shorter = known(data.remedies.as_good_with_fewer) ? data.remedies.results[data.remedies.as_good_with_fewer] : undefined;
    if (shorter && shorter.options.length === 0) {
      answer.push(el("p", { text: "On these images the same bits, quantized again, have as many of the same answers." }));
    } else if (shorter) {
      answer.push(el("p", {}, el("strong", { text: `Fewer changes do as much: ${plural(shorter.options.length / 2, "option")} instead of ${measured.options.length / 2}` }),
        ` ${shorter.options.length === 2 ? "gives" : "give"} ${share(shorter.agreement.top1)} same answers${shorter.agreement.sqnr ? `, scores ${decibels(shorter.agreement.sqnr.db)}` : ""}:`),
      command(pairs(shorter.options), "command"));
    }
    answer.push(el("p", { class: "muted small" }, "Both columns are the network quantized anew, so they differ in these bits alone. Brackets: scores, the 95 % interval; time, the fastest turn and the 90th percentile, to be compared within this table only. ", inSection("measured", "This page's model beside them")));
    return question(title, ...answer);
  };

  const askCalibration = () => {
    const title = "Is calibration the problem, or the bits?";
    const parts = CAUSES.map((name) => [name, data.advice[name]]);
    if (!hasErrors || parts.every(([, of]) => of === 0)) {
      return question(title, el("p", { text: hasErrors ? "Neither: no layer changes the scores." : "Not known without a reference (--against)." }));
    }
    const { weights, rounding, clipping, ranges, six_bits: six, measured_share: measured } = data.advice;
    const tried = layers.filter((layer) => layer.trials && layer.trials.length > 0).length;
    const [answer, advice] = clipping > weights + rounding
      ? ["Calibration: ranges cut off numbers that these images have.", "Calibrate with more images like these, or take the extremes: --observer minmax."]
      : weights >= 2 * rounding ? ["The bits of the weights.", "More bits for the layers that lose most help; another calibration does not change what rounded weights lose."]
        : rounding >= 2 * weights ? ["The bits of the activations.", "More bits for outputs help, and so do narrower ranges where a range is wide for what it holds."]
          : ["The bits, of weights and of activations.", `More bits help where most is lost; what hurts most says for the ${tried} worst layers whether their weights or their outputs need them.`];
    const isAllOfEight = layers.every((layer) => (layer.weight_bits || 8) >= 8 && layer.activation_bits >= 8);
    const advised = isAllOfEight && clipping <= weights + rounding ? "But all have 8 bits, the most that there are." : advice;
    const wider = ranges.noise_removed - ranges.by_narrower;
    const by = ranges.by_narrower === 0 ? "all of it by wider ones, which cut off less"
      : wider < 0.0005 ? "all of it by narrower ones, whose finer steps count as rounded outputs above and not as clipped"
        : `${percent(ranges.by_narrower, 0)} by narrower ones, whose finer steps count as rounded outputs above, and ${percent(wider, 0)} by wider ones`;
    const gain = ranges.tried === 0 ? "" : (ranges.helped === 0 ? ` Other ranges were tried for ${plural(ranges.tried, "layer")}, and none clearly helps.`
      : ` Better ranges for ${plural(ranges.helped, "layer")} of ${ranges.tried} would remove ${percent(ranges.noise_removed, 0)}${intervalText(ranges.interval)} of the noise, layer by layer, ${by}; no option sets the range of one layer.`);
    // What both would do, by one measure: of the sum of the layers' noise, each alone. Beside it what was measured of the network.
    const tested = data.remedies && data.remedies.results.find((of) => of.is_six_bits);
    const bySix = 1 - six.noise_left;
    const inNetwork = known(tested?.gain.db) ? `; measured in the whole network, ${percent(1 - 10 ** (-tested.gain.db / 10), 0)}` : "";
    const which = `the ${six.layers.length === 3 ? "three" : six.layers.length} worst`;
    const verdict = ranges.helped === 0 || six.changes.length === 0 ? ""
      : ranges.noise_removed < 0.75 * bySix ? ` So ranges are the smaller part: less than 6 bits in ${which} would give.`
        : ranges.noise_removed > 1.25 * bySix ? ` So ranges would give more than 6 bits in ${which}: calibrate with more images, or with another --observer.`
          : ` So ranges would give about as much as 6 bits in ${which}.`;
    const sixGain = six.changes.length > 0 && bySix > 0 ? ` 6 bits in ${which} would remove ${percent(bySix, 0)} of it, layer by layer${inNetwork || " (estimate)"}.` : "";
    return question(title, el("p", {}, el("strong", { text: answer }), ` Of the noise in the scores, ${percent(weights, 0)} come from rounded weights, ` +
      `${percent(rounding, 0)} from rounded outputs and ${percent(clipping, 0)} from values outside the ranges (clipped).${gain}${sixGain}${verdict} ${advised}`),
      data.remedies && data.agreement ? el("p", { text: calibratedAgain() }) : null,
      el("p", { class: "muted small" }, `Ranges: ${rangesText()}. `,
        measured === 0 ? "The split is that of the layers' own output errors, because more bits were not tried. "
          : measured < 0.995 ? `Measured for the ${tried} layers with ${percent(measured, 0)} of the noise; for the rest, estimated from their output error. ` : "Measured with more bits for all layers. ",
        inSection("hurt", "The layers")),
      stack(parts, `Noise in the scores by cause: ${parts.map(([name, of]) => `${PART_TEXT.get(name)} ${percent(of, 0)}`).join(", ")}`, true),
      legend(parts));
  };
  // What the same bits give with another calibration.
  const calibratedAgain = () => {
    const [same] = data.remedies.results;
    const own = data.agreement;
    const overlap = own.top1.low <= same.agreement.top1.high && same.agreement.top1.low <= own.top1.high;
    const scores = own.sqnr && same.agreement.sqnr ? `, scores ${decibels(own.sqnr.db)} against ${decibels(same.agreement.sqnr.db)}` : "";
    return `The same bits quantized again (ranges by ${data.remedies.ranges}, other options at their defaults): this model has ${share(own.top1)} same answers against ${share(same.agreement.top1)}${scores}; ` +
      (isAsMade(same) ? "nothing in how this model was made is at fault."
        : overlap ? `${plural(own.images, "image")} are too few to tell these answers apart.` : "so calibration, or another option, matters here.");
  };

  const askSlow = () => {
    const slowest = layers.filter((layer) => layer.time).sort((a, b) => b.time.ms - a.time.ms).slice(0, 3);
    return question("Why are the slowest layers slow?", el("ol", {}, ...slowest.map((layer) =>
      el("li", {}, el("div", {}, layerButton(layer.name), ...layer.time.followers.flatMap((name) => [" + ", layerButton(name)]), layer.time.followers.length > 0 ? " (fused)" : ""),
        el("div", { class: "small" }, `${ms(layer.time.ms)}: ${percent(layer.time.share)} of the time` +
          (macsOf(layer) > 0 ? ` for ${percent(macsOf(layer) / data.model.macs)} of the multiply-adds${paceText(layer) ? `, ${paceText(layer)}` : ""}` : "") + `; ${reasonText(layer)}` +
          (known(layer.time.peak_share) ? `; ${percent(layer.time.peak_share, 0)} of peak (whole network ${percent(data.profile.peak_share, 0)})` : "") + ".")))),
    el("p", { class: "muted small" }, `The time is the sum of layers, ${ms(data.profile.ms)}; a whole run takes ${ms(data.model.latency_ms.median)} (median). Fused layers run together and have one time. Kernels, and any other layer: choose it in `, inSection("network", "the network"), ", or sort ", inSection("layers", "all layers"), " by time."));
  };

  // What people look for first.
  const isLost = (image) => (kindOf(image) === "right to wrong" ? 1 : 0);
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
    const marked = (best, image) => `${classText(best)}${image.label !== null && best.class === image.label ? " \u2713" : ""}`;
    return question(title, el("p", {}, el("strong", { text: `${all} of ${plural(data.agreement.images, "image")}` }), `${kindsText()}.`,
      shown.length > 0 ? ` ${shown.some((image) => image.label !== null) ? "Right to wrong first, \u2713 is right" : ORDER_TEXT}:` : ""),
      el("ol", {}, ...[...shown].sort((a, b) => isLost(b) - isLost(a)).slice(0, 3).map((image) =>
        el("li", { text: `${fileName(image.picture)}: ${marked(image.reference[0], image)} became ${marked(image.model[0], image)}${kindOf(image) === "wrong both times" ? ` (label: ${labelText(image)})` : ""}` }))),
      el("p", { class: "small" }, inSection("changed", `See ${shown.length < all ? `the ${shown.length} that differ most` : "them"}`)));
  };
  const drawQuestions = () => at("question-list").append(askWhichLayers(), askSixBits(), askCalibration(), askSlow(), askImages());

  return { drawSummary, drawQuestions, kindsText, ORDER_TEXT, ownText, gainText };
})();
