// The search: which names a text finds, and which of them are meant most.

import { inOrder } from "./boxes.js";

export const EXACT = 0;
export const PREFIX = 1;
export const WORD = 2;
export const INSIDE = 3;

// How well a name fits what somebody looks for, the least number best; Infinity for not at all.
// `wanted` is in lower case.
export function rank(name, wanted) {
  const lower = name.toLowerCase();
  const at = lower.indexOf(wanted);
  if (at < 0) {
    return Infinity;
  }
  if (at === 0) {
    return lower.length === wanted.length ? EXACT : PREFIX;
  }
  for (let place = at; place >= 0; place = lower.indexOf(wanted, place + 1)) {
    if (beginsWord(name, place)) {
      return WORD;
    }
  }
  return INSIDE;
}

// After a sign that is none of a word, or where small letters end: `layer1.conv`, `BatchNorm`.
function beginsWord(name, place) {
  const two = name.slice(place - 1, place + 1);
  return /^[^\p{L}\p{N}]|\p{Ll}\p{Lu}|\p{N}\p{L}|\p{L}\p{N}/u.test(two);
}

// The boxes that a text finds, the best first, from the top to the bottom among equals; none for no
// text. A module is known by its class, its path and the last part of that.
export function findBoxes(boxes, text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) {
    return [];
  }
  const ranked = inOrder(boxes).map((box) => {
    const names = [box.title, box.name, box.name.slice(box.name.lastIndexOf(".") + 1)];
    return { box, place: Math.min(...names.map((name) => rank(name, wanted))) };
  });
  const found = ranked.filter(({ place }) => place < Infinity);
  return found.sort((a, b) => a.place - b.place).map(({ box }) => box);
}
