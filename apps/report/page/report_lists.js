// The table of all layers, and the images whose answer changed.
"use strict";
const narrowLists = (() => {
  const { known, fixed, percent, significant, bytes, count, ms, decibels, plural, fileName, el, at, sortableTable } = narrowPage;
  const { data, layers, byName, hasErrors, layerButton, bitsOf, shape, opText, noiseShare, clipped, kernelOf, classText, labelText, kindOf } = narrowReport;
  const { kindsText, ORDER_TEXT } = narrowQuestions;

  // --- All layers ----------------------------------------------------------------------------------------------------
  const dbValue = (value) => (value === null ? Infinity : value);
  // What people look for comes first; what is minor is not printed.
  const COLUMNS = [
    { name: "#", numeric: true, smallFirst: true, value: (layer, index) => index, text: (layer, index) => String(index) },
    { name: "Layer", value: (layer) => layer.name, node: (layer) => layerButton(layer.name) },
    { name: "Noise share", numeric: true, value: noiseShare, text: (layer) => percent(noiseShare(layer)), error: true },
    { name: "Operator", value: (layer) => layer.op, text: opText },
    { name: "W bits", numeric: true, value: (layer) => layer.weight_bits || undefined, text: (layer) => bitsOf(layer.weight_bits) },
    { name: "A bits", numeric: true, value: (layer) => layer.activation_bits, text: (layer) => bitsOf(layer.activation_bits) },
    { name: "Time", numeric: true, value: (layer) => layer.time?.ms, text: (layer) => (layer.time ? ms(layer.time.ms) : layer.step?.fused_with ? `with #${byName.get(layer.step.fused_with)}` : "") },
    { name: "Time, %", numeric: true, value: (layer) => layer.time?.share, text: (layer) => percent(layer.time?.share) },
    { name: "Of peak", numeric: true, value: (layer) => layer.time?.peak_share, text: (layer) => percent(layer.time?.peak_share, 0) },
    { name: "Signal/noise alone", numeric: true, smallFirst: true, value: (layer) => dbValue(layer.local_db), text: (layer) => decibels(layer.local_db), error: true },
    { name: "Signal/noise so far", numeric: true, smallFirst: true, value: (layer) => dbValue(layer.cumulative_db), text: (layer) => decibels(layer.cumulative_db), error: true },
    { name: "Clipped", numeric: true, value: clipped, text: (layer) => percent(clipped(layer), 2), error: true },
    { name: "Output", numeric: true, minor: true, value: (layer) => layer.output.height * layer.output.width * layer.output.channels, text: (layer) => shape(layer.output) },
    { name: "Range", numeric: true, minor: true, value: (layer) => (layer.clamp ? layer.clamp.hi - layer.clamp.lo : undefined), text: (layer) => (layer.clamp ? `${significant(layer.clamp.lo)} to ${significant(layer.clamp.hi)}` : "") },
    { name: "Scale", numeric: true, minor: true, value: (layer) => layer.quantization?.scale, text: (layer) => significant(layer.quantization?.scale) },
    { name: "Headroom", numeric: true, minor: true, smallFirst: true, value: (layer) => layer.headroom_bits, text: (layer) => fixed(layer.headroom_bits, 1) },
    { name: "Weights", numeric: true, value: (layer) => layer.weight_bytes || undefined, text: (layer) => (layer.weight_bytes ? bytes(layer.weight_bytes) : "") },
    { name: "MACs", numeric: true, minor: true, value: (layer) => layer.macs || undefined, text: (layer) => (layer.macs ? count(layer.macs) : "") },
    { name: "Kernel", minor: true, value: kernelOf },
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
      at("filter-count").textContent = shown === 0 ? "No layer matches" : `${shown} of ${plural(layers.length, "layer")}`;
    };
    at("filter").addEventListener("input", applyFilter);
    at("filter-op").addEventListener("change", applyFilter);
    at("filters").addEventListener("submit", (event) => event.preventDefault());
    applyFilter();
  };
  let marked = -1;
  const markRow = (index) => {
    rowOf.get(marked)?.classList.remove("chosen");
    marked = index;
    rowOf.get(index)?.classList.add("chosen");
  };

  // --- Changed images ------------------------------------------------------------------------------------------------
  const answerLines = (who, best, image) => {
    const isRight = image.label !== null && best[0].class === image.label;
    return [el("p", { class: "who", text: who }),
      el("p", { class: isRight ? "answer right" : "answer", text: `${classText(best[0])} ${percent(best[0].probability, 0).replaceAll(" ", "\u00a0")}${isRight ? " \u2713\u00a0right" : ""}`, title: best.map((of) => `${classText(of)} ${percent(of.probability)}`).join("\n") })];
  };
  const imageItem = (image) => el("li", {},
    el("img", { src: image.data.startsWith("data:image/png;base64,") ? image.data : "", width: image.width, height: image.height,
      class: image.width < 64 ? "tiny" : undefined, alt: `${fileName(image.picture)}, as the network sees it` }),
    el("div", { class: "answers" }, ...answerLines("reference", image.reference, image), ...answerLines("model", image.model, image),
      kindOf(image) === "wrong both times" ? el("p", { class: "label", text: `neither is right; label: ${labelText(image)}` }) : null),
    el("p", { class: "file", text: fileName(image.picture) }));
  const drawImages = () => {
    const box = at("images");
    if (!data.agreement) {
      box.append(el("p", { class: "muted", text: hasErrors ? "No images were given (--pictures)." : "Without a reference there are no answers to compare." }));
      return;
    }
    const { count: all, shown } = data.changed;
    box.append(el("p", { class: "muted", text: all === 0 ? `None of ${plural(data.agreement.images, "image")} changed its answer.`
      : `${plural(all, "image")} of ${data.agreement.images} changed${kindsText()}. ${ORDER_TEXT}${shown.length < all ? `; the first ${shown.length} are shown` : ""}.` }));
    const items = shown.map((image) => [imageItem(image), kindOf(image)]);
    const kinds = ["right to wrong", "wrong to right", "wrong both times"].map((kind) => [kind, items.filter(([, of]) => of === kind).length]).filter(([, n]) => n > 0);
    if (kinds.length > 1) {
      const number = el("output", { for: "filter-kind", id: "kind-count" });
      const show = (kind) => {
        let left = 0;
        for (const [item, of] of items) { item.hidden = kind !== "" && of !== kind; left += item.hidden ? 0 : 1; }
        number.textContent = `${left} of ${plural(items.length, "image")}`;
      };
      box.append(el("p", { class: "filters" }, el("label", {}, "Show ", el("select", { id: "filter-kind", onchange: (event) => show(event.target.value) },
        el("option", { value: "", text: `all ${items.length}` }), ...kinds.map(([kind, n]) => el("option", { value: kind, text: `${kind} (${n})` })))), number));
      show("");
    }
    box.append(el("ul", { class: "gallery" }, ...items.map(([item]) => item)));
  };

  return { drawTable, drawImages, markRow };
})();
