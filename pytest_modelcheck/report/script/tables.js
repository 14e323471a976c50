// Tables are complete without this: it adds sorting, and to trees of modules levels, a search, and
// leaves alone.

import { make, makeSearch, makeSelect } from "../../drawing/dom.js";
import { holds } from "../../drawing/words.js";
import { cellValue, compareCells, leavesOf, nextDirection, sortTree } from "./order.js";

const MANY = 40; // rows, beyond which a tree is folded at first

export function mount(root) {
  for (const table of root.querySelectorAll("table.sortable, table.tree")) {
    if (table.tHead && table.tBodies.length) {
      new Table(table);
    }
  }
}

const depthOf = (row) => Number(row.dataset.depth);

class Table {
  constructor(table) {
    this.table = table;
    this.body = table.tBodies[0];
    this.rows = [...this.body.rows];
    this.heads = [...table.tHead.rows[0].cells];
    this.isTree = table.classList.contains("tree");
    this.level = Number.POSITIVE_INFINITY;
    this.wanted = "";
    this.onlyLeaves = false;
    if (table.classList.contains("sortable")) {
      this.heads.forEach((head, column) => {
        this.addButton(head, column);
      });
    }
    if (this.isTree) {
      this.addTools();
    }
  }

  addButton(head, column) {
    if (!head.textContent.trim()) {
      return; // a button needs a name
    }
    const button = make("button", { type: "button" });
    button.append(...head.childNodes);
    button.addEventListener("click", () => this.sort(head, column));
    head.append(button);
  }

  addTools() {
    const depths = this.rows.map(depthOf);
    const deepest = Math.max(1, ...depths);
    if (deepest < 2) {
      return;
    }
    const tools = make("div", { class: "tools" });
    makeSearch("find a module", (text) => this.set({ wanted: text }), tools);
    const levels = Array.from({ length: deepest }, (_, i) => [i + 1, levelText(i + 1, deepest)]);
    const setLevel = (level) => this.set({ level: Number(level) });
    const select = makeSelect("levels shown", levels, setLevel, tools);
    const label = make("label", {}, tools);
    const box = make("input", { type: "checkbox" }, label);
    label.append(" leaves only");
    box.addEventListener("change", () => {
      select.disabled = box.checked;
      this.set({ onlyLeaves: box.checked });
    });
    this.level = this.rows.length > MANY ? Math.min(2, deepest) : deepest;
    select.value = String(this.level);
    this.table.parentElement.before(tools);
    this.show();
  }

  set(changed) {
    Object.assign(this, changed);
    this.arrange();
  }

  valueOf(row, column) {
    const cell = row.cells[column];
    return cell ? cellValue(cell.dataset.v, cell.textContent) : "";
  }

  sort(head, column) {
    const isNumeric = this.rows.some((row) => typeof this.valueOf(row, column) === "number");
    const direction = nextDirection(head.getAttribute("aria-sort"), isNumeric);
    for (const other of this.heads) {
      other.removeAttribute("aria-sort");
    }
    if (direction) {
      head.setAttribute("aria-sort", direction);
    }
    this.set({ column, direction });
  }

  // Rows may have come since.
  collect() {
    const known = new Set(this.rows);
    this.rows.push(...[...this.body.rows].filter((row) => !known.has(row)));
  }

  // Puts the rows into their order, those in front that are seen.
  arrange() {
    this.collect();
    const order = this.sorted(this.onlyLeaves ? leavesOf(this.rows, depthOf) : this.rows);
    const seen = new Set(order);
    this.body.append(...order, ...this.rows.filter((row) => !seen.has(row)));
    this.table.classList.toggle("flat", this.onlyLeaves);
    this.show(seen);
  }

  sorted(rows) {
    if (!this.direction) {
      return rows;
    }
    const sign = this.direction === "descending" ? -1 : 1;
    const compare = (a, b) =>
      compareCells(this.valueOf(a, this.column), this.valueOf(b, this.column), sign);
    return this.isTree && !this.onlyLeaves
      ? sortTree(rows, depthOf, compare)
      : [...rows].sort(compare);
  }

  show(seen = new Set(this.rows)) {
    for (const row of this.isTree ? this.rows : []) {
      const isDeep = !this.onlyLeaves && depthOf(row) > this.level;
      const isMissed = this.wanted.trim() ? !holds(row.cells[0].textContent, this.wanted) : isDeep;
      row.hidden = !seen.has(row) || isMissed;
    }
  }
}

function levelText(level, deepest) {
  if (level === deepest) {
    return "all levels";
  }
  return level === 1 ? "1 level" : `${level} levels`;
}
