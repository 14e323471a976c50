// The arithmetic of what is seen: fit, zoom, pan.

import assert from "node:assert/strict";
import { test } from "node:test";
import { plain, sharpness } from "../../pytest_modelcheck/checks/structure/script/export.js";
import { wheelFactor } from "../../pytest_modelcheck/checks/structure/script/gestures.js";
import * as view from "../../pytest_modelcheck/checks/structure/script/view.js";

const room = { width: 812, height: 612 };
const FITS = [
  [{ width: 1600, height: 100 }, 0.5],
  [{ width: 100, height: 6000 }, 0.1],
  [{ width: 1600, height: 6000 }, 0.1],
  [{ width: 10, height: 10 }, 1],
];
for (const [size, scale] of FITS) {
  test(`${size.width} x ${size.height} is seen whole at ${scale}`, () => {
    assert.equal(view.fitScale(size, room), scale);
  });
}

test("a picture opens legible, and is zoomed within what makes sense", () => {
  assert.equal(view.firstScale({ width: 1000, height: 9e5 }, room), 0.8);
  assert.equal(view.firstScale({ width: 9e5, height: 100 }, room), 0.7);
  const large = { width: 1600, height: 60_000 };
  assert.equal(view.clampScale(9, large, room), 3);
  assert.equal(view.clampScale(0, large, room), 0.01); // all of it
  assert.equal(view.clampScale(0, { width: 9, height: 9 }, room), 0.1);
});

test("what is at a place stays there when the scale changes", () => {
  const margin = view.marginOf(room);
  const [place, point] = [
    { x: 30, y: 70 },
    { x: 500, y: 900 },
  ];
  for (const scale of [0.1, 1, 3]) {
    const scroll = view.scrollFor(point, place, scale, margin);
    const found = view.pointAt(place, scroll, scale, margin);
    assert.ok(Math.abs(found.x - point.x) < 1e-9 && Math.abs(found.y - point.y) < 1e-9);
  }
});

test("the part that is seen begins at the corner, and reaches as far as the room", () => {
  const margin = { x: 100, y: 100 };
  const scroll = view.scrollFor({ x: 50, y: 60 }, { x: 0, y: 0 }, 2, margin);
  const part = view.seen({ width: 200, height: 100 }, scroll, 2, margin);
  assert.deepEqual(part, { left: 50, top: 60, right: 150, bottom: 110 });
  const more = view.seen({ width: 200, height: 100 }, scroll, 2, margin, 0.5);
  assert.deepEqual(more, { left: 0, top: 35, right: 200, bottom: 135 });
  assert.deepEqual(view.from(part, 50, 60), { left: 0, top: 0, right: 100, bottom: 50 });
  assert.ok(view.meets(part, { left: 150, top: 0, right: 151, bottom: 60 }));
  assert.ok(!view.meets(part, { left: 151, top: 0, right: 152, bottom: 60 }));
});

test("the wheel zooms by how far it is turned, in pixels or lines, and by no more than so much", () => {
  const factor = (deltaY, deltaMode = 0) => wheelFactor({ deltaY, deltaMode });
  assert.ok(factor(-100) > 1 && factor(100) < 1);
  assert.ok(Math.abs(factor(100) * factor(-100) - 1) < 1e-9);
  assert.equal(factor(2, 1), factor(32));
  assert.equal(factor(1e6), factor(200));
});

test("a PNG is sharp, and no larger than browsers draw", () => {
  assert.equal(sharpness({ width: 800, height: 600 }), 2);
  assert.equal(sharpness({ width: 800, height: 32_000 }), 0.5);
  const scale = sharpness({ width: 15_000, height: 15_000 });
  assert.ok(scale * scale * 15_000 * 15_000 <= 1e8);
});

test("mixed colours are written as all readers of SVG know them", () => {
  assert.equal(plain("color(srgb 1 0.5 0)"), "rgb(255, 128, 0)");
  assert.equal(plain("color(srgb 0.2 0.4 1e-05 / 0.5)"), "rgb(51, 102, 0)");
  assert.equal(plain("rgb(1, 2, 3)"), "rgb(1, 2, 3)");
  assert.equal(plain('url("#tip")'), 'url("#tip")');
});
