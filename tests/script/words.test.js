import assert from "node:assert/strict";
import { test } from "node:test";
import { overlay } from "../../pytest_modelcheck/checks/explain/panel.js";
import { clip, exact, holds, percent, short } from "../../pytest_modelcheck/drawing/words.js";

test("counts are short", () => {
  const cases = { 0: "0", 999: "999", 1000: "1.0 k", 25557032: "25.56 M", 4089184256: "4.09 G" };
  for (const [count, text] of Object.entries(cases)) {
    assert.equal(short(Number(count)), text);
  }
  assert.equal(exact(25557032), "25,557,032");
});

test("a text is cut to its length, with a sign that it was", () => {
  assert.equal(clip("abc", 3), "abc");
  assert.equal(clip("abcd", 3), "ab…");
});

test("a search takes no notice of case and of blanks around", () => {
  assert.ok(holds("features.0 Conv2d", " conv2D "));
  assert.ok(holds("anything", ""));
  assert.ok(!holds("features.0", "1"));
});

test("the actual map covers as much of the expected one as the slider says", () => {
  assert.equal(overlay("side by side", 50).isStacked, false);
  const swipe = { isStacked: true, clipPath: "inset(0 70% 0 0)", opacity: 1 };
  assert.deepEqual(overlay("swipe", 30), swipe);
  assert.deepEqual(overlay("onion skin", 30), { isStacked: true, clipPath: "", opacity: 0.3 });
});

test("shares have as many digits as say something", () => {
  assert.deepEqual(
    [percent(1), percent(0.345), percent(0.0995), percent(0.042)],
    ["100 %", "35 %", "10 %", "4.2 %"],
  );
});
