// Draws the page of `narrow report` from the JSON document in the element "data" (docs/schemas/report.schema.json).
"use strict";
(() => {
  const { at, say, onNarrow } = narrowPage;
  const { data, layers, byName, actions, addressed } = narrowReport;

  let chosen = -1;
  actions.choose = (index, moveFocus) => {
    chosen = index;
    narrowNetwork.mark(index);
    narrowLists.markRow(index);
    narrowCharts.moveCursor(index);
    narrowLayer.drawDetail(index);
    say(`${layers[index].name} is chosen`);
    if (!moveFocus) return;
    // Both the list and the details where they are side by side, else the details.
    const isBeside = at("detail").offsetTop === at("net-box").offsetTop || getComputedStyle(at("detail")).position === "sticky";
    at(isBeside ? "split" : "detail").scrollIntoView();
    at("detail-h").focus({ preventScroll: true });
  };

  // What is jumped to starts below the header, however many lines that has; on a small screen it does not stay.
  const keepBelowHeader = () => {
    const header = document.querySelector(".top");
    const isKept = getComputedStyle(header).position === "sticky";
    document.documentElement.style.scrollPaddingTop = `${(isKept ? header.offsetHeight : 0) + 12}px`;
  };
  new ResizeObserver(keepBelowHeader).observe(document.querySelector(".top"));

  narrowQuestions.drawSummary();
  narrowQuestions.drawQuestions();
  narrowAdvice.drawAdvice();
  narrowCharts.drawThrough();
  narrowNetwork.drawNetwork();
  const first = data.advice.layers.length > 0 ? byName.get(data.advice.layers[0].layer) : 0;
  if (layers.length > 0) actions.choose(addressed() >= 0 ? addressed() : first, addressed() >= 0);
  window.addEventListener("popstate", () => { if (addressed() >= 0) actions.choose(addressed(), true); });
  onNarrow(() => { if (chosen >= 0) narrowLayer.drawDetail(chosen); }); // letters of its charts keep their size
  // What is far down comes after the rest, so that the page can be read before.
  setTimeout(() => {
    narrowLists.drawTable();
    narrowLists.drawImages();
    if (chosen >= 0) narrowLists.markRow(chosen);
    say("");
    performance.mark("narrow-drawn");
  });
})();
