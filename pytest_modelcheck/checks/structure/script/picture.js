// A plan, drawn: of it what is in sight, and elements stay as long as their plan does. Boxes are
// items of a tree, those inside a box its group: assistive technology walks them as the keyboard does.

import { draw } from "../../../drawing/dom.js";
import { bend } from "./bend.js";
import { width } from "./text.js";
import { from, meets } from "./view.js";

const TIP = {
  viewBox: "0 0 8 8",
  refX: 7,
  refY: 4,
  markerWidth: 8,
  markerHeight: 8,
  orient: "auto",
  markerUnits: "userSpaceOnUse",
};
const LEGIBLE = 0.25; // the scale below which no text is drawn
const SEEN = 0.5; // pixels on the screen, below which a box is not drawn,
const OPEN = 3; // or nothing in it

export class Picture {
  // `id` begins the ids in it.
  constructor(id) {
    this.id = id;
    this.elements = new Map(); // of boxes that are drawn, by number
    this.drawn = new Map(); // the same with what is in them
    this.svg = draw("svg", { role: "tree", "aria-label": "modules and operators" });
    const tips = draw("defs", {}, this.svg);
    for (const status of ["", "added", "removed", "changed"]) {
      const tip = draw("marker", { id: this.tip(status), class: `tip ${status}`, ...TIP }, tips);
      draw("path", { d: "M0 0L8 4L0 8z" }, tip);
    }
    this.model = layer(draw("g", { role: "none" }, this.svg), "none");
  }

  tip(status) {
    return status ? `${this.id}-tip-${status}` : `${this.id}-tip`;
  }

  // Draws what of a plan is in sight: `view`, from the model's chain, at `scale`. Boxes in `kept`
  // are drawn wherever they are.
  show(plan, view, scale, kept = new Set()) {
    const isLegible = scale >= LEGIBLE;
    if (this.isLegible !== isLegible) {
      this.isLegible = isLegible;
      this.svg.classList.toggle("small", !isLegible);
      this.elements.clear();
      this.drawn.clear();
      empty(this.model);
    }
    this.scale = scale;
    this.kept = kept;
    this.model.g.setAttribute("transform", `translate(${plan.left},0)`);
    this.fill(this.model, plan, view, 1);
  }

  // What is inside a box: edges, shapes, and boxes in their order.
  fill(inside, plan, view, level) {
    if (inside.plan !== plan) {
      inside.lines.replaceChildren();
      inside.parts.clear();
      inside.plan = plan;
    }
    plan.ways.forEach((way, index) => {
      show(inside, index, meets(way, view), () => this.way(way, inside.lines));
    });
    plan.shapes.forEach((shape, index) => {
      const isSeen = this.isLegible && shape.y > view.top && shape.y < view.bottom + 12;
      show(inside, `shape ${index}`, isSeen, () => label(shape, inside.lines));
    });
    const all = plan.kids.map((kid, index) => ({ kid, index }));
    const seen = all.filter(({ kid }) => this.isSeen(kid, view));
    const ones = seen.map(({ kid, index }) => this.box(kid, level, index, all.length));
    arrange(inside.kids, ones, (element) => this.drop(element));
    ones.forEach((one, place) => {
      const { kid } = seen[place];
      if (one.inside) {
        this.fill(one.inside, kid.plan, from(view, kid.x, kid.y), level + 1);
      }
    });
  }

  isSeen({ plan, x, y }, view) {
    const { box, left, right, height } = plan;
    const rectangle = { left: x - left, right: x + right, top: y, bottom: y + height };
    return this.kept.has(box.id) || (height * this.scale >= SEEN && meets(rectangle, view));
  }

  // Takes a box out.
  drop(g) {
    for (const element of [g, ...g.querySelectorAll("[data-id]")]) {
      this.elements.delete(Number(element.dataset.id));
      this.drawn.delete(Number(element.dataset.id));
    }
    g.remove();
  }

  // A box's element, made unless it is there.
  box({ plan, x, y }, level, index, count) {
    const { box } = plan;
    let one = this.drawn.get(box.id);
    const isOpen = plan.open && (plan.height * this.scale >= OPEN || this.kept.has(box.id));
    if (one && Boolean(one.inside) !== isOpen) {
      this.drop(one.g);
      one = undefined;
    }
    if (!one) {
      const g = draw("g", { "data-id": box.id, tabindex: -1, role: "treeitem" });
      one = { g, inside: isOpen ? layer(draw("g", { role: "none" }), "group") : undefined };
      this.drawn.set(box.id, one);
      this.elements.set(box.id, g);
    }
    if (one.plan !== plan) {
      this.dress(one, plan);
    }
    const place = `translate(${x},${y})`;
    set(one.g, { transform: place, "aria-level": level });
    set(one.g, { "aria-posinset": index + 1, "aria-setsize": count });
    return one;
  }

  // All of a box but what is inside.
  dress(one, plan) {
    const { g } = one;
    one.plan = plan;
    g.replaceChildren();
    set(g, { class: classesOf(plan), "aria-expanded": plan.box.cells ? plan.open : undefined });
    g.style.setProperty("--share", Math.sqrt(plan.share).toFixed(3));
    drawFrame(plan, g);
    if (this.isLegible) {
      drawTexts(plan, g);
    }
    if (one.inside) {
      g.append(one.inside.g);
    }
  }

  way({ points, status, leaves }, parent) {
    const tip = leaves ? {} : { "marker-end": `url(#${this.tip(status)})` };
    const way = draw("path", { class: status ? `way ${status}` : "way", d: bend(points), ...tip });
    // What is gone lies below what is there.
    (status === "removed" ? parent.prepend : parent.append).call(parent, way);
    return way;
  }
}

// A place for what is inside a box. Edges come first: they lie below.
function layer(g, role) {
  const lines = draw("g", { "aria-hidden": true }, g);
  return { g, lines, kids: draw("g", { role }, g), parts: new Map() };
}

// Puts the elements that are wanted into their order. Those that are there stay where they are, and
// with them the focus.
function arrange(parent, ones, drop) {
  const wanted = new Set(ones.map(({ g }) => g));
  for (const element of [...parent.children].filter((child) => !wanted.has(child))) {
    drop(element);
  }
  let next = parent.firstChild;
  for (const { g } of ones) {
    if (g !== next) {
      parent.insertBefore(g, next);
    }
    next = g.nextSibling;
  }
}

function empty(inside) {
  inside.lines.replaceChildren();
  inside.kids.replaceChildren();
  inside.parts.clear();
  inside.plan = undefined;
}

function show(inside, key, isSeen, make) {
  const known = inside.parts.get(key);
  if (isSeen && !known) {
    inside.parts.set(key, make());
  } else if (!isSeen && known) {
    known.remove();
    inside.parts.delete(key);
  }
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) {
      element.removeAttribute(name);
    } else if (element.getAttribute(name) !== String(value)) {
      element.setAttribute(name, value);
    }
  }
}

function label({ text, x, y }, parent) {
  return draw("text", { class: "shape", x, y }, parent, text);
}

function classesOf({ box, open }) {
  const kinds = ["box", box.kind, box.cells && "module", open && "open"];
  return [...kinds, box.view && "view", box.status].filter(Boolean).join(" ");
}

function drawFrame({ box, open, left, right, height }, g) {
  // A title, as the label of an open box is not all that is written in it.
  draw("title", {}, g, [box.title, box.name, box.shape, box.status].filter(Boolean).join(", "));
  const size = { width: left + right, height, rx: 6 };
  if (box.repeat && !open) {
    draw("rect", { class: "frame", x: 4 - left, y: 4, ...size }, g);
  }
  draw("rect", { class: "frame", x: -left, y: 0, ...size }, g);
  if (!box.cells && box.kind !== "op") {
    draw("rect", { class: "stripe", x: -left, y: 0, width: 5, height, rx: 2 }, g);
  }
}

function drawTexts(plan, g) {
  const { box, text, count, open, left, right } = plan;
  draw("text", { class: "title", x: 12 - left, y: 17 }, g, text);
  if (box.label) {
    const beside = { x: 20 - left + width(text, "title"), y: 17 };
    draw("text", { class: "name", ...(open ? beside : { x: 12 - left, y: 32 }) }, g, box.label);
  }
  if (count) {
    draw("text", { class: "count", x: right - 9, y: 17, "text-anchor": "end" }, g, count);
  }
}
