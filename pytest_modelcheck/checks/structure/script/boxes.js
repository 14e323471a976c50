// The boxes of a diagram: operators, module calls, and runs of alike ones (diagram.py), by their
// numbers.

import { clip } from "../../../drawing/words.js";

export const ROOT = 0;
export const IN = -1; // where edges enter a box,
export const OUT = -2; // and leave it
const FEW = 7; // boxes that are shown at first, if nothing changed
const LONGEST_LABEL = 34;

const KINDS = [
  [/conv/i, "conv"],
  [/norm/i, "norm"],
  [/relu|gelu|silu|swish|sigmoid|softmax|tanh|hardt|mish|activation/i, "act"],
  [/pool|interpolate|upsample/i, "pool"],
  [/linear|lstm|gru|attention|embedding|matmul|einsum|^bmm$/i, "lin"],
  [/^(i?add|cat|mul|concat|stack|sub|div)_?$/i, "join"],
];

// A Map from number to box, of the data that `payload` of diagram.py made. Zeros are left out of
// these.
export function readBoxes(data) {
  const boxes = new Map();
  for (const [key, given] of Object.entries(data.boxes)) {
    const id = Number(key);
    const parent = id === ROOT ? undefined : (given.parent ?? ROOT);
    boxes.set(id, { ...given, id, parent, name: given.name ?? "", kind: kindOf(given) });
  }
  for (const box of boxes.values()) {
    box.label = labelOf(box, boxes.get(box.parent));
  }
  return boxes;
}

function kindOf(box) {
  if (box.parameter) {
    return "param";
  }
  const found = KINDS.find(([pattern]) => pattern.test(box.title));
  return found ? found[1] : "op";
}

// A box's name without that of the box around it.
export function labelOf(box, around) {
  const outer = around?.name && !around.repeat ? `${around.name}.` : "";
  const own = outer && box.name.startsWith(outer) ? box.name.slice(outer.length) : box.name;
  return clip(own, LONGEST_LABEL);
}

export function childrenOf(boxes, box) {
  const inside = (box.cells ?? []).filter(([id]) => id >= 0);
  return inside.map(([id]) => boxes.get(id));
}

// The boxes around a box, from the inside out.
export function around(boxes, box) {
  const found = [];
  for (let outer = boxes.get(box.parent); outer; outer = boxes.get(outer.parent)) {
    found.push(outer);
  }
  return found;
}

// Numbers of the boxes that are open at first: where something changed, else so that a handful is
// seen.
export function openAtFirst(boxes) {
  const root = boxes.get(ROOT);
  const open = new Set([ROOT]);
  if (root.status) {
    const changed = [...boxes.values()].filter((box) => box.cells && box.status === "changed");
    return new Set([ROOT, ...changed.map((box) => box.id)]);
  }
  let shown = childrenOf(boxes, root);
  const opens = (box) => box.cells && !open.has(box.id) && !box.repeat && !box.view;
  for (let next = shown.find(opens); next && shown.length < FEW; next = shown.find(opens)) {
    open.add(next.id);
    shown = shown.concat(childrenOf(boxes, next));
  }
  return open;
}

// Numbers of all that can be opened, but for views, which say nothing more.
export function openWholly(boxes) {
  const inner = [...boxes.values()].filter((box) => box.cells && !box.view);
  return new Set([ROOT, ...inner.map((box) => box.id)]);
}

// The number of the box itself, or of the outermost closed one it is in.
export function visible(boxes, open, box) {
  const closed = around(boxes, box).filter((outer) => !open.has(outer.id));
  return (closed.at(-1) ?? box).id;
}

// All boxes but the model itself, each before those in it, from the top to the bottom.
export function inOrder(boxes, box = boxes.get(ROOT), found = []) {
  for (const child of childrenOf(boxes, box)) {
    found.push(child);
    inOrder(boxes, child, found);
  }
  return found;
}

// Whether a box's name is a module's path: not so of operators, parameters and runs.
function isModule(box) {
  return box.name !== "" && !box.parameter && !box.fold;
}

// The path of the module that a box is, begins with, or is in; "" for the model.
export function pathOf(boxes, box) {
  if (isModule(box)) {
    return box.name;
  }
  const first = box.fold ? childrenOf(boxes, box).find(isModule) : undefined;
  return (first ?? around(boxes, box).find(isModule))?.name ?? "";
}

// The box of a module's path; of a module that is not called itself (a list), the first one inside
// it.
export function boxAt(boxes, path) {
  const modules = [...boxes.values()].filter(isModule);
  const inside = (box) => box.name.startsWith(`${path}.`);
  return modules.find((box) => box.name === path) ?? modules.find(inside);
}
