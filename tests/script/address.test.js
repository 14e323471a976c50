import assert from "node:assert/strict";
import test from "node:test";
import { address, parsed } from "../../pytest_modelcheck/report/script/address.js";

for (const [hash, slug, tab, place] of [
  ["", "", "", ""],
  ["#net", "net", "", ""],
  ["#net/graph", "net", "graph", ""],
  ["#net/graph/layer1.0", "net", "graph", "layer1.0"],
  ["#net/graph/a%2Fb", "net", "graph", "a/b"],
  ["#net/graph/a/b", "net", "graph", "a/b"],
  ["#net%2Fgraph", "net", "graph", ""],
  ["#%", "%", "", ""],
  ["#net/cost/%E0%A4", "net", "cost", "%E0%A4"],
]) {
  test(`the parts of ${hash}`, () => assert.deepEqual(parsed(hash), { slug, tab, place }));
}

test("an address leads back to its parts", () => {
  for (const place of ["", "body.0", "a/b", "50 %", "(the model itself)"]) {
    const parts = { slug: "net", tab: "graph", place };
    assert.deepEqual(parsed(address("net", "graph", place)), parts);
  }
});
