// The colours of a heatmap, and how much they cover.

import assert from "node:assert/strict";
import test from "node:test";
import { cover, palette } from "../../pytest_modelcheck/checks/explain/maps.js";

test("a palette has 256 colours, the given ones in equal steps and straight lines between them", () => {
  const colours = palette("000000ff00000000ff");
  assert.equal(colours.length, 256);
  assert.deepEqual(
    [colours[0], colours[255]],
    [
      [0, 0, 0],
      [0, 0, 255],
    ],
  );
  assert.deepEqual(colours[64], [128, 0, 0]);
});

test("the stronger the map the more it covers; alone it covers all", () => {
  assert.deepEqual(
    [0, 255].map((step) => cover(step, 75, false)),
    [0, 191],
  );
  assert.ok(cover(100, 75, false) > cover(50, 75, false));
  assert.ok(cover(100, 75, false) > cover(100, 30, false));
  assert.deepEqual(
    [0, 255].map((step) => cover(step, 75, true)),
    [255, 255],
  );
});
