// What the pages of narrow have in common: words, elements, the theme, charts and tables that sort. Names in a document
// come from outside: they become text, never markup.
"use strict";
const narrowPage = (() => {
  // --- Words -------------------------------------------------------------------------------------------------------
  const known = (value) => value !== undefined && value !== null;
  const minus = (text) => text.replaceAll("-", "\u2212"); // of numbers
  const fixed = (value, digits) => (known(value) ? value.toFixed(digits) : "");
  const percent = (share, digits = 1) => {
    if (!known(share)) return "";
    if (share > 0 && share < 0.5 * 10 ** (-digits - 2)) return `< ${(10 ** -digits).toFixed(digits)} %`;
    return `${(100 * share).toFixed(digits)} %`;
  };
  const significant = (value) => {
    if (!known(value)) return "";
    if (value === 0) return "0";
    const size = Math.abs(value);
    return minus(size >= 1e5 || size < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4))));
  };
  const bytes = (n) => {
    const sign = n < 0 ? "\u2212" : "";
    n = Math.abs(n);
    if (n < 1000) return `${sign}${n} bytes`;
    if (n < 1e6) return `${sign}${(n / 1e3).toFixed(1)} kB`;
    return n < 1e9 ? `${sign}${(n / 1e6).toFixed(2)} MB` : `${sign}${(n / 1e9).toFixed(2)} GB`;
  };
  const count = (n) => (n >= 1e9 ? `${(n / 1e9).toFixed(2)} G` : n >= 1e6 ? `${(n / 1e6).toFixed(1)} M` : n >= 1e3 ? `${(n / 1e3).toFixed(1)} k` : String(n));
  const ms = (value) => (value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(2) : value.toFixed(3)) + " ms";
  // undefined: not measured; null: no error at all.
  const decibels = (value) => (value === undefined ? "" : value === null ? "equal" : minus(`${value.toFixed(1)} dB`));
  const plural = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;
  const fileName = (path) => path.split("/").pop();

  // --- Elements ----------------------------------------------------------------------------------------------------
  const el = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "text") made.textContent = value;
      else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value !== false && value !== undefined) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  };
  const at = (id) => document.getElementById(id);
  const say = (text) => { at("say").textContent = text; };
  // text: or an element.
  const cell = (tag, text, numeric, more = {}) => {
    const made = el(tag, { class: numeric ? "num" : undefined, ...more });
    made.append(text);
    return made;
  };
  // A cell knows the name of its column, which it shows where a table of the class "stacked" has no room for columns.
  const table = (caption, columns, rows, attributes = {}) =>
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
      el("table", attributes,
        el("caption", { class: "visually-hidden", text: caption }),
        el("thead", {}, el("tr", {}, ...columns.map(([text, numeric]) => cell("th", text, numeric, { scope: "col" })))),
        el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((text, i) =>
          cell(i === 0 ? "th" : "td", text, columns[i][1], i === 0 ? { scope: "row" } : { "data-name": columns[i][0] })))))));
  const card = (what, value, ...more) =>
    el("div", { class: "card" }, el("p", { class: "what", text: what }), el("p", { class: "value", text: value }),
      ...more.filter(Boolean).map((text) => el("p", { class: "more", text })));

  // --- Theme -------------------------------------------------------------------------------------------------------
  const themeButton = at("theme");
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => {
    const forced = document.documentElement.dataset.theme;
    return forced ? forced === "dark" : prefersDark.matches;
  };
  // The button says what it changes to.
  const showTheme = () => { themeButton.textContent = isDark() ? "Light" : "Dark"; };
  try {
    const kept = localStorage.getItem("narrow-theme");
    if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
  } catch { /* a browser may refuse storage to files */ }
  themeButton.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try { localStorage.setItem("narrow-theme", theme); } catch { /* as above */ }
    showTheme();
  });
  prefersDark.addEventListener("change", showTheme);
  showTheme();

  // Letters keep their size, so a chart for a small screen has fewer units.
  const small = window.matchMedia("(max-width: 639px)");
  const isNarrow = () => small.matches;
  const onNarrow = (change) => small.addEventListener("change", change);

  // --- Charts ------------------------------------------------------------------------------------------------------
  const newChart = (width, height, label) =>
    d3.create("svg").attr("class", "chart").attr("viewBox", `0 0 ${width} ${height}`).attr("role", "img").attr("aria-label", label);

  // --- Tables that sort --------------------------------------------------------------------------------------------
  // columns: {name, numeric, minor: of the class "minor", value(item, index), text(item, index), node(item): instead of text, is the row's header,
  // smallFirst: the first click on a column of numbers shows the smallest first}. Returns the rows, {row, item, index}, in
  // an order that changes, and sortBy(column). The buttons in the header sort.
  const sortableTable = (box, caption, columns, items) => {
    let sorted = { column: 0, descending: false };
    const head = el("tr");
    const body = el("tbody");
    const classOf = (column) => [column.numeric && "num", column.minor && "minor"].filter(Boolean).join(" ") || undefined;
    const headers = columns.map((column, index) => {
      const header = el("th", { scope: "col", class: classOf(column), "data-name": column.name, "aria-sort": index === 0 ? "ascending" : "none" },
        el("button", { type: "button", text: column.name, onclick: () => sortBy(index) }));
      head.append(header);
      return header;
    });
    const rows = items.map((item, index) => {
      const row = el("tr", {}, ...columns.map((column) => {
        if (column.node) return el("th", { scope: "row" }, column.node(item, index));
        return cell("td", (column.text || column.value)(item, index) ?? "", column.numeric, { class: classOf(column) });
      }));
      return { row, item, index };
    });
    body.append(...rows.map(({ row }) => row));
    box.append(el("table", {}, el("caption", { class: "visually-hidden", text: caption }), el("thead", {}, head), body));
    const isMissing = (of) => of === undefined || of === null || of === "";
    const sortBy = (index) => {
      const column = columns[index];
      sorted = { column: index, descending: sorted.column === index ? !sorted.descending : column.numeric && !column.smallFirst };
      const compare = (a, b) => {
        const left = column.value(a.item, a.index), right = column.value(b.item, b.index);
        if (isMissing(left) || isMissing(right)) return isMissing(left) - isMissing(right) || a.index - b.index;
        const order = typeof left === "string" ? left.localeCompare(right, "en", { numeric: true }) : left === right ? 0 : left < right ? -1 : 1;
        return (sorted.descending ? -order : order) || a.index - b.index;
      };
      rows.sort(compare);
      body.append(...rows.map(({ row }) => row));
      headers.forEach((header, i) => header.setAttribute("aria-sort", i !== index ? "none" : sorted.descending ? "descending" : "ascending"));
      say(`Sorted by ${column.name}, ${sorted.descending ? "largest" : "smallest"} first`);
    };
    return { rows, sortBy };
  };

  return { known, fixed, percent, significant, bytes, count, ms, decibels, plural, fileName, el, at, say, cell, table, card,
    minus, isNarrow, onNarrow, newChart, sortableTable };
})();
