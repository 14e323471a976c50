// A plan, drawn. Boxes are items of a tree, which assistive technology walks as the keyboard does.

import { draw } from "../../../drawing/dom.js";
import { bend } from "./plan.js";

const FONTS = {
  title: "600 12.5px system-ui, sans-serif",
  name: "10.5px monospace",
  count: "10.5px system-ui, sans-serif",
  shape: "10px monospace",
};
const TIP = {
  viewBox: "0 0 8 8",
  refX: 7,
  refY: 4,
  markerWidth: 8,
  markerHeight: 8,
  orient: "auto",
  markerUnits: "userSpaceOnUse",
};

const widths = new Map();
let pen;

// A text's width in pixels, and a little more: fonts differ.
export function width(text, font) {
  const key = `${font} ${text}`;
  if (!widths.has(key)) {
    pen ??= document.createElement("canvas").getContext("2d");
    pen.font = FONTS[font];
    widths.set(key, pen.measureText(text).width * 1.06);
  }
  return widths.get(key);
}

// The picture of the model's plan, and the element of each box by its number. `id` begins the ids
// in it.
export function drawPicture(plan, id) {
  const svg = draw("svg", { role: "tree", "aria-label": "modules and operators" });
  const tips = draw("defs", {}, svg);
  for (const status of ["", "added", "removed"]) {
    const tip = draw("marker", { id: tipId(id, status), class: `tip ${status}`, ...TIP }, tips);
    draw("path", { d: "M0 0L8 4L0 8z" }, tip);
  }
  const elements = new Map();
  const middle = draw("g", { role: "none", transform: `translate(${plan.left},0)` }, svg);
  drawInside(plan, middle, { id, elements });
  return { svg, elements };
}

function tipId(id, status) {
  return status ? `${id}-tip-${status}` : `${id}-tip`;
}

function drawInside(plan, parent, picture) {
  for (const { points, status, leaves } of plan.ways) {
    const tip = leaves ? {} : { "marker-end": `url(#${tipId(picture.id, status)})` };
    draw("path", { class: status ? `way ${status}` : "way", d: bend(points), ...tip }, parent);
  }
  for (const { text, x, y } of plan.shapes) {
    draw("text", { class: "shape", x, y }, parent, text);
  }
  for (const { plan: inner, x, y } of plan.kids) {
    drawBox(inner, x, y, parent, picture);
  }
}

function drawBox(plan, x, y, parent, picture) {
  const { box } = plan;
  const g = draw("g", { ...attributesOf(plan), transform: `translate(${x},${y})` }, parent);
  picture.elements.set(box.id, g);
  // A title, as the label of an open box is not all that is written in it.
  draw("title", {}, g, [box.title, box.name, box.shape, box.status].filter(Boolean).join(", "));
  drawFrame(plan, g);
  draw("text", { class: "title", x: 12 - plan.left, y: 17 }, g, plan.text);
  if (box.label) {
    const beside = { x: 20 - plan.left + width(plan.text, "title"), y: 17 };
    draw(
      "text",
      { class: "name", ...(plan.open ? beside : { x: 12 - plan.left, y: 32 }) },
      g,
      box.label,
    );
  }
  if (plan.count) {
    draw("text", { class: "count", x: plan.right - 9, y: 17, "text-anchor": "end" }, g, plan.count);
  }
  if (plan.open) {
    drawInside(plan, draw("g", { role: "group" }, g), picture);
  }
}

function attributesOf({ box, open }) {
  const classes = [
    "box",
    box.kind,
    box.cells && "module",
    open && "open",
    box.view && "view",
    box.status,
  ];
  return {
    class: classes.filter(Boolean).join(" "),
    "data-id": box.id,
    tabindex: -1,
    role: "treeitem",
    ...(box.cells ? { "aria-expanded": open } : {}),
  };
}

function drawFrame({ box, open, left, right, height }, g) {
  const size = { width: left + right, height, rx: 6 };
  if (box.repeat && !open) {
    draw("rect", { class: "frame", x: 4 - left, y: 4, ...size }, g);
  }
  draw("rect", { class: "frame", x: -left, y: 0, ...size }, g);
  if (!box.cells && box.kind !== "op") {
    draw("rect", { class: "stripe", x: -left, y: 0, width: 5, height, rx: 2 }, g);
  }
}
