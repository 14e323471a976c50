// The viewer's logic, on a small graph: what it opens, finds and says, and where it puts things.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bend } from "../../pytest_modelcheck/checks/structure/script/bend.js";
import * as model from "../../pytest_modelcheck/checks/structure/script/boxes.js";
import { changesOf, nextOf } from "../../pytest_modelcheck/checks/structure/script/changes.js";
import { actFor, stepFor } from "../../pytest_modelcheck/checks/structure/script/keys.js";
import { Look, locate, shownIn } from "../../pytest_modelcheck/checks/structure/script/plan.js";
import { findBoxes } from "../../pytest_modelcheck/checks/structure/script/search.js";
import { factsOf } from "../../pytest_modelcheck/checks/structure/script/side.js";

const { IN, OUT, ROOT } = model;

// A chain of boxes on a grid, as grid.py lays it out.
function chain(...ids) {
  const all = [IN, ...ids, OUT];
  return {
    cells: all.map((id, row) => [id, row, 0]),
    routes: all.slice(1).map((id, row) => [all[row], id, "", 0, 0, 0]),
    tracks: all.map(() => 0),
  };
}

// Net(0): stem Conv2d(1), blocks (a list, not called) with runs of Block(2: 3, 4, 5), add(9).
// Each Block: conv, and an operator relu.
function data(changes = {}) {
  const block = (name, conv, relu) => ({ title: "Block", name, parent: 2, ...chain(conv, relu) });
  const boxes = {
    0: { title: "Net", ...chain(1, 2, 9) },
    1: { title: "Conv2d", name: "stem", params: 1728, shape: "1×8×8", attributes: "3, 64" },
    2: { title: "Block", name: "blocks.0 … 2", repeat: 3, fold: true, ...chain(3, 4, 5) },
    3: block("blocks.0", 10, 11),
    4: block("blocks.1", 12, 13),
    5: block("blocks.2", 14, 15),
    9: { title: "add" },
    10: { title: "Conv2d", name: "blocks.0.conv", parent: 3 },
    11: { title: "relu", parent: 3 },
    12: { title: "Conv2d", name: "blocks.1.conv", parent: 4 },
    13: { title: "relu", parent: 4 },
    14: { title: "Conv2d", name: "blocks.2.conv", parent: 5 },
    15: { title: "relu", parent: 5 },
  };
  for (const [id, change] of Object.entries(changes)) {
    Object.assign(boxes[id], change);
  }
  return { boxes };
}

const boxes = model.readBoxes(data());
const width = (text) => text.length * 6;
const ids = (found) => found.map((box) => box.id);

test("a box knows what it is in, its kind, and its name within that", () => {
  const { parent, kind, label } = boxes.get(10);
  assert.deepEqual({ parent, kind, label }, { parent: 3, kind: "conv", label: "conv" });
  assert.equal(boxes.get(1).parent, ROOT);
  assert.equal(boxes.get(ROOT).parent, undefined);
  assert.equal(boxes.get(3).label, "blocks.0"); // within a run the whole name
  assert.deepEqual(ids(model.around(boxes, boxes.get(10))), [3, 2, 0]);
});

test("labels are shortened by the box around alone, and clipped", () => {
  assert.equal(model.labelOf({ name: "body.10.conv" }, { name: "body.1" }), "body.10.conv");
  assert.equal(model.labelOf({ name: "body.1.conv" }, { name: "body.1" }), "conv");
  assert.equal(model.labelOf({ name: "body" }, undefined), "body");
  assert.equal(model.labelOf({ name: "x".repeat(60) }, undefined).length, 34);
});

const KINDS = {
  Conv2d: "conv",
  BatchNorm2d: "norm",
  GELU: "act",
  MaxPool2d: "pool",
  Linear: "lin",
  add_: "join",
  address: "op",
};
for (const [title, kind] of Object.entries(KINDS)) {
  test(`${title} is drawn as ${kind}`, () => {
    assert.equal(model.readBoxes({ boxes: { 0: { title } } }).get(ROOT).kind, kind);
  });
}

test("at first runs are closed; where something changed, that is open and nothing else", () => {
  assert.deepEqual([...model.openAtFirst(boxes)], [ROOT]);
  const changes = { 0: { status: "changed" }, 2: { status: "changed" }, 4: { status: "changed" } };
  assert.deepEqual([...model.openAtFirst(model.readBoxes(data(changes)))], [ROOT, 2, 4]);
});

test("few boxes are opened until there is a handful", () => {
  const inner = { title: "Body", name: "body", ...chain(2, 3) };
  const few = { 0: { title: "Net", ...chain(1) }, 1: inner, 2: { title: "a", parent: 1 } };
  const read = model.readBoxes({ boxes: { ...few, 3: { title: "b", parent: 1 } } });
  assert.deepEqual([...model.openAtFirst(read)], [ROOT, 1]);
});

test("all that opens is opened, but for views", () => {
  assert.deepEqual([...model.openWholly(boxes)], [ROOT, 2, 3, 4, 5]);
  const views = model.readBoxes(data({ 2: { view: true } }));
  assert.ok(!model.openWholly(views).has(2));
});

test("the search finds titles and names, and shows the closed box that a hit is in", () => {
  assert.deepEqual(ids(findBoxes(boxes, "conv2d")), [1, 10, 12, 14]);
  assert.deepEqual(ids(findBoxes(boxes, " BLOCKS.1 ")), [4, 12]);
  assert.deepEqual(ids(findBoxes(boxes, "conv")), [10, 12, 14, 1]); // called so, before what begins so
  assert.deepEqual(findBoxes(boxes, " "), []);
  assert.deepEqual(findBoxes(boxes, "net"), []); // the model itself is no hit
  assert.equal(model.visible(boxes, new Set([ROOT]), boxes.get(12)), 2);
  assert.equal(model.visible(boxes, new Set([ROOT, 2]), boxes.get(12)), 4);
  assert.equal(model.visible(boxes, new Set([ROOT, 2, 4]), boxes.get(12)), 12);
});

test("a box has a module's path, and a path leads to a box", () => {
  const paths = { 0: "", 1: "stem", 2: "blocks.0", 9: "", 11: "blocks.0", 12: "blocks.1.conv" };
  for (const [id, path] of Object.entries(paths)) {
    assert.equal(model.pathOf(boxes, boxes.get(Number(id))), path, id);
  }
  assert.equal(model.boxAt(boxes, "blocks.1").id, 4);
  assert.equal(model.boxAt(boxes, "blocks").id, 3); // a list is not called: the first in it
  assert.equal(model.boxAt(boxes, "block"), undefined);
  assert.equal(model.boxAt(boxes, "blocks.0 … 2"), undefined); // a run's name is no path
});

test("a parameter's name is none of a module", () => {
  const read = model.readBoxes(data({ 9: { parameter: true, name: "frozen" } }));
  assert.equal(read.get(9).kind, "param");
  assert.equal(model.pathOf(read, read.get(9)), "");
  assert.equal(model.boxAt(read, "frozen"), undefined);
});

function plan(open, read = boxes) {
  return new Look(read, new Set(open), width).plan();
}

function overlaps(kids) {
  const spans = kids.map(({ plan: { height }, y }) => [y, y + height]).sort((a, b) => a[0] - b[0]);
  return spans.some(([y], i) => i > 0 && y < spans[i - 1][1]);
}

test("a chain is straight, its boxes below each other", () => {
  const { kids, ways, left, right } = plan([ROOT, 2, 3]);
  assert.deepEqual(
    kids.map((kid) => [kid.plan.box.id, kid.x]),
    [
      [1, 0],
      [2, 0],
      [9, 0],
    ],
  );
  assert.ok(!overlaps(kids));
  assert.ok(ways.every(({ points }) => points.length === 2 && points.every(([x]) => x === 0)));
  assert.ok(kids.every((kid) => kid.plan.left <= left && kid.plan.right <= right));
  const run = kids[1].plan;
  assert.ok(run.open && run.kids[0].plan.open && !run.kids[1].plan.open);
  assert.ok(run.height > run.kids.reduce((sum, kid) => sum + kid.plan.height, 0));
});

test("an edge leaves its box below and enters the next one above", () => {
  const { kids, ways, height } = plan([ROOT]);
  const ends = ways.map(({ points }) => [points[0][1], points.at(-1)[1]]);
  assert.deepEqual(ends[1], [kids[0].y + kids[0].plan.height, kids[1].y]);
  assert.equal(ends.at(-1)[1], height);
  assert.deepEqual(
    ways.map((way) => way.leaves),
    [false, false, false, true],
  );
});

test("an edge past a box keeps to its own column and goes around the corner", () => {
  const net = { title: "Net", ...chain(1, 2) };
  net.routes.push([IN, OUT, "", 1, 0, 0, "added"]);
  net.cells.push([IN, 0, 0]);
  const read = model.readBoxes({ boxes: { 0: net, 1: { title: "a" }, 2: { title: "b" } } });
  const { ways, kids, right } = plan([ROOT], read);
  const way = ways.at(-1);
  assert.equal(way.status, "added");
  const x = way.points[1 + 1][0];
  assert.ok(kids.every((kid) => kid.plan.right < x) && x < right);
  assert.match(bend(way.points), /^M0 0L.*Q.*L0 \d+/);
});

test("a shape stands below its box and makes room for itself", () => {
  const bare = plan([ROOT]);
  const given = data();
  given.boxes[0].routes[1][2] = "1×64×8×8";
  const told = plan([ROOT], model.readBoxes(given));
  assert.deepEqual(
    told.shapes.map((shape) => shape.text),
    ["1×64×8×8"],
  );
  assert.ok(told.shapes[0].y > told.kids[0].y + told.kids[0].plan.height);
  assert.ok(told.height > bare.height);
});

test("a title says whether a box opens, what became of it, how often it is there, what it holds", () => {
  const read = model.readBoxes(data({ 2: { status: "changed", params: 4096, frozen: true } }));
  const [, run] = plan([ROOT], read).kids;
  assert.equal(run.plan.text, "▸ ± Block ×3");
  assert.equal(run.plan.count, "4.1 k frozen");
  assert.equal(plan([ROOT, 2], read).kids[1].plan.text, "▾ ± Block ×3");
});

test("corners are rounded, by no more than half of the way", () => {
  const straight = bend([
    [0, 0],
    [0, 9],
  ]);
  assert.equal(straight, "M0 0L0 9");
  const corner = bend([
    [0, 0],
    [0, 20],
    [4, 20],
  ]);
  assert.equal(corner, "M0 0L0 15Q0 20 2 20L4 20");
});

const KEYS = [
  ["Enter", 2, false, "toggle"],
  [" ", 1, false, "toggle"],
  ["ArrowRight", 2, false, "toggle"],
  ["ArrowRight", 2, true, 3],
  ["ArrowRight", 1, false, 2],
  ["ArrowLeft", 2, true, "toggle"],
  ["ArrowLeft", 4, false, 2],
  ["ArrowLeft", 0, false, undefined],
  ["ArrowDown", 5, false, 9],
  ["ArrowDown", 9, false, undefined],
  ["ArrowUp", 3, false, 2],
  ["ArrowUp", 0, false, undefined],
  ["Home", 5, false, 0],
  ["End", 1, false, 9],
  ["a", 1, false, undefined],
];
for (const [key, id, isOpen, step] of KEYS) {
  test(`${key} on ${isOpen ? "open " : ""}${id} leads to ${step}`, () => {
    assert.equal(stepFor(key, boxes.get(id), isOpen, [0, 1, 2, 3, 4, 5, 9]), step);
  });
}

test("the side tells what there is, and nothing of what there is not", () => {
  assert.deepEqual(factsOf(boxes.get(1)), [
    ["output", "1×8×8"],
    ["parameters", "1,728"],
    ["attributes", "3, 64"],
  ]);
  assert.deepEqual(factsOf(boxes.get(9)), []);
});

test("what did not change is not planned again", () => {
  const look = new Look(boxes, new Set([ROOT, 2, 3, 4]), width);
  const before = look.plan();
  const kidOf = (plan, id) => plan.kids.find((kid) => kid.plan.box.id === id).plan;
  look.unfold(new Set([ROOT, 2, 3]));
  const after = look.plan();
  assert.notEqual(after, before);
  assert.equal(kidOf(after, 1), kidOf(before, 1));
  assert.equal(kidOf(kidOf(after, 2), 3), kidOf(kidOf(before, 2), 3));
  assert.ok(!kidOf(kidOf(after, 2), 4).open && kidOf(kidOf(before, 2), 4).open);
});

test("a plan tells what it shows, and where", () => {
  const shown = plan([ROOT, 2, 3]);
  assert.deepEqual(shownIn(shown), [1, 2, 3, 10, 11, 4, 5, 9]);
  const run = shown.kids[1];
  const block = run.plan.kids[1];
  const found = locate(shown, [2, 4]);
  assert.deepEqual([found.plan, found.y], [block.plan, run.y + block.y]);
  assert.equal(locate(shown, [2, 4, 12]).plan, block.plan); // which is closed
});

test("a box that is coloured by a figure tells it, and its share", () => {
  const figures = [[0.345, "3 MB"], null];
  const look = new Look(model.readBoxes(data({ 1: { figures } })), new Set([ROOT]), width);
  assert.deepEqual([look.plan().kids[0].plan.count, look.plan().kids[0].plan.share], ["1.7 k", 0]);
  look.tell(0);
  const [stem] = look.plan().kids;
  assert.deepEqual([stem.plan.count, stem.plan.share], ["3 MB · 35 %", 0.345]);
  look.tell(1);
  assert.equal(look.plan().kids[0].plan.count, "");
});

test("the walk of changes stops at what came or went as a whole, and at what is changed itself", () => {
  const changed = { status: "changed" };
  const own = { ...changed, changes: [["stride", "2", "1"]] };
  const given = { 0: changed, 2: changed, 3: { status: "added" }, 10: { status: "added" } };
  const read = model.readBoxes(data({ ...given, 4: changed, 12: own, 5: own, 14: own }));
  assert.deepEqual(ids(changesOf(read)), [3, 12, 5, 14]);
  assert.deepEqual(changesOf(boxes), []);
  assert.deepEqual(
    [nextOf(3, -1, 1), nextOf(3, -1, -1), nextOf(3, 2, 1), nextOf(3, 0, -1)],
    [0, 2, 0, 2],
  );
});

test("letters are keys in the picture alone, and the slash in all of the viewer but its fields", () => {
  const event = (key, more = {}) => ({ key, target: {}, ...more });
  const field = { matches: () => true };
  assert.deepEqual(actFor(event("n"), true), ["change", 1]);
  assert.deepEqual(actFor(event("p"), true), ["change", -1]);
  assert.equal(actFor(event("n"), false), undefined);
  assert.equal(actFor(event("n", { ctrlKey: true }), true), undefined);
  assert.deepEqual(actFor(event("/"), false), ["seek"]);
  assert.equal(actFor(event("/", { target: field }), false), undefined);
});
