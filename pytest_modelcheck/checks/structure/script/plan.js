// Sizes and places. Rows, columns and tracks come with the data (grid.py); here they get widths
// and heights.
//
// A box's plan holds `left` and `right`, how far it reaches to either side of its chain, its
// `height`, and if it is open, where in it things are: `kids` (the plans inside, each with its
// place), `ways` (the edges) and `shapes`. Places are relative to the chain at the box's upper
// edge, in pixels at scale 1. Plans are kept: what did not change is not planned again.

import { percent, short } from "../../../drawing/words.js";
import { around, IN, OUT, ROOT } from "./boxes.js";

export const HEAD = 28; // height of an open box's title
export const FRAME = 14; // between an open box and what is in it
const GAP = 20; // between rows,
const TRACK = 8; // and more for each edge that runs between them
const BETWEEN = 14; // columns
const SHAPE = 17; // height of a shape below a box
const RAIL = 5; // half of the width of an edge's column
const LEAST = 72; // width of a box

// A status is never told by its colour alone.
const MARKS = { added: "+ ", removed: "− ", changed: "± " };

// How the boxes are looked at: those that are `open`, `width(text, font)`, and the number of the
// `figure` that they tell, if they are coloured by one.
export class Look {
  constructor(boxes, open, width) {
    this.boxes = boxes;
    this.width = width;
    this.plans = new Map();
    this.unfold(open);
  }

  // Which boxes are open from now on.
  unfold(open) {
    const changed = [...open].filter((id) => !this.open?.has(id));
    changed.push(...[...(this.open ?? [])].filter((id) => !open.has(id)));
    this.open = new Set(open);
    for (const id of changed) {
      this.forget(id);
    }
  }

  // What a box looks like has changed, and so has all around it.
  forget(id) {
    this.plans.delete(id);
    for (const outer of around(this.boxes, this.boxes.get(id))) {
      this.plans.delete(outer.id);
    }
  }

  tell(figure) {
    this.figure = figure;
    this.plans.clear();
  }

  // The plan of the model.
  plan() {
    return planBox(this.boxes.get(ROOT), this);
  }
}

export function planBox(box, look) {
  if (!look.plans.has(box.id)) {
    look.plans.set(box.id, planAnew(box, look));
  }
  return look.plans.get(box.id);
}

function planAnew(box, look) {
  const isOpen = Boolean(box.cells) && look.open.has(box.id);
  const fold = box.cells ? (isOpen ? "▾ " : "▸ ") : "";
  const repeat = box.repeat ? ` ×${box.repeat}` : "";
  const text = `${fold}${MARKS[box.status] ?? ""}${box.title}${repeat}`;
  const count = countOf(box, look);
  const share = box.figures?.[look.figure]?.[0] ?? 0;
  const head = look.width(text, "title") + (count ? look.width(count, "count") + 14 : 0) + 24;
  const label = look.width(box.label, "name");
  const told = { box, text, count, share, open: isOpen };
  if (isOpen) {
    return { ...told, ...planInside(box, head + label + 16, look) };
  }
  const half = Math.max(LEAST, head, label + 24) / 2;
  return { ...told, left: half, right: half, height: box.label ? 40 : 26 };
}

// What stands at a box's right: the figure that it is coloured by, else its parameters.
function countOf(box, look) {
  if (look.figure !== undefined) {
    const [share, words] = box.figures?.[look.figure] ?? [];
    return share ? `${words} · ${percent(share)}` : "";
  }
  return box.params ? short(box.params) + (box.frozen ? " frozen" : "") : "";
}

function planInside(box, head, look) {
  const shapes = shapesOf(box);
  const plans = new Map();
  for (const [id] of box.cells) {
    if (id >= 0) {
      plans.set(id, planBox(look.boxes.get(id), look));
    }
  }
  const columns = placeColumns(box, plans, shapes, look);
  const rows = placeRows(box, plans, shapes);
  const places = new Map(
    box.cells.map(([id, row, column]) => [id, { row, x: columns.x.get(column) }]),
  );
  const frame = box.id === ROOT ? 4 : FRAME;
  const left = columns.left + frame;
  const kids = [];
  const labels = [];
  for (const [id, plan] of plans) {
    const { row, x } = places.get(id);
    const y = rows.tops[row];
    kids.push({ plan, x, y });
    if (shapes.has(id)) {
      labels.push({ text: shapes.get(id), x: x + 7, y: y + plan.height + 12 });
    }
  }
  const height = rows.bottom + (box.id === ROOT ? 8 : FRAME);
  const ways = box.routes.map((route) =>
    planWay(route, { box, plans, places, columns, rows, height }),
  );
  return {
    left,
    right: Math.max(columns.right + frame, head - left),
    height,
    kids,
    shapes: labels,
    ways,
  };
}

// The shape that stands below each box: that of its first edge with one.
function shapesOf(box) {
  const shapes = new Map();
  for (const [source, , shape] of box.routes) {
    if (source >= 0 && shape && !shapes.has(source)) {
      shapes.set(source, shape);
    }
  }
  return shapes;
}

// Where columns are: `x` by column, from the middle of column 0, and how far all reach to the
// `left` and `right`.
function placeColumns(box, plans, shapes, look) {
  const columns = new Map();
  const reach = (column, left, right) => {
    const known = columns.get(column) ?? { left: 0, right: 0 };
    columns.set(column, { left: Math.max(known.left, left), right: Math.max(known.right, right) });
  };
  for (const [id, , column] of box.cells) {
    if (id < 0) {
      reach(column, 6, 6);
      continue;
    }
    const { left, right } = plans.get(id);
    const shape = shapes.get(id);
    reach(column, left, Math.max(right, shape ? look.width(shape, "shape") + 10 : 0));
  }
  for (const [, , , rail] of box.routes) {
    reach(rail, RAIL, RAIL);
  }
  const edges = new Map();
  let edge = 0;
  for (const column of [...columns.keys()].sort((a, b) => a - b)) {
    const { left, right } = columns.get(column);
    edges.set(column, edge + left);
    edge += left + right + BETWEEN;
  }
  const middle = edges.get(0) ?? 0;
  const x = new Map([...edges].map(([column, place]) => [column, place - middle]));
  return { x, left: middle, right: edge - BETWEEN - middle };
}

// Where rows are: the `tops` and `heights` of each, and the `bottom` of the last.
function placeRows(box, plans, shapes) {
  const heights = box.tracks.map(() => 0);
  for (const [id, row] of box.cells) {
    if (id >= 0) {
      const height = plans.get(id).height + (shapes.has(id) ? SHAPE : 0);
      heights[row] = Math.max(heights[row], height);
    }
  }
  const tops = [];
  let bottom = box.id === ROOT ? 6 : HEAD + 6;
  heights.forEach((height, row) => {
    tops.push(bottom);
    const isLast = row + 1 === heights.length;
    bottom += height + (isLast ? 0 : GAP + TRACK * box.tracks[row]);
  });
  return { tops, heights, bottom };
}

// An edge's corners: down from its source, along a track to its rail, down, along a track, down to
// its target.
function planWay([source, target, , rail, track, last, status], inside) {
  const { box, plans, places, columns, rows, height } = inside;
  const from = places.get(source);
  const to = places.get(target);
  const x = columns.x.get(rail);
  const below = (row, index) => rows.tops[row] + rows.heights[row] + 9 + TRACK * index;
  const start = rows.tops[from.row] + (plans.get(source)?.height ?? 0);
  const points = [[from.x, source === IN ? (box.id === ROOT ? 0 : HEAD) : start]];
  if (x !== from.x) {
    points.push([from.x, below(from.row, track)], [x, below(from.row, track)]);
  }
  if (x !== to.x) {
    points.push([x, below(to.row - 1, last)], [to.x, below(to.row - 1, last)]);
  }
  points.push([to.x, target === OUT ? height : rows.tops[to.row]]);
  return { points, status: status ?? "", leaves: target === OUT, ...extentOf(points) };
}

function extentOf(points) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const extent = { left: Math.min(...xs), right: Math.max(...xs) };
  return { ...extent, top: ys[0], bottom: ys.at(-1) };
}

// Where a box is, by the numbers of the boxes around it and its own, or the outermost closed one of
// these: its plan, and its chain's place from the model's.
export function locate(plan, path) {
  let [at, x, y] = [plan, 0, 0];
  for (const id of path) {
    const kid = at.kids?.find((one) => one.plan.box.id === id);
    if (!kid) {
      break;
    }
    [at, x, y] = [kid.plan, x + kid.x, y + kid.y];
  }
  return { plan: at, x, y };
}

// The numbers of all boxes that a plan shows, each before those in it.
export function shownIn(plan, found = []) {
  for (const kid of plan.kids ?? []) {
    found.push(kid.plan.box.id);
    shownIn(kid.plan, found);
  }
  return found;
}
