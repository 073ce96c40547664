// All that is known of one layer.
"use strict";
const narrowLayer = (() => {
  const { known, percent, significant, bytes, decibels, plural, el, at, say, table } = narrowPage;
  const { data, layers, actions, PART_TEXT, bitsOf, shape, opText, opTitle, partShares, causeShares, adviceOf, noiseShare, leftOf, leftText,
    clipped, stack, legend } = narrowReport;
  const { drawHistogram, beyond } = narrowCharts;
  const { drawTime } = narrowTimes;

  const TITLES = {
    "Accumulator headroom": "bits that the sums of products leave free of 32, whatever the image",
    "Scale, zero point": "a level q stands for (q - zero point) times the scale",
    "Signal to noise, alone": "with the reference's inputs: the error of this layer only; higher is better",
    "Signal to noise, so far": "both networks from the image to here: the error of all layers so far; higher is better",
  };
  const fact = (name, value) => (value === "" || value === undefined ? null : el("div", {}, el("dt", { text: name, title: TITLES[name] }), el("dd", { text: value })));
  const inputsOf = (layer) => layer.inputs.map((name) => (name === "" ? "the image" : name)).join(", ");
  const changeText = (trial) => (trial.of === "range" ? `${trial.range_factor < 1 ? "narrower" : "wider"} range, \u00d7${trial.range_factor}`
    : `${trial.bits} bits for its ${trial.of === "weights" ? "weights" : "output"}`);
  const partsText = (parts) => parts.map(([name, of]) => `${PART_TEXT.get(name)} ${percent(of, 0)}`).join(", ");
  const beyondText = (study) => {
    const of = study.reals ? beyond(study) : 0;
    return of > 0.0005 ? ` ${percent(of)} of the reference's weights are beyond the ends (red). They are no cause of their own: integers are chosen for the least error of the layer's output and not ` +
      "each to its nearest, so that others make up for what these lack; what is lost all the same counts as weights rounded." : "";
  };

  const drawFacts = (body, layer) => {
    const q = layer.quantization;
    const of = noiseShare(layer);
    body.append(el("p", { class: "muted", title: opTitle(layer), text: `${opText(layer)}, reads ${inputsOf(layer)}, writes ${shape(layer.output)}` }));
    body.append(el("dl", { class: "facts" },
      fact("Weights", layer.weight_bits ? `${bitsOf(layer.weight_bits)}${layer.weight_bits < 32 ? " bits" : ""}, ${bytes(layer.weight_bytes)}` : ""),
      fact("Output", layer.activation_bits === 32 ? "float" : `${layer.activation_bits} bits`),
      fact("Range", layer.clamp ? `${significant(layer.clamp.lo)} to ${significant(layer.clamp.hi)}` : ""),
      fact("Scale, zero point", q ? `${significant(q.scale)}, ${q.zero_point}` : ""),
      fact("Clipped", known(clipped(layer)) ? percent(clipped(layer), 3) : ""),
      fact("Signal to noise, alone", decibels(layer.local_db)),
      fact("Signal to noise, so far", decibels(layer.cumulative_db)),
      fact("Share of the noise", known(of) ? percent(of) : ""),
      fact("Changed answers alone", known(layer.changed_answers) ? `${layer.changed_answers} of ${data.study.effect_count}` : ""),
      fact("Accumulator headroom", known(layer.headroom_bits) ? `${layer.headroom_bits.toFixed(1)} bits` : "")));
  };
  const drawCauses = (body, layer) => {
    const advice = adviceOf.get(layer.name);
    if (advice && advice.basis === "scores") {
      const parts = causeShares(advice);
      body.append(el("h4", { text: "Its noise in the scores, by cause" }), el("p", { class: "muted small", text: `Measured: ${leftText(layer)}.` }),
        stack(parts, `Noise of ${layer.name} in the scores: ${partsText(parts)}`, true), legend(parts));
    } else if (known(layer.score_noise) && !(layer.trials && layer.trials.length > 0)) {
      const least = d3.min(layers.filter((of) => of.trials && of.trials.length > 0), noiseShare);
      if (known(least)) body.append(el("p", { class: "muted small", text: `Causes of its noise in the scores: not measured, because its share is below ${percent(least)}.` }));
    }
    if (layer.error_parts && partShares(layer).some(([, of]) => of > 0)) {
      const parts = partShares(layer);
      body.append(el("h4", { text: "The error of its output, with what its inputs add" }),
        el("p", { class: "muted small", text: "Of the layer's own output error and not of the noise in the scores, which it need not follow. Rounded inputs are the error of the layers before, and count only here." }),
        stack(parts, `Error of the output of ${layer.name}, inputs added: ${partsText(parts)}`, true), legend(parts));
    }
  };
  const drawHistograms = (body, layer) => {
    if (layer.output_study) {
      const study = layer.output_study;
      body.append(el("h4", { text: "Output on the quantization grid" }), drawHistogram(study, layer.quantization,
        (study.reals ? `Filled: the reference's numbers, ${significant(study.real_min)} to ${significant(study.real_max)}; red beyond the range. Line: the model's integers. ` : "Line: the model's integers. ") +
        `Dashed: the ends of the range. Axis: levels, and the real numbers below them. ${percent(study.at_lowest)} are its lowest level, ${percent(study.at_highest)} its highest. Heights are square roots.`,
        `Histogram of the output of ${layer.name}` + (known(clipped(layer)) ? `, ${percent(clipped(layer), 3)} clipped` : "")));
    }
    if (layer.weight_study) {
      const study = layer.weight_study;
      body.append(el("h4", { text: "Weights on the quantization grid" }), drawHistogram(study, null,
        (study.reals ? "Filled: the reference's weights, each in levels of its channel; the bars at both sides hold all that is farther. " : "") +
        `Line: the integers, ${percent(study.zeros)} of them zero.` + beyondText(study) + (study.sqnr_db !== undefined ? ` Signal to noise of the weights: ${decibels(study.sqnr_db)}.` : "") +
        (layer.weight_scales ? ` Scales: ${significant(layer.weight_scales.min)} to ${significant(layer.weight_scales.max)}.` : ""),
        `Histogram of the weights of ${layer.name}, ${percent(study.zeros)} of them zero`));
    }
  };
  // Where frequent numbers lie on the grid matters too: half as many levels at twice the step are levels of both.
  const alignmentText = (layer) => {
    const helping = layer.trials.filter((trial) => trial.of === "range" && trial.left && trial.left.high < 1);
    return helping.some(({ range_factor: factor }) => factor < 1) && helping.some(({ range_factor: factor }) => factor > 1)
      ? " Here a narrower and a wider range both help: the steps \u00d70.7 and \u00d71.4 have levels in common, on which frequent numbers of this tensor lie. So it is the place of the levels and not the width, and nothing that is clipped." : "";
  };
  const drawTrials = (body, layer) => {
    if (layer.worst_channels && layer.worst_channels.length > 0) {
      body.append(el("h4", { text: "Worst channels" }), table(`Worst output channels of ${layer.name}`,
        [["Channel", false], ["Signal to noise", true], ["Share of the layer's noise", true], ["Range of the reference", true], ["Weight scale", true]],
        layer.worst_channels.map((of) => [String(of.channel), decibels(of.sqnr_db), percent(of.noise_share), `${significant(of.min)} to ${significant(of.max)}`, significant(of.weight_scale)]), { class: "stacked" }));
    }
    if (!layer.trials || layer.trials.length === 0) return;
    body.append(el("h4", { text: "What other bits and ranges would do" }), table(`Other bits and ranges for ${layer.name}`,
      [["Change", false], ["Signal to noise", true], ["Noise left in the scores", true], ["Weights", true], ["Time (estimate)", true]],
      layer.trials.map((trial) => [changeText(trial), decibels(trial.local_db), leftOf(layer, trial), bytes(trial.weight_bytes), known(trial.cost_ratio) ? `\u00d7${trial.cost_ratio.toFixed(2)}` : ""]), { class: "stacked" }),
    el("p", { class: "muted small", text: `In brackets the 95 % interval of ${plural(data.study.effect_count, "image")}. Intervals that reach 100 % are no help that these images show. Bits for weights round to the nearest, so that 6 bits may leave more than weights of fewer bits that were rounded by the error of outputs.${alignmentText(layer)}` }));
  };
  const drawKernel = (body, layer) => {
    const candidates = layer.step?.candidates;
    if (!candidates) return;
    body.append(el("h4", { text: "Kernels that could serve it" }));
    const best = candidates[0].cost_cycles || 1;
    body.append(el("p", { class: "muted small", text: "The cheapest of those that are exact for its shape, ranges and weights. Costs are estimates in core cycles; nothing is timed to choose." }));
    body.append(table(`Kernels for ${layer.name}`, [["Kernel", false], ["Cost", true], ["Verdict", false]],
      candidates.map((of, i) => [of.kernel, of.accepted ? `\u00d7${(of.cost_cycles / best).toFixed(2)}` : "", i === 0 ? "chosen" : of.accepted ? "exact, costs more" : `refuses: ${of.reason}`]), { class: "stacked" }));
  };

  let shown = 0;
  const drawDetail = (index) => {
    shown = index;
    const layer = layers[index];
    const body = at("detail-body");
    body.replaceChildren();
    at("detail-h").textContent = layer.name;
    // Not disabled, which would take the focus away from them.
    at("previous").setAttribute("aria-disabled", String(index === 0));
    at("next").setAttribute("aria-disabled", String(index === layers.length - 1));
    drawFacts(body, layer);
    drawTime(body, layer);
    drawCauses(body, layer);
    drawHistograms(body, layer);
    drawTrials(body, layer);
    drawKernel(body, layer);
  };
  const go = (by) => {
    const index = shown + by;
    if (index < 0 || index >= layers.length) { say(by < 0 ? "This is the first layer" : "This is the last layer"); return; }
    actions.choose(index, false);
  };
  at("previous").addEventListener("click", () => go(-1));
  at("next").addEventListener("click", () => go(1));

  return { drawDetail };
})();
