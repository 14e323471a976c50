// Puts a viewer before the list of each graph; the list stays, closed.

import { make } from "../../../drawing/dom.js";
import { canUnpack, unpack } from "../../../drawing/packed.js";
import { Viewer } from "./viewer.js";

export function mount(root) {
  const viewers = [...root.querySelectorAll("script.viewer-data")].map(open);
  const tab = root.closest(".tab") ?? root;
  tab.addEventListener("modelcheck:show", (event) => show(viewers, event.detail));
}

// The viewer of an element's data, as a promise; undefined where they cannot be read.
async function open(data) {
  const list = data.parentElement.querySelector("details.list");
  const host = make("div");
  list.before(host);
  try {
    if (!canUnpack()) {
      throw new Error("this browser cannot unpack it");
    }
    const viewer = new Viewer(await unpack(data.textContent), host);
    list.open = false;
    return viewer;
  } catch (error) {
    host.replaceChildren();
    make(
      "p",
      { class: "notice" },
      host,
      `! The picture of the graph is not here: ${error.message}.`,
    );
    return undefined;
  }
}

// Leads to a module of the first graph that has it; if none has, the first one says so.
async function show(viewers, path) {
  const ready = (await Promise.all(viewers)).filter(Boolean);
  const viewer = ready.find((one) => one.has(path)) ?? ready[0];
  if (path) {
    viewer?.show(path);
  }
}
