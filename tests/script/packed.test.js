import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { canUnpack, unpack } from "../../pytest_modelcheck/drawing/packed.js";

test("data come out as they went in", async () => {
  const data = {
    boxes: { 0: { title: "</script>Größe", cells: [[1, 2, -1]] } },
    many: Array(5000).fill("x"),
  };
  const text = deflateSync(Buffer.from(JSON.stringify(data))).toString("base64");
  assert.ok(canUnpack());
  assert.deepEqual(await unpack(`\n${text}\n`), data);
});

test("what is broken is refused", async () => {
  await assert.rejects(unpack("AAAA"));
  await assert.rejects(unpack("no base64!"));
});
