// The document of a report, what follows from it, and the words and small elements that its parts share. Names, labels and file
// names in it come from outside: they become text, never markup.
"use strict";
const narrowReport = (() => {
  const { known, percent, bytes, ms, el, minus } = narrowPage;
  const data = JSON.parse(document.getElementById("data").textContent);
  const layers = data.layers;
  const byName = new Map(layers.map((layer, index) => [layer.name, index]));
  const layerNamed = (name) => layers[byName.get(name)];
  const hasErrors = data.reference !== null;

  // Set by the part that shows one layer: choose(index, whether the focus moves there).
  const actions = { choose: () => {} };
  // A layer has an address, so that the way back from it works, and a link to it can be passed on.
  const addressOf = (name) => `#layer=${encodeURIComponent(name)}`;
  const visit = (name) => {
    if (location.hash !== addressOf(name)) history.pushState(null, "", addressOf(name));
    actions.choose(byName.get(name), true);
  };
  const addressed = () => layers.findIndex((layer) => addressOf(layer.name) === location.hash);
  const layerButton = (name) =>
    byName.has(name) ? el("button", { type: "button", class: "link", text: name, onclick: () => visit(name) })
      : el("span", { text: name });
  const inSection = (id, text) => el("a", { href: `#${id}`, text });

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
  // "Add (reads features.5.conv.2 unrounded)", "Convolution 3x3 s2 p1 g1".
  const opText = (layer) => {
    const unrounded = /^not rounded: (.*)$/.exec(layer.detail);
    return unrounded ? `${layer.op} (reads ${unrounded[1]} unrounded)` : [layer.op, layer.detail].filter(Boolean).join(" ");
  };
  // The same in words, or nothing where it is in words already.
  const opTitle = (layer) => {
    const found = /^(\d+)x(\d+) s(\d+)(?:x\d+)? p(\d+)\S* g(\d+)/.exec(layer.detail);
    return found ? `windows of ${found[1]} by ${found[2]}, stride ${found[3]}, padding ${found[4]}, ${found[5]} group${found[5] === "1" ? "" : "s"}` : undefined;
  };
  const intervalText = (of, digits = 0) => {
    if (!of) return "";
    const low = percent(of.low, digits);
    return low.startsWith("<") ? ` (at most ${percent(of.high, digits)})` : ` (${low.replace(" %", "")} to ${percent(of.high, digits)})`;
  };
  const extra = (n) => (n === 0 ? "no extra size" : `${n > 0 ? "+" : ""}${bytes(n)}`);
  const timeChange = (slower) => (Math.abs(slower) < 0.005 * data.profile.ms ? "no change in time (estimate)"
    : `${slower > 0 ? "+" : minus("-")}${ms(Math.abs(slower))} of ${ms(data.profile.ms)}, the sum of layers (estimate)`);
  // The fastest turn, and the 90th percentile.
  const spread = (of) => `${ms(of.median)} (${ms(of.min).replace(" ms", "")} to ${ms(of.p90)})`;
  const share = (of) => `${of.percent.toFixed(1)} %`;
  const quoted = (word) => (/^[A-Za-z0-9_.,:=@%+\/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
  const optionOf = ({ layer, trial }) => `${trial.of === "weights" ? "--layer-weights" : "--layer-activations"} ${quoted(`${layer}=${trial.bits}`)}`;
  const pairs = (options) => options.flatMap((option, i) => (i % 2 === 0 ? [`${option} ${quoted(options[i + 1])}`] : []));
  // Lines break between options, and within one only where it is longer than a line.
  const command = (options, kind = "") =>
    el("code", { class: kind }, "narrow quantize ...", ...options.flatMap((option) => [" ", el("span", { class: "option", text: option })]));

  const stack = (parts, label, big) =>
    el("div", { class: big ? "stack big" : "stack", role: "img", "aria-label": label },
      ...parts.filter(([, of]) => of > 0).map(([name, of]) =>
        el("span", { class: `part-${name}`, style: `width:${(100 * of).toFixed(2)}%`, title: `${PART_TEXT.get(name)}: ${percent(of, 0)}` })));
  const legend = (parts) =>
    el("ul", { class: "legend" }, ...parts.map(([name, of]) =>
      el("li", {}, el("i", { class: `part-${name}`, "aria-hidden": "true" }), `${PART_TEXT.get(name)}${known(of) ? ` ${percent(of, 0)}` : ""}`)));

  // --- What follows from the document ------------------------------------------------------------------------------
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
  const leftOf = (layer, trial) => `${percent(noiseLeft(layer, trial), 0)}${noiseLeft(layer, trial) < 0.015 ? "" : intervalText(trial.left)}`;
  // What was measured with more bits, the change that helps more first.
  const leftText = (layer) => {
    const trials = [["weights", "its weights"], ["activations", "its output"]].map(([of, what]) => [mostBits(layer, of), what]).filter(([trial]) => trial);
    return trials.sort(([a], [b]) => a.score_noise - b.score_noise).map(([trial, what], i) =>
      `${trial.bits} bits for ${what} leave ${leftOf(layer, trial)}${i === 0 ? " of its noise in the scores" : ""}`).join(", ");
  };
  const clipped = (layer) => {
    const study = layer.output_study;
    return study && known(study.clipped_low) ? study.clipped_low + study.clipped_high : undefined;
  };
  const kernelOf = (layer) => (layer.step ? layer.step.kernel : "");
  const inDb = (noise) => (noise > 0 ? -10 * Math.log10(noise) : null);
  const slowerBy = (changes) => d3.sum(changes, ({ layer, trial }) => {
    const owner = layerNamed(layer);
    return known(trial.cost_ratio) && owner.time ? owner.time.ms * (trial.cost_ratio - 1) : 0;
  });
  const decibelsBetter = (left) => (left > 0 ? `${(-10 * Math.log10(left)).toFixed(1)} dB better` : "no noise");
  const classText = (score) => score.label || `class ${score.class}`;
  const labelText = (image) => image.label_text || `class ${image.label}`;
  const kindOf = (image) => {
    if (image.label === null) return "";
    if (image.reference[0].class === image.label) return "right to wrong";
    return image.model[0].class === image.label ? "wrong to right" : "wrong both times";
  };

  return { data, layers, byName, layerNamed, hasErrors, actions, addressed, layerButton, inSection, PARTS, PART_TEXT, bitsOf, shape, opText, opTitle,
    intervalText, extra, timeChange, spread, share, quoted, optionOf, pairs, command, stack, legend, totalNoise, noiseShare, partShares, CAUSES,
    causeShares, basisText, adviceOf, mostBits, noiseLeft, leftOf, leftText, clipped, kernelOf, inDb, slowerBy, decibelsBetter, classText,
    labelText, kindOf };
})();
