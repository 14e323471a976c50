// Pictures stand beside each other without this: it adds swipe and onion skin to expected and actual
// maps, and to heatmaps a choice of colours and of how much they cover.

import { make, makeSelect } from "../../drawing/dom.js";
import { addTools } from "./maps.js";
import { nameOf, PICTURE } from "./picture.js";

const WAYS = ["side by side", "swipe", "onion skin"];

export function mount(root) {
  for (const box of root.querySelectorAll(".maps")) {
    addComparison(box);
  }
  for (const section of root.querySelectorAll(".heatmaps")) {
    addTools(section);
  }
}

// How the actual map lies on the expected one: `percent` of it is seen.
export function overlay(way, percent) {
  return {
    isStacked: way !== "side by side",
    clipPath: way === "swipe" ? `inset(0 ${100 - percent}% 0 0)` : "",
    opacity: way === "onion skin" ? percent / 100 : 1,
  };
}

function addComparison(box) {
  const [expected, actual] = box.querySelectorAll(`figure > :is(${PICTURE})`);
  if (!actual) return; // nothing to compare with
  const tools = make("div", { class: "tools" });
  const stack = make("div", { class: "stack" });
  const over = actual.cloneNode(true);
  const ways = WAYS.map((way) => [way, way]);
  const select = makeSelect("how to compare", ways, () => update(), tools);
  const slider = make("label", { class: "slider" }, tools, nameOf(expected));
  const label = `from ${nameOf(expected)} to ${nameOf(actual)}`;
  const range = make("input", { type: "range", value: 50, "aria-label": label }, slider);
  const update = () => {
    const { isStacked, clipPath, opacity } = overlay(select.value, Number(range.value));
    box.hidden = isStacked;
    stack.hidden = !isStacked;
    slider.hidden = !isStacked;
    Object.assign(over.style, { clipPath, opacity });
  };
  slider.append(nameOf(actual));
  stack.append(expected.cloneNode(true), over);
  range.addEventListener("input", update);
  box.before(tools);
  box.after(stack);
  update();
}
