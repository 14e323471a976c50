// The structure viewer: a picture of boxes that open, a search, and a side that tells of the
// chosen box.

import { make, makeButton, makeSearch } from "../../../drawing/dom.js";
import {
  around,
  boxAt,
  findBoxes,
  openAtFirst,
  openWholly,
  pathOf,
  ROOT,
  readBoxes,
  visible,
} from "./boxes.js";
import { stepFor } from "./keys.js";
import { drawPicture, width } from "./picture.js";
import { planBox } from "./plan.js";
import { tell } from "./side.js";

const SCALES = [0.1, 3];
const STEP = 1.25;
const MARGIN = 8; // around the picture

let viewers = 0;

export class Viewer {
  constructor(data, host) {
    this.boxes = readBoxes(data);
    this.open = openAtFirst(this.boxes);
    this.scale = 1;
    this.hits = [];
    viewers += 1;
    this.id = `viewer${viewers}`;
    this.build(host);
    this.draw();
    this.whenSized(() => this.fit());
  }

  build(host) {
    this.root = make("div", { class: "viewer" }, host);
    this.buildTools(make("div", { class: "tools" }, this.root));
    const names = { class: "canvas", role: "group", "aria-label": "structure of the model" };
    this.canvas = make("div", names, this.root);
    this.canvas.addEventListener("click", (event) => this.onClick(event));
    this.canvas.addEventListener("keydown", (event) => this.onKey(event));
    const told = "Select a box: its attributes, parameters and cost appear here.";
    const side = { class: "side", role: "group", tabindex: 0, "aria-label": "the chosen box" };
    this.side = make("div", side, this.root, told);
  }

  buildTools(tools) {
    makeButton("Expand all", () => this.unfold(openWholly(this.boxes)), tools);
    makeButton("Collapse", () => this.unfold(new Set([ROOT])), tools);
    makeButton("Fit", () => this.fit(), tools);
    makeButton("+", () => this.zoom(this.scale * STEP), tools, { "aria-label": "zoom in" });
    makeButton("−", () => this.zoom(this.scale / STEP), tools, { "aria-label": "zoom out" });
    this.search = makeSearch("find a layer", (text) => this.find(text), tools);
    this.search.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        this.findNext();
      }
    });
    this.told = make("span", { class: "found", role: "status" }, tools);
  }

  // In a part of the page that is not shown there is no width to fit into.
  whenSized(action) {
    if (this.canvas.clientWidth) {
      action();
      return;
    }
    const observer = new ResizeObserver(() => {
      if (this.canvas.clientWidth) {
        observer.disconnect();
        action();
      }
    });
    observer.observe(this.canvas);
  }

  unfold(open) {
    this.open = open;
    this.draw();
    this.center();
  }

  draw() {
    const plan = planBox(this.boxes.get(ROOT), { boxes: this.boxes, open: this.open, width });
    const { svg, elements } = drawPicture(plan, this.id);
    this.plan = plan;
    this.elements = elements;
    this.canvas.replaceChildren(svg);
    this.svg = svg;
    this.reachable(elements.has(this.current) ? this.current : elements.keys().next().value);
    this.zoom(this.scale);
    this.mark();
  }

  zoom(scale) {
    const [least, most] = SCALES;
    this.scale = Math.min(most, Math.max(least, scale));
    const w = this.plan.left + this.plan.right + MARGIN;
    const h = this.plan.height + MARGIN;
    this.svg.setAttribute("viewBox", `-1 -1 ${w} ${h}`);
    this.svg.setAttribute("width", w * this.scale);
    this.svg.setAttribute("height", h * this.scale);
  }

  fit() {
    const w = this.plan.left + this.plan.right + MARGIN;
    this.zoom(Math.min(1, Math.max(0.7, (this.canvas.clientWidth - 20) / w)));
    this.center();
  }

  // The model's own chain into the middle.
  center() {
    this.canvas.scrollLeft = (this.plan.left + 1) * this.scale - this.canvas.clientWidth / 2;
  }

  // A box stays where it is on the screen while it opens.
  toggle(id) {
    const before = this.elements.get(id).getBoundingClientRect();
    if (!this.open.delete(id)) {
      this.open.add(id);
    }
    this.draw();
    const after = this.elements.get(id).getBoundingClientRect();
    this.canvas.scrollTop += after.top - before.top;
    this.canvas.scrollLeft += after.left + after.width / 2 - before.left - before.width / 2;
  }

  activate(id) {
    if (this.boxes.get(id).cells) {
      this.toggle(id);
    }
    this.choose(id);
    this.tellAddress(id);
  }

  choose(id) {
    for (const old of this.svg.querySelectorAll(".chosen")) {
      old.classList.remove("chosen");
      old.removeAttribute("aria-selected");
    }
    const element = this.elements.get(id);
    element.classList.add("chosen");
    element.setAttribute("aria-selected", "true");
    this.reachable(id);
    element.focus({ preventScroll: true });
    tell(this.boxes.get(id), this.side);
  }

  // For the page, whose address then leads here.
  tellAddress(id) {
    const detail = pathOf(this.boxes, this.boxes.get(id));
    this.root.dispatchEvent(new CustomEvent("modelcheck:address", { bubbles: true, detail }));
  }

  // One box takes part in the tab order; the arrows lead to the others.
  reachable(id) {
    this.elements.get(this.current)?.setAttribute("tabindex", -1);
    this.elements.get(id)?.setAttribute("tabindex", 0);
    this.current = id;
  }

  onClick(event) {
    const element = event.target.closest(".box");
    if (element) {
      this.activate(Number(element.dataset.id));
    }
  }

  onKey(event) {
    const element = event.target.closest(".box");
    if (!element) {
      return;
    }
    const id = Number(element.dataset.id);
    const step = stepFor(event.key, this.boxes.get(id), this.open.has(id), [
      ...this.elements.keys(),
    ]);
    if (step === "toggle") {
      event.preventDefault();
      this.activate(id);
    } else if (step !== undefined && this.elements.has(step)) {
      event.preventDefault();
      this.choose(step);
      this.tellAddress(step);
      this.scrollTo(step, "nearest");
    }
  }

  scrollTo(id, where) {
    this.elements.get(id).scrollIntoView({ block: where, inline: where });
  }

  // Opens all that is around a box.
  reveal(box) {
    for (const outer of around(this.boxes, box)) {
      this.open.add(outer.id);
    }
    this.draw();
  }

  has(path) {
    return boxAt(this.boxes, path) !== undefined;
  }

  // Leads to a module; a line says so if there is none, or if it has no box of its own.
  show(path) {
    const box = boxAt(this.boxes, path);
    if (!box) {
      this.told.textContent = `There is no module ${path} in this graph.`;
      return;
    }
    const isItself = box.name === path;
    this.told.textContent = isItself
      ? ""
      : `${path} is not called itself; this is the first in it.`;
    this.reveal(box);
    this.choose(box.id);
    this.scrollTo(box.id, "center");
  }

  find(wanted) {
    this.hits = findBoxes(this.boxes, wanted);
    this.next = -1;
    this.told.textContent = wanted.trim() ? `${this.hits.length} found` : "";
    this.mark();
  }

  findNext() {
    if (this.hits.length) {
      this.next = (this.next + 1) % this.hits.length;
      const hit = this.hits[this.next];
      this.reveal(hit);
      tell(hit, this.side);
      this.scrollTo(hit.id, "center");
    }
  }

  // What was found, or the closed box it is in.
  mark() {
    this.canvas.classList.toggle("searching", this.hits.length > 0);
    const shown = new Set(this.hits.map((box) => visible(this.boxes, this.open, box)));
    for (const [id, element] of this.elements) {
      element.classList.toggle("hit", shown.has(id));
    }
  }
}
