// What changed, as stops of a walk through the picture.

import { childrenOf, ROOT } from "./boxes.js";

// The boxes to stop at, from the top to the bottom: what came or went as a whole, and what is
// changed itself, not by what is in it alone.
export function changesOf(boxes, box = boxes.get(ROOT), found = []) {
  for (const child of childrenOf(boxes, box)) {
    const isWhole = child.status === "added" || child.status === "removed";
    if (isWhole || (child.status && (!child.cells || child.changes))) {
      found.push(child);
    }
    if (child.status && !isWhole) {
      changesOf(boxes, child, found);
    }
  }
  return found;
}

// Which one comes next (`step` 1) or before (-1), around the end: its place among them.
export function nextOf(count, at, step) {
  return at < 0 ? (step > 0 ? 0 : count - 1) : (at + step + count) % count;
}
