// What there is to say of a box, beside the picture.

import { make } from "../../../drawing/dom.js";
import { exact } from "../../../drawing/words.js";

// Pairs of a term and its text.
export function factsOf(box) {
  const params = box.params && exact(box.params) + (box.frozen ? ", frozen" : "");
  const facts = [
    ["change", box.status],
    ["output", box.shape],
    ["parameters", params],
    ["MACs", box.macs && exact(box.macs)],
    ["attributes", box.attributes],
  ];
  return facts.filter(([, text]) => text);
}

export function tell(box, side) {
  side.replaceChildren();
  make("h4", {}, side, box.title + (box.repeat ? ` ×${box.repeat}` : ""));
  if (box.name) {
    make("code", {}, side, box.name);
  }
  const list = make("dl", {}, side);
  for (const [term, text] of factsOf(box)) {
    make("dt", {}, list, term);
    make("dd", {}, list, text);
  }
  for (const [tensor, picture] of histograms(box.name, side)) {
    make("h5", {}, side, tensor);
    side.append(picture);
  }
}

// The weights' own tables have them already: those of the module itself, by the tensor's name.
function histograms(name, side) {
  const found = [];
  for (const row of name ? subjectOf(side).querySelectorAll("tr:has(.hist)") : []) {
    const tensor = row.querySelector("code")?.textContent ?? "";
    const own = tensor.startsWith(`${name}.`) ? tensor.slice(name.length + 1) : "";
    if (own && !own.includes(".")) {
      found.push([own, document.importNode(row.querySelector(".hist"), true)]);
    }
  }
  return found;
}

// All of the subject's part. The page knows it, of which no more than what is open is in the document.
function subjectOf(element) {
  const asked = new CustomEvent("modelcheck:subject", { bubbles: true, detail: {} });
  element.dispatchEvent(asked);
  return asked.detail.subject ?? document;
}
