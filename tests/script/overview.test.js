import assert from "node:assert/strict";
import test from "node:test";
import { filtered, rowsOf } from "../../pytest_modelcheck/report/script/overview.js";

const ROWS = rowsOf([
  ["FLOPs"],
  [
    ["a", "SmallCNN", "✗", "fail", "changed", "2 of 3", "body.0 stride 2 → 1", []],
    ["b", "resnet18", "✓", "pass", "", "0 of 3", "", []],
    ["c", "resnet50", "?", "inconclusive", "", "0 of 1", "", []],
    ["d", "vit", "✓", "accepted", "changed", "0 of 1", "new head", []],
    ["e", "lone", "–", "not checked", "", "0 of 0", "", []],
  ],
]);
const found = (text, state) => filtered(ROWS, text, state).map((row) => row.slug);

for (const [text, state, slugs] of [
  ["", "", "abcde"],
  ["  ", "", "abcde"],
  ["RESNET", "", "bc"],
  ["resnet 50", "", "c"],
  ["stride", "", "a"],
  ["", "bad", "a"],
  ["", "warn", "c"],
  ["", "changed", "ad"],
  ["", "good", "bd"],
  ["resnet", "bad", ""],
]) {
  test(`"${text}" of outcome "${state}"`, () => assert.equal(found(text, state).join(""), slugs));
}
