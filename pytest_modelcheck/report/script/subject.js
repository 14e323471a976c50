// A subject's part: text within a <noscript> until it is opened. It is parsed apart, where nothing
// in it runs or loads, and enters the document tab by tab.

import { make } from "../../drawing/dom.js";
import { withholdFolded, withholdRows } from "./rest.js";

export class Subjects {
  constructor(parts, mounts) {
    this.mounts = mounts;
    this.homes = new Map();
    this.parsed = new Map();
    this.tabs = new Map();
    this.withheld = new Map();
    for (const part of parts) {
      for (const slug of part.dataset.slugs.split(" ")) this.homes.set(slug, part);
    }
  }

  has(slug) {
    return this.homes.has(slug);
  }

  // The whole part, in a document of its own.
  source(slug) {
    const home = this.homes.get(slug);
    if (!this.parsed.has(home)) {
      this.parsed.set(home, new DOMParser().parseFromString(home.textContent, "text/html"));
    }
    return this.parsed.get(home).getElementById(slug);
  }

  names(slug) {
    return [...this.source(slug).querySelectorAll(":scope > .tab")].map((tab) => tab.dataset.tab);
  }

  // The subject with its heading, and the tab.
  open(slug, name) {
    const source = this.source(slug);
    const shell = document.importNode(source, false);
    shell.append(document.importNode(source.querySelector(":scope > .head"), true));
    this.turn(shell, slug, name);
    return shell;
  }

  // To another tab; the heading stays, and the focus in it. One that was thinned may have no tab.
  turn(shell, slug, name) {
    for (const link of shell.querySelectorAll(":scope > .head .tabs a")) {
      if (link.hash === `#${slug}/${name}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    shell.querySelector(":scope > .tab")?.remove();
    if (name) shell.append(this.tab(slug, name));
  }

  // Made once, so that it is as it was left when it is opened again.
  tab(slug, name) {
    const key = `${slug}/${name}`;
    if (!this.tabs.has(key)) this.tabs.set(key, this.made(slug, name));
    return this.tabs.get(key);
  }

  made(slug, name) {
    const source = this.source(slug);
    const tab = document.importNode(
      source.querySelector(`:scope > .tab[data-tab="${name}"]`),
      true,
    );
    fillPictures(tab, source.parentNode);
    const rows = withholdRows(tab, (row) => this.mount(row));
    this.mount(tab);
    this.withheld.set(`${slug}/${name}`, [...rows, ...withholdFolded(tab)]);
    return tab;
  }

  mount(root) {
    for (const mount of this.mounts) attempt(() => mount(root));
  }

  // The element of a place in a tab that is open, which may have been kept out until now.
  place(slug, name, place) {
    const id = `${slug}/${name}/${place}`;
    for (const rest of document.getElementById(id) ? [] : this.withheld.get(`${slug}/${name}`)) {
      rest.reveal(id);
    }
    return document.getElementById(id);
  }
}

// A panel that fails, fails alone.
export function attempt(action) {
  try {
    action();
  } catch (error) {
    console.error(error);
  }
}

// Pictures that are stored once are drawn by reference; here they become images like all others.
function fillPictures(tab, store) {
  for (const place of tab.querySelectorAll("svg.picture")) {
    const name = place.querySelector("use").getAttribute("href").slice(1);
    const stored = store.querySelector(`[id="${CSS.escape(name)}"] image`);
    if (!stored) continue;
    const image = make("img", {
      src: stored.getAttribute("href"),
      alt: place.getAttribute("aria-label"),
      class: place.getAttribute("class"),
    });
    place.replaceWith(image);
  }
}
