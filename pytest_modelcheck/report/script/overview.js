// All subjects: the list at the side and the table, filtered together. Rows are drawn as far as
// they are looked at.

import { make, makeSearch, makeSelect } from "../../drawing/dom.js";

const STEP = 60; // rows that are drawn at once
const STATES = [
  ["", "all outcomes"],
  ["bad", "failed"],
  ["warn", "warnings"],
  ["changed", "changed"],
  ["good", "passed"],
];
const BAD = ["fail", "error"];
const WARN = ["warn", "inconclusive", "not run", "not gated"];
const GOOD = ["pass", "accepted", "expected"];

// The record's rows by name.
export function rowsOf([, rows]) {
  return rows.map(([slug, name, symbol, outcome, state, checks, modules, figures]) => ({
    slug,
    name,
    symbol,
    outcome,
    state,
    checks,
    modules,
    figures,
    text: `${name} ${modules}`.toLowerCase(),
  }));
}

function isIn(row, state) {
  if (state === "bad") return BAD.includes(row.outcome);
  if (state === "warn") return WARN.includes(row.outcome);
  if (state === "changed") return row.state === "changed";
  return state !== "good" || GOOD.includes(row.outcome);
}

export function filtered(rows, text, state) {
  const words = text.trim().toLowerCase().split(/\s+/);
  return rows.filter((row) => isIn(row, state) && words.every((word) => row.text.includes(word)));
}

// Draws rows into `parent` as far as it is scrolled.
class Growing {
  constructor(parent, draw) {
    this.parent = parent;
    this.draw = draw;
    this.end = null;
    const grow = (seen) => seen.some((entry) => entry.isIntersecting) && this.grow();
    this.watch = new IntersectionObserver(grow, { rootMargin: "300px" });
  }

  show(rows) {
    this.parent.replaceChildren();
    this.rows = rows;
    this.drawn = 0;
    this.grow();
  }

  // The last row drawn is watched: once it is seen, more follow.
  grow() {
    this.watch.disconnect();
    const next = this.rows.slice(this.drawn, this.drawn + STEP);
    this.parent.append(...next.map(this.draw));
    this.drawn += next.length;
    if (this.drawn < this.rows.length) this.watch.observe(this.parent.lastElementChild);
  }
}

function outcomeClass(row) {
  return `o-${row.outcome.replace(/ /g, "-")}`;
}

function drawItem(row, open) {
  const item = make("li");
  const link = make("a", { href: `#${row.slug}`, title: row.name, "data-slug": row.slug }, item);
  markLink(link, open);
  make("span", { class: outcomeClass(row), title: row.outcome }, link, row.symbol);
  link.append(` ${row.name}`);
  return item;
}

function markLink(link, open) {
  if (link.dataset.slug === open) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
}

function drawRow(row) {
  const line = make("tr");
  make("span", { class: outcomeClass(row) }, make("td", {}, line), `${row.symbol} ${row.outcome}`);
  make("a", { href: `#${row.slug}` }, make("th", { scope: "row" }, line), row.name);
  make("td", {}, line, row.modules);
  for (const [text, moved, kind] of row.figures) {
    const cell = make("td", { class: "n" }, line, moved ? `${text} ` : text);
    if (moved) make("b", { class: kind }, cell, moved);
  }
  make("td", { class: "n" }, line, row.checks);
  return line;
}

// The list and its filter in `nav`; `table` follows. Returns what marks the subject that is open.
export function mountOverview(nav, table, data) {
  const rows = rowsOf(data);
  const wanted = { text: "", state: "" };
  const tools = make("div", { class: "tools" }, nav);
  const found = make("p", { class: "quiet", role: "status" }, nav);
  const list = make("ul", {}, nav);
  const items = new Growing(list, (row) => drawItem(row, wanted.open));
  const lines = new Growing(table.tBodies[0], drawRow);
  const update = () => {
    const shown = filtered(rows, wanted.text, wanted.state);
    found.textContent = `${shown.length} of ${rows.length} subjects`;
    items.show(shown);
    lines.show(shown);
  };
  const mark = (slug) => {
    wanted.open = slug;
    for (const link of list.querySelectorAll("a")) markLink(link, slug);
  };
  makeSearch(
    "find a subject or a module",
    (text) => {
      wanted.text = text;
      update();
    },
    tools,
  );
  makeSelect(
    "outcome",
    STATES,
    (state) => {
      wanted.state = state;
      update();
    },
    tools,
  );
  make("a", { class: "all", href: "#overview" }, tools, "overview");
  update();
  return mark;
}
