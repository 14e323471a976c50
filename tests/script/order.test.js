import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cellValue,
  compareCells,
  leavesOf,
  nextDirection,
  sortTree,
} from "../../pytest_modelcheck/report/script/order.js";

// Rows as `name depth value`, in the order of the page.
const TREE = ["a 1 3", "a.x 2 1", "a.y 2 2", "a.y.0 3 2", "b 1 5", "b.x 2 5", "c 1 4"];
const rows = TREE.map((text) => text.split(" "));
const depthOf = ([, depth]) => Number(depth);
const names = (sorted) => sorted.map(([name]) => name).join(" ");
const by = (sign) => (a, b) => compareCells(Number(a[2]), Number(b[2]), sign);

test("a sorted tree is a tree: siblings are sorted, children stay below their parent", () => {
  assert.equal(names(sortTree(rows, depthOf, by(-1))), "b b.x c a a.y a.y.0 a.x");
  assert.equal(names(sortTree(rows, depthOf, by(1))), "a a.x a.y a.y.0 c b b.x");
  assert.equal(names(sortTree(rows, depthOf, () => 0)), names(rows));
});

test("a tree that begins deeper, or leaves levels out, loses no row", () => {
  const odd = ["x.y.z 3 1", "x 1 2", "x.a.b 3 3", "x.c 2 4"].map((text) => text.split(" "));
  assert.equal(names(sortTree(odd, depthOf, by(-1))), "x x.c x.a.b x.y.z");
});

test("a tree of thousands of rows is sorted at once", () => {
  const chain = Array.from({ length: 5000 }, (_, i) => [`${i}`, `${1 + (i % 50)}`, `${i}`]);
  assert.equal(sortTree(chain, depthOf, by(-1)).length, 5000);
});

test("leaves are the rows without children", () => {
  assert.equal(names(leavesOf(rows, depthOf)), "a.x a.y.0 b.x c");
  assert.deepEqual(leavesOf([], depthOf), []);
});

test("numbers are compared by size, texts by alphabet, and what is missing comes last", () => {
  const cells = ["–", 10, 9, "layer.10", "layer.9"];
  const sorted = (sign) => [...cells].sort((a, b) => compareCells(a, b, sign));
  assert.deepEqual(sorted(1), [9, 10, "–", "layer.9", "layer.10"]);
  assert.deepEqual(sorted(-1), [10, 9, "layer.10", "layer.9", "–"]);
});

test("a cell is the number it was made of, or its text", () => {
  assert.equal(cellValue("1500", "1.5 k"), 1500);
  assert.equal(cellValue("0", "0"), 0);
  assert.equal(cellValue(undefined, " 12 "), "12");
  assert.equal(cellValue("", "–"), "–");
  assert.equal(cellValue("many", "many"), "many");
});

test("a click sorts, the next one the other way, the third restores", () => {
  const clicks = (isNumeric) => {
    const first = nextDirection(null, isNumeric);
    const second = nextDirection(first, isNumeric);
    return [first, second, nextDirection(second, isNumeric)];
  };
  assert.deepEqual(clicks(true), ["descending", "ascending", undefined]);
  assert.deepEqual(clicks(false), ["ascending", "descending", undefined]);
});
