// The frame: the address says what is open. The page is complete without this, and with scripts no
// more than what is looked at stands in the document.

import { address, parsed } from "./address.js";
import { mount as mountCommands } from "./commands.js";
import { mountOverview } from "./overview.js";
import { mount as mountScroll } from "./scroll.js";
import { attempt, Subjects } from "./subject.js";
import { mount as mountTables } from "./tables.js";

class Page {
  constructor(mounts) {
    const parts = document.querySelectorAll("noscript.parts");
    this.subjects = new Subjects(parts, [mountTables, mountScroll, mountCommands, ...mounts]);
    this.home = document.querySelector(".home");
    this.opened = document.querySelector(".opened");
    this.only = parts.length === 1 && this.subjects.homes.size === 1;
    this.title = document.title;
    this.mark = this.overview();
  }

  overview() {
    const data = document.querySelector("script.overview-data");
    if (!data) return () => {};
    const nav = document.querySelector("nav.subjects");
    return mountOverview(
      nav,
      document.querySelector("table.overview"),
      JSON.parse(data.textContent),
    );
  }

  // Opens what the address names: a subject's tab and a place in it, or the first screen.
  go() {
    const asked = parsed(location.hash);
    const slug = this.subjects.has(asked.slug) ? asked.slug : this.only ? this.first() : "";
    this.home.hidden = slug !== "" && !this.only;
    this.mark(slug);
    if (!slug) {
      this.opened.replaceChildren();
      this.open = "";
      document.title = this.title;
      if (asked.slug) document.getElementById(asked.slug)?.scrollIntoView();
      return;
    }
    const names = this.subjects.names(slug);
    const tab = names.includes(asked.tab) ? asked.tab : (names[0] ?? "");
    this.show(slug, tab, asked.slug === slug);
    if (asked.place && tab) this.seek(slug, tab, asked.place);
  }

  first() {
    return this.subjects.homes.keys().next().value;
  }

  show(slug, tab, isAsked) {
    if (this.open === `${slug}/${tab}`) return;
    const isNew = !this.open?.startsWith(`${slug}/`);
    this.open = `${slug}/${tab}`;
    if (isNew) this.opened.replaceChildren(this.subjects.open(slug, tab));
    else this.subjects.turn(this.opened.firstElementChild, slug, tab);
    const title = this.opened.querySelector("h2");
    document.title = `${this.opened.firstElementChild.dataset.name} · ${this.title}`;
    if (isAsked && isNew) {
      title.tabIndex = -1;
      title.focus({ preventScroll: true });
      this.opened.scrollIntoView();
    }
  }

  // A panel may know the place; else it is an element's id.
  seek(slug, tab, place) {
    const part = this.opened.querySelector(".tab");
    const element = this.subjects.place(slug, tab, place);
    if (element) {
      for (let at = element; at && at !== part; at = at.parentElement) {
        if (at.tagName === "DETAILS") at.open = true;
      }
      for (const old of part.querySelectorAll(".sought")) old.classList.remove("sought");
      element.classList.add("sought");
      element.scrollIntoView({ block: "center" });
    }
    part.dispatchEvent(new CustomEvent("modelcheck:show", { detail: place }));
  }
}

export function start(mounts) {
  document.documentElement.classList.add("scripted");
  for (const note of document.querySelectorAll(".unscripted")) note.remove();
  const page = new Page(mounts);
  for (const mount of [mountCommands, mountScroll]) {
    attempt(() => mount(document.querySelector(".home")));
  }
  const main = document.getElementById("main");
  main.tabIndex = -1;
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // an address would close what is open
    main.focus();
  });
  addEventListener("hashchange", () => page.go());
  document.addEventListener("modelcheck:subject", (event) => {
    event.detail.subject = page.subjects.source(event.target.closest(".subject").id);
  });
  document.addEventListener("modelcheck:address", (event) => {
    const [slug, tab] = page.open.split("/");
    history.replaceState(null, "", address(slug, tab, event.detail));
  });
  page.go();
}
