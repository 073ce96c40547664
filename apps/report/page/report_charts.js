// The chart of errors from the first layer to the last, and histograms on the quantization grid.
"use strict";
const narrowCharts = (() => {
  const { known, percent, significant, decibels, el, at, isNarrow, newChart } = narrowPage;
  const { layers, actions, noiseShare } = narrowReport;

  // --- Errors from the first layer to the last -----------------------------------------------------------------------
  let shown = -1; // the layer at which the cursor stands
  let moveTo = () => {};
  const moveCursor = (index) => { shown = index; moveTo(index); };
  const readoutText = (index) => {
    const layer = layers[index];
    return [`#${index} ${layer.name}`, known(layer.cumulative_db) || layer.cumulative_db === null ? `${decibels(layer.cumulative_db)} so far` : "",
      known(layer.local_db) || layer.local_db === null ? `${decibels(layer.local_db)} alone` : "", known(noiseShare(layer)) ? `${percent(noiseShare(layer))} of the noise` : ""].filter(Boolean).join(", ");
  };
  const throughChart = (rows, width, readout) => {
    const height = 240, left = 46, right = 52, top = 22, bottom = 34;
    const x = d3.scaleLinear([0, layers.length - 1], [left, width - right]);
    const values = rows.flatMap(({ layer }) => [layer.cumulative_db, layer.local_db]).filter(known);
    const y = d3.scaleLinear([Math.min(0, d3.min(values)), d3.max(values)], [height - bottom, top]).nice();
    const last = rows[rows.length - 1].layer;
    const svg = newChart(width, height, `Signal to noise of each layer's output, from the first to the last layer. The last has ${decibels(last.cumulative_db)}.`);
    svg.append("g").attr("transform", `translate(0,${height - bottom})`).call(d3.axisBottom(x).ticks(width < 640 ? 5 : 10).tickFormat(d3.format("d")));
    svg.append("g").attr("transform", `translate(${left},0)`).call(d3.axisLeft(y).ticks(6));
    svg.append("text").attr("x", left).attr("y", top - 10).attr("text-anchor", "middle").text("dB");
    svg.append("text").attr("x", width - right).attr("y", height - 4).attr("text-anchor", "end").text("layer, in the order in which they run");
    const share = d3.scaleLinear([0, d3.max(layers, (layer) => noiseShare(layer) || 0) || 1], [height - bottom, (height - bottom + top) / 2]).nice(3);
    const step = Math.max(1.5, Math.min(12, (width - left - right) / layers.length * 0.6));
    const bars = layers.map((layer, index) => ({ layer, index })).filter(({ layer }) => noiseShare(layer) > 0);
    svg.append("g").selectAll("rect").data(bars).join("rect")
      .attr("class", "bars").attr("x", ({ index }) => x(index) - step / 2).attr("width", step)
      .attr("y", ({ layer }) => share(noiseShare(layer))).attr("height", ({ layer }) => height - bottom - share(noiseShare(layer)));
    if (bars.length > 0) {
      svg.append("g").attr("transform", `translate(${width - right},0)`).call(d3.axisRight(share).ticks(3, "%"));
      svg.append("text").attr("x", width).attr("y", top - 10).attr("text-anchor", "end").text("noise share");
    }
    svg.append("path").attr("class", "cumulative").attr("d",
      d3.line(({ index }) => x(index), ({ layer }) => y(layer.cumulative_db))(rows.filter(({ layer }) => known(layer.cumulative_db))));
    svg.append("g").selectAll("circle").data(rows.filter(({ layer }) => known(layer.local_db))).join("circle")
      .attr("class", "local").attr("r", layers.length > 150 ? 2 : 3.2).attr("cx", ({ index }) => x(index)).attr("cy", ({ layer }) => y(layer.local_db));
    const cursor = svg.append("line").attr("class", "cursor").attr("y1", top).attr("y2", height - bottom);
    const pointed = svg.append("line").attr("class", "pointed").attr("y1", top).attr("y2", height - bottom).attr("visibility", "hidden");
    const at = (event) => Math.max(0, Math.min(layers.length - 1, Math.round(x.invert(d3.pointer(event)[0]))));
    moveTo = (index) => {
      cursor.attr("x1", x(index)).attr("x2", x(index));
      readout.textContent = readoutText(index);
    };
    svg.append("rect").attr("class", "hit").attr("x", left).attr("y", top).attr("width", width - left - right).attr("height", height - top - bottom)
      .on("pointermove", (event) => {
        pointed.attr("x1", x(at(event))).attr("x2", x(at(event))).attr("visibility", "visible");
        readout.textContent = readoutText(at(event));
      })
      .on("pointerleave", () => { pointed.attr("visibility", "hidden"); if (shown >= 0) readout.textContent = readoutText(shown); })
      .on("click", (event) => actions.choose(at(event), true));
    if (shown >= 0) moveTo(shown);
    return svg.node();
  };
  const drawThrough = () => {
    const rows = layers.map((layer, index) => ({ layer, index })).filter(({ layer }) => known(layer.cumulative_db) || known(layer.local_db));
    if (rows.length < 2) return;
    const readout = el("p", { id: "readout", class: "small" });
    const place = el("div", {});
    at("through").append(el("figure", {}, place, readout, el("figcaption", {},
      "Line: signal to noise of all layers so far. Dots: signal to noise of each layer alone, on the reference's inputs. Higher is better for both. " +
      "Bars, with the scale on the right: share of the noise in the scores. ", el("span", { class: "screen", text: "Point at a layer for its name and numbers; a click shows it below." }))));
    // As wide as its place, so that letters keep their size.
    let width = 0;
    new ResizeObserver(() => {
      const now = Math.round(place.clientWidth);
      if (now < 100 || Math.abs(now - width) < 2) return;
      width = now;
      place.replaceChildren(throughChart(rows, width, readout));
    }).observe(place);
  };

  // --- Histograms ----------------------------------------------------------------------------------------------------
  // With the quantization grid. Returns a figure; caption: what it says, and label for those who do not see it.
  const drawHistogram = (study, quantization, what, captionText) => {
    const bins = study.reals || study.integers;
    const width = isNarrow() ? 400 : 620, height = 200, left = 12, right = 12, top = 10, bottom = quantization ? 40 : 24;
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
    svg.append("g").attr("transform", `translate(0,${height - bottom})`).call(d3.axisBottom(x).ticks(isNarrow() ? 5 : 9).tickSizeOuter(0));
    if (quantization) {
      const reals = svg.append("g");
      for (const level of x.ticks(isNarrow() ? 5 : 9)) {
        reals.append("text").attr("x", x(level)).attr("y", height - 4).attr("text-anchor", "middle").text(significant(Number(((level - quantization.zero_point) * quantization.scale).toPrecision(2))));
      }
    }
    return el("figure", {}, svg.node(), el("figcaption", { text: what + (isCut ? " The highest bar is cut off." : "") }));
  };

  // The share of the reference's numbers beyond the ends of the range.
  const beyond = (study) => {
    const { integers, reals } = study;
    const low = integers.first;
    const high = integers.first + integers.counts.length;
    const middle = (i) => reals.first + (i + 0.5) * reals.width;
    return d3.sum(reals.counts, (n, i) => (middle(i) < low || middle(i) > high ? n : 0)) / (d3.sum(reals.counts) || 1);
  };

  return { drawThrough, moveCursor, drawHistogram, beyond };
})();
