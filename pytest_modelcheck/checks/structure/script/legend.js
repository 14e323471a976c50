// What colours and marks of the picture mean, and what keys do.

import { make } from "../../../drawing/dom.js";

const STATUSES = [
  ["added", "+ new"],
  ["removed", "− gone"],
  ["changed", "± changed, or something in it"],
];
const WAYS = [
  ["added", "new edge"],
  ["removed", "edge that is gone"],
  ["changed", "edge that carries something else"],
];
const KINDS = [
  ["conv", "convolution"],
  ["norm", "normalisation"],
  ["act", "activation"],
  ["pool", "pooling, resizing"],
  ["lin", "linear, attention, recurrent"],
  ["join", "joins: add, cat, mul"],
];
const SIGNS = [
  ["▸ ▾", "opens, closes"],
  ["×12", "so many alike, one after the other"],
  ["1×64×8×8", "shape of what goes along an edge"],
];
const KEYS = [
  ["drag", "moves the picture"],
  ["Ctrl + wheel, + −", "zoom; after a click into the picture the wheel alone moves it"],
  ["arrows, Home, End", "from box to box"],
  ["Enter", "opens, closes"],
  ["/", "search; there Enter is the next, Shift + Enter the one before"],
  ["n p", "next, previous change"],
  ["0", "all of it"],
];
const SHARES = [0.01, 0.1, 0.5, 1];

// Returns what tells the legend by which figure boxes are coloured.
export function buildLegend(root, viewer) {
  const legend = make("details", { class: "legend" }, root);
  make("summary", {}, legend, "Legend and keys");
  const list = make("ul", {}, legend);
  const heat = make("ul", { class: "heat" }, legend);
  heat.hidden = true;
  const boxes = [...viewer.boxes.values()];
  for (const [status, words] of STATUSES.filter(([one]) => boxes.some((b) => b.status === one))) {
    entry(list, status, words);
  }
  const ways = new Set(boxes.flatMap((box) => (box.routes ?? []).map((route) => route[6])));
  for (const [status, words] of WAYS.filter(([one]) => ways.has(one))) {
    entry(list, `edge ${status}`, words);
  }
  for (const [kind, words] of KINDS.filter(([one]) => boxes.some((box) => box.kind === one))) {
    entry(list, `stripe ${kind}`, words);
  }
  if (boxes.some((box) => box.view)) {
    entry(list, "view", "only reads the same numbers another way");
  }
  for (const [sign, words] of SIGNS) {
    told(list, sign, words);
  }
  const keys = make("ul", { class: "keys" }, legend);
  for (const [key, words] of KEYS) {
    told(keys, key, words);
  }
  return { tell: (figure) => tellHeat(heat, viewer.figures[figure]) };
}

function entry(list, swatch, words) {
  const item = make("li", {}, list);
  make("span", { class: `swatch ${swatch}`, "aria-hidden": true }, item);
  item.append(words);
}

function told(list, sign, words) {
  const item = make("li", {}, list);
  make("code", {}, item, sign);
  item.append(` ${words}`);
}

function tellHeat(heat, figure) {
  heat.hidden = !figure;
  heat.replaceChildren();
  if (figure) {
    make("li", {}, heat, `share of the model's ${figure.title}, ${figure.total}:`);
    for (const share of SHARES) {
      const item = make("li", {}, heat);
      const swatch = make("span", { class: "swatch heat", "aria-hidden": true }, item);
      swatch.style.setProperty("--share", Math.sqrt(share));
      item.append(`${share * 100} %`);
    }
  }
}
