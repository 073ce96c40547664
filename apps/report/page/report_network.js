// The network as a list with the edges of its graph beside it.
"use strict";
const narrowNetwork = (() => {
  const { known, percent, plural, el, at } = narrowPage;
  const { layers, byName, hasErrors, actions, noiseShare, bitsOf, opText, opTitle } = narrowReport;

  const ROW = 26, LANE = 13, RADIUS = 4.6;
  // Rows of a part of the list, which print does not break and which has its own drawing: one drawing of all would slide off
  // its rows where a page ends.
  const PART = 25;
  const options = [];
  const edges = []; // {from, to, drawn: [path, ...]}

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

  const pathOf = (line, laneOf, cx, cy) => {
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
    return path.toString();
  };
  const drawNode = (svg, layer, x, y) => {
    if (layer.op === "Add") {
      svg.append("circle").attr("class", "node sum").attr("cx", x).attr("cy", y).attr("r", RADIUS + 1.4);
      svg.append("path").attr("class", "plus").attr("d", `M${x - 3.4},${y}h6.8M${x},${y - 3.4}v6.8`);
    } else if (layer.weight_bits) {
      svg.append("rect").attr("class", "node weighted").attr("x", x - RADIUS).attr("y", y - RADIUS).attr("width", 2 * RADIUS).attr("height", 2 * RADIUS).attr("rx", 1.5);
    } else {
      svg.append("circle").attr("class", "node").attr("cx", x).attr("cy", y).attr("r", layer.computes ? RADIUS - 0.6 : RADIUS - 2);
    }
  };
  const bitsText = (layer) => {
    const output = layer.activation_bits === 32 ? "float" : `a${layer.activation_bits}`;
    return layer.weight_bits ? `w${bitsOf(layer.weight_bits)} ${output}` : output;
  };
  const bitsTitle = (layer) => [layer.weight_bits ? `weights: ${bitsOf(layer.weight_bits)}${layer.weight_bits < 32 ? " bits" : ""}` : "",
    `output (activations): ${layer.activation_bits === 32 ? "float" : `${layer.activation_bits} bits`}`].filter(Boolean).join(", ");

  const drawNetwork = () => {
    const { laneOf, lines } = placeNodes();
    const lanes = Math.max(0, ...laneOf, ...lines.map((line) => line.lane)) + 1;
    const gap = Math.min(LANE, 260 / lanes);
    const cx = (lane) => 14 + lane * gap;
    const cy = (index) => index * ROW + ROW / 2;
    const gutter = 14 + lanes * gap + 4;
    const sums = layers.filter((layer) => layer.op === "Add").length;
    at("net-help").append(
      `${plural(layers.length, "node")} from the image down to the scores` + (sums > 0 ? `, ${plural(sums, "residual sum")} (\u2295, with the branch that is added in colour)` : "") +
      ". w4 a8: 4-bit weights, 8-bit output (activations)." + (hasErrors ? " Bars: share of the noise in the scores." : ""), el("span", { class: "screen", text: " Arrow keys move." }));
    const drawings = d3.range(0, layers.length, PART).map((first) => {
      const rows = Math.min(PART, layers.length - first);
      const svg = d3.create("svg").attr("width", gutter).attr("height", rows * ROW).attr("viewBox", `0 ${first * ROW} ${gutter} ${rows * ROW}`).attr("aria-hidden", "true");
      return { svg, first, last: first + rows - 1, list: el("ol", { class: "part", role: "group" }, svg.node()) };
    });
    for (const line of lines) {
      const path = pathOf(line, laneOf, cx, cy);
      const drawn = drawings.filter(({ first, last }) => line.from <= last && line.to >= first)
        .map(({ svg }) => svg.append("path").attr("class", line.isSide ? "edge skip-edge" : "edge").attr("d", path));
      edges.push({ ...line, drawn });
    }
    const most = d3.max(layers, (layer) => noiseShare(layer) || 0) || 1;
    const box = el("div", { role: "listbox", tabindex: "0", id: "net-list", "aria-label": "Layers of the network, from the image to the scores" });
    layers.forEach((layer, index) => {
      const { svg, list } = drawings[Math.floor(index / PART)];
      drawNode(svg, layer, cx(laneOf[index]), cy(index));
      const of = noiseShare(layer);
      const option = el("li", { role: "option", id: `node-${index}`, "aria-selected": "false", style: `padding-left:${gutter}px`, title: layer.name,
        "aria-label": `${layer.name}, ${layer.op}, ${bitsTitle(layer)}${known(of) ? `, ${percent(of)} of the noise` : ""}` },
        el("span", { class: "name" }, layer.name, el("span", { class: "op", text: layer.op === layer.name ? layer.detail : opText(layer), title: opTitle(layer) })),
        el("span", { class: "bits", text: bitsText(layer), title: bitsTitle(layer) }),
        el("span", { class: "meter" }, el("span", { style: `width:${(100 * (of || 0) / most).toFixed(1)}%` })));
      option.addEventListener("click", () => { actions.choose(index, false); box.focus({ preventScroll: true }); });
      options.push(option);
      list.append(option);
    });
    box.append(...drawings.map(({ list }) => list));
    box.addEventListener("keydown", (event) => {
      const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -layers.length, End: layers.length };
      if (event.key === "Enter") { at("detail-h").focus(); event.preventDefault(); return; }
      if (!(event.key in moves)) return;
      event.preventDefault();
      actions.choose(Math.max(0, Math.min(layers.length - 1, chosen + moves[event.key])), false);
    });
    at("net").append(box);
  };

  let chosen = -1;
  const mark = (index) => {
    if (chosen >= 0) options[chosen].setAttribute("aria-selected", "false");
    chosen = index;
    options[index].setAttribute("aria-selected", "true");
    at("net-list").setAttribute("aria-activedescendant", `node-${index}`);
    // In the next frame, because reading a position while the page is made lays it out at once.
    requestAnimationFrame(() => {
      const box = at("net");
      const top = chosen * ROW;
      if (top < box.scrollTop || top + ROW > box.scrollTop + box.clientHeight) box.scrollTop = top - box.clientHeight / 2;
    });
    for (const edge of edges) for (const path of edge.drawn) path.classed("lit", edge.from === index || edge.to === index);
  };

  return { drawNetwork, mark };
})();
