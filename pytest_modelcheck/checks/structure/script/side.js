// What there is to say of a box, beside the picture.

import { make, makeButton } from "../../../drawing/dom.js";
import { exact, percent } from "../../../drawing/words.js";

// Pairs of a term and its text.
export function factsOf(box, figures = []) {
  const params = box.params && exact(box.params) + (box.frozen ? ", frozen" : "");
  const facts = [
    ["change", box.status],
    ["output", box.outputs ? "" : box.shape],
    ["parameters", params],
    ["attributes", box.attributes],
    ["MACs", box.macs && exact(box.macs)],
    ...figures.map(({ title }, number) => [title, figureOf(box.figures?.[number])]),
  ];
  const seen = new Set();
  return facts.filter(([term, text]) => text && !seen.has(term) && seen.add(term));
}

function figureOf(figure) {
  return figure ? `${figure[1]}, ${percent(figure[0])} of the model` : "";
}

// `viewer` has the `boxes`, the `figures`, and leads to others: `goTo(id)`.
export function tell(box, side, viewer) {
  side.replaceChildren();
  make("h4", {}, side, box.title + (box.repeat ? ` ×${box.repeat}` : ""));
  if (box.name) {
    make("code", {}, side, box.name);
  }
  tellChanges(box.changes ?? [], side);
  const list = make("dl", {}, side);
  for (const [term, text] of factsOf(box, viewer.figures)) {
    make("dt", {}, list, term);
    make("dd", {}, list, text);
  }
  tellInputs(box.inputs ?? [], side, viewer);
  tellOutputs(box.outputs ?? [], side);
  tellTensors(box.tensors ?? [], side);
}

// What was at the base, and what is now.
function tellChanges(changes, side) {
  const list = changes.length ? make("ul", { class: "changes" }, side) : undefined;
  for (const [what, before, after] of changes) {
    const item = make("li", {}, list, what);
    const sides = [before && ["del", before], after && ["ins", after]].filter(Boolean);
    sides.forEach(([tag, text], index) => {
      item.append(index ? " → " : " ");
      make(tag, {}, item, text);
    });
  }
}

function tellInputs(inputs, side, viewer) {
  const list = listOf("inputs", inputs, side);
  for (const [name, giver, text] of inputs) {
    const item = make("li", {}, list, name ? `${name}: ` : "");
    make("span", { class: "value" }, item, text);
    const { title, label } = viewer.boxes.get(giver);
    item.append(" from ");
    makeButton([title, label].filter(Boolean).join(" "), () => viewer.goTo(giver), item);
  }
}

function tellOutputs(outputs, side) {
  const list = listOf("outputs", outputs, side);
  for (const text of outputs) {
    make("span", { class: "value" }, make("li", {}, list), text);
  }
}

// Each with its shape, and with what the tab of weights has of it: a histogram, first values.
function tellTensors(tensors, side) {
  const rows = tensors.length ? rowsOf(side) : new Map();
  const list = listOf("weights", tensors, side);
  for (const [path, name, shape] of tensors) {
    const item = make("li", {}, list, `${name} `);
    make("span", { class: "value" }, item, shape);
    const row = rows.get(path);
    const histogram = row?.querySelector(".hist");
    if (histogram) {
      item.append(document.importNode(histogram, true));
      make("small", {}, item, histogram.getAttribute("aria-label").replace("histogram ", ""));
    }
    const first = row?.querySelector(".first")?.textContent;
    if (first) {
      make("span", { class: "value first" }, item, first);
    }
  }
}

function listOf(title, entries, side) {
  if (!entries.length) {
    return undefined;
  }
  make("h5", {}, side, title);
  return make("ul", {}, side);
}

// The rows that tell of tensors, wherever in the subject's part they are, by the tensor's path.
function rowsOf(side) {
  const rows = [...subjectOf(side).querySelectorAll("[data-tensor]")];
  return new Map(rows.map((row) => [row.dataset.tensor, row]));
}

// All of the subject's part. The page knows it, of which no more than what is open is in the document.
function subjectOf(element) {
  const asked = new CustomEvent("modelcheck:subject", { bubbles: true, detail: {} });
  element.dispatchEvent(asked);
  return asked.detail.subject ?? document;
}
