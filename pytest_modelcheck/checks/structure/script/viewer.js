// The structure viewer: a picture of boxes that open, tools above it, and a side that tells of the
// chosen box.

import { make } from "../../../drawing/dom.js";
import {
  around,
  boxAt,
  openAtFirst,
  openWholly,
  pathOf,
  ROOT,
  readBoxes,
  visible,
} from "./boxes.js";
import { Canvas } from "./canvas.js";
import { save } from "./export.js";
import { actFor, stepFor } from "./keys.js";
import { buildLegend } from "./legend.js";
import { Picture } from "./picture.js";
import { HEAD, Look, locate, shownIn } from "./plan.js";
import { tell } from "./side.js";
import { width } from "./text.js";
import { Tools } from "./tools.js";
import { STEP } from "./view.js";
import { Walks } from "./walks.js";

let viewers = 0;

export class Viewer {
  constructor(data, host) {
    this.boxes = readBoxes(data);
    this.figures = data.figures ?? [];
    this.walks = new Walks(this);
    this.look = new Look(this.boxes, openAtFirst(this.boxes), width);
    viewers += 1;
    this.picture = new Picture(`viewer${viewers}`);
    this.build(host);
    this.draw();
  }

  build(host) {
    this.root = make("div", { class: "viewer" }, host);
    this.tools = new Tools(this.root, this);
    this.canvas = new Canvas(this.root, this.picture, () => this.mark());
    const side = { class: "side", role: "group", tabindex: 0, "aria-label": "the chosen box" };
    this.side = make("div", side, this.root);
    const told = "Select a box: what goes in and out, attributes, weights and cost appear here.";
    make("p", { class: "quiet" }, this.side, told);
    this.legend = buildLegend(this.root, this);
    this.canvas.element.addEventListener("click", (event) => this.onClick(event));
    this.root.addEventListener("keydown", (event) => this.onKey(event));
  }

  // Plans anew what has changed, and draws it. One box takes part in the tab order.
  draw() {
    const plan = this.look.plan();
    this.order = undefined;
    if (this.current === undefined || !this.shown().includes(this.current)) {
      [this.current] = this.shown();
    }
    this.canvas.draw(plan, this.kept());
  }

  // The numbers of the boxes that are not inside a closed one.
  shown() {
    this.order ??= shownIn(this.look.plan());
    return this.order;
  }

  // The box that has, or can have, the focus is in the document wherever one looks.
  kept() {
    const box = this.boxes.get(this.current);
    return new Set(box ? [box.id, ...around(this.boxes, box).map((outer) => outer.id)] : []);
  }

  unfold(open) {
    this.look.unfold(open);
    this.draw();
    this.canvas.top();
  }

  expand() {
    this.unfold(openWholly(this.boxes));
  }

  collapse() {
    this.unfold(new Set([ROOT]));
  }

  fit() {
    this.canvas.fit();
  }

  zoomBy(steps) {
    this.canvas.zoom(this.canvas.scale * STEP ** steps);
  }

  // Colours by a figure, by its number; by changes for none.
  colour(figure) {
    this.look.tell(figure);
    this.legend.tell(figure);
    this.root.classList.toggle("by-cost", figure !== undefined);
    this.draw();
  }

  save(kind) {
    const told = save(kind, this.look.plan(), this.canvas.element);
    told.then(
      (words) => this.tools.say(words),
      (error) => this.tools.say(`The picture could not be saved: ${error.message}.`),
    );
  }

  // A box stays where it is on the screen while it opens.
  toggle(id) {
    const before = this.canvas.placeOf(this.find(id));
    const open = new Set(this.look.open);
    if (!open.delete(id)) {
      open.add(id);
    }
    this.look.unfold(open);
    this.draw();
    this.canvas.put(this.find(id), before);
  }

  // Where a box is.
  find(id) {
    const outer = around(this.boxes, this.boxes.get(id)).map((box) => box.id);
    return locate(this.look.plan(), [...outer.reverse().slice(1), id]);
  }

  activate(id) {
    this.choose(id);
    if (this.boxes.get(id).cells) {
      this.toggle(id);
    }
    this.focus();
    this.tellAddress(id);
  }

  choose(id) {
    this.chosen = id;
    this.current = id;
    this.canvas.render(this.kept());
    tell(this.boxes.get(id), this.side, this);
  }

  focus() {
    this.picture.elements.get(this.current)?.focus({ preventScroll: true });
  }

  // For the page, whose address then leads here.
  tellAddress(id) {
    const detail = pathOf(this.boxes, this.boxes.get(id));
    this.root.dispatchEvent(new CustomEvent("modelcheck:address", { bubbles: true, detail }));
  }

  // Opens all that is around a box, chooses it, and brings it into sight.
  goTo(id, isCentred = true) {
    const outer = around(this.boxes, this.boxes.get(id)).map((box) => box.id);
    this.look.unfold(new Set([...this.look.open, ...outer]));
    this.chosen = id;
    this.current = id;
    this.draw();
    this.bring(id, isCentred);
    tell(this.boxes.get(id), this.side, this);
  }

  bring(id, isCentred) {
    const { plan, x, y } = this.find(id);
    const height = plan.open ? HEAD : plan.height;
    const across = plan.open ? Math.min(plan.left + plan.right, 240) : plan.left + plan.right;
    const [left, right] = [x - plan.left, x - plan.left + across];
    this.canvas.bring({ left, right, top: y, bottom: y + height }, isCentred);
    this.canvas.element.scrollIntoView({ block: "nearest" });
  }

  onClick(event) {
    const element = event.target.closest(".box");
    if (element) {
      this.activate(Number(element.dataset.id));
    }
  }

  act(name, ...rest) {
    const { walks, tools } = this;
    const acts = {
      seek: () => tools.seek(),
      change: (step) => walks.nextChange(step) && this.focus(),
      zoom: (steps) => this.zoomBy(steps),
      fit: () => this.fit(),
    };
    acts[name](...rest);
  }

  onKey(event) {
    const inPicture = this.canvas.element.contains(event.target);
    const act = actFor(event, inPicture);
    if (act) {
      event.preventDefault();
      this.act(...act);
      return;
    }
    const element = event.target.closest(".box");
    if (!element) {
      return;
    }
    const id = Number(element.dataset.id);
    const order = this.shown();
    const step = stepFor(event.key, this.boxes.get(id), this.look.open.has(id), order);
    if (step === "toggle") {
      event.preventDefault();
      this.activate(id);
    } else if (step !== undefined && order.includes(step)) {
      event.preventDefault();
      this.goTo(step, false);
      this.focus();
      this.tellAddress(step);
    }
  }

  has(path) {
    return boxAt(this.boxes, path) !== undefined;
  }

  // Leads to a module; a line says so if there is none, or if it has no box of its own.
  show(path) {
    const box = boxAt(this.boxes, path);
    if (!box) {
      this.tools.say(`There is no module ${path} in this graph.`);
      return;
    }
    const isItself = box.name === path;
    this.tools.say(isItself ? "" : `${path} is not called itself; this is the first in it.`);
    this.goTo(box.id);
    this.focus();
  }

  // Which boxes are found (or hold what is), chosen, and the one to reach by the tab key.
  mark() {
    this.canvas?.element.classList.toggle("searching", this.walks.hits.length > 0);
    const found = new Set(this.walks.hits.map((box) => visible(this.boxes, this.look.open, box)));
    for (const [id, element] of this.picture.elements) {
      element.classList.toggle("hit", found.has(id));
      element.classList.toggle("chosen", id === this.chosen);
      element.setAttribute("tabindex", id === this.current ? 0 : -1);
      element.setAttribute("aria-selected", id === this.chosen);
    }
  }
}
