// Which names a text finds, and which come first.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as search from "../../pytest_modelcheck/checks/structure/script/search.js";

const RANKS = [
  ["conv1", "conv1", search.EXACT],
  ["Conv1", "conv1", search.EXACT],
  ["conv10", "conv1", search.PREFIX],
  ["layer1.conv1", "conv1", search.WORD],
  ["BatchNorm2d", "norm", search.WORD],
  ["xnorm.norm", "norm", search.WORD], // at a later place
  ["layer12", "12", search.WORD],
  ["deconv1", "conv1", search.INSIDE],
  ["a.b", ".b", search.INSIDE],
  ["relu", "conv", Infinity],
];
for (const [name, wanted, expected] of RANKS) {
  test(`${wanted} in ${name}`, () => assert.equal(search.rank(name, wanted), expected));
}
