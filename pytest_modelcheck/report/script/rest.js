// What is not looked at yet stays out of the document: of many rows all but the first, and what a
// closed part folds away. A click brings it, and so does an address within it.

import { makeButton } from "../../drawing/dom.js";

const SHOWN = {
  ".check": 20,
  "table.checks > tbody > tr": 60,
  ".modules > li > details > ul > li": 60,
};
const MORE = 200; // rows that a click adds
const LARGE = 300; // elements, beyond which a closed part is emptied

// Both take it out of a tab, and return what brings an id: `reveal(id)`. Rows that come are given to
// `mount`; what is folded away has been mounted.
export function withholdRows(tab, mount) {
  return Object.entries(SHOWN)
    .map(([selector, most]) => [[...tab.querySelectorAll(selector)], most])
    .filter(([all, most]) => all.length > most)
    .map(([all, most]) => new Rows(all, most, mount));
}

export function withholdFolded(tab) {
  return [...tab.querySelectorAll("details:not([open])")]
    .filter((details) => tab.contains(details) && details.getElementsByTagName("*").length > LARGE)
    .map((details) => new Folded(details));
}

class Rows {
  constructor(rows, most, mount) {
    this.rest = rows.slice(most);
    this.mount = mount;
    const last = rows[most - 1];
    const frame = last.closest("table, ul");
    for (const row of this.rest) row.remove();
    this.button = makeButton("", () => this.show(MORE));
    this.button.className = "more-rows";
    (frame ?? last).after(this.button);
    this.put = frame
      ? (next) => last.parentNode.append(...next)
      : (next) => this.button.before(...next);
    // Sorted are all of them.
    frame?.tHead?.addEventListener("click", () => this.show(this.rest.length), true);
    this.name();
  }

  show(count) {
    const next = this.rest.splice(0, count);
    this.put(next);
    for (const row of next) this.mount(row);
    this.name();
  }

  name() {
    this.button.textContent = `show ${this.rest.length} more`;
    this.button.hidden = this.rest.length === 0;
  }

  reveal(id) {
    this.show(this.rest.findIndex((row) => row.id === id) + 1);
  }
}

class Folded {
  constructor(details) {
    this.details = details;
    this.content = document.createDocumentFragment();
    const summary = details.querySelector(":scope > summary");
    this.content.append(...[...details.childNodes].filter((node) => node !== summary));
    details.addEventListener("toggle", () => this.show(), { once: true });
  }

  show() {
    this.details.append(this.content);
  }

  reveal(id) {
    if (this.content.getElementById(id)) this.show();
  }
}
