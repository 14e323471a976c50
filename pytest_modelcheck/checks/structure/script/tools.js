// What stands above the picture: buttons, the search, and what it found.

import { make, makeButton, makeSearch, makeSelect } from "../../../drawing/dom.js";

export class Tools {
  constructor(root, viewer) {
    const tools = make("div", { class: "tools" }, root);
    this.viewer = viewer;
    this.buildView(tools);
    if (viewer.walks.changes.length) {
      this.buildChanges(tools);
    }
    if (viewer.figures.length) {
      this.buildColours(tools);
    }
    this.buildSearch(tools);
    this.told = make("span", { class: "found", role: "status" }, tools);
  }

  buildView(tools) {
    const { viewer } = this;
    const folds = group(tools);
    makeButton("Expand all", () => viewer.expand(), folds);
    makeButton("Collapse", () => viewer.collapse(), folds);
    const scales = group(tools);
    makeButton("Fit", () => viewer.fit(), scales, { title: "all of it (0)" });
    makeButton("+", () => viewer.zoomBy(1), scales, { "aria-label": "zoom in" });
    makeButton("−", () => viewer.zoomBy(-1), scales, { "aria-label": "zoom out" });
    const files = group(tools);
    makeButton("SVG", () => viewer.save("svg"), files, { "aria-label": "save as SVG" });
    makeButton("PNG", () => viewer.save("png"), files, { "aria-label": "save as PNG" });
  }

  buildSearch(tools) {
    this.search = makeSearch("find a layer", (text) => this.viewer.walks.lookFor(text), tools);
    this.search.title = "find a layer (/)";
    this.search.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        this.viewer.walks.nextHit(event.shiftKey ? -1 : 1);
      }
    });
  }

  buildChanges(tools) {
    const go = (step) => () => this.viewer.walks.nextChange(step);
    const names = (word, key) => ({
      "aria-label": `${word} change`,
      title: `${word} change (${key})`,
    });
    const count = this.viewer.walks.changes.length;
    const walk = group(tools);
    makeButton("‹", go(-1), walk, names("previous", "p"));
    make("span", { class: "quiet" }, walk, `${count} ${count === 1 ? "change" : "changes"}`);
    makeButton("›", go(1), walk, names("next", "n"));
  }

  buildColours(tools) {
    const options = this.viewer.figures.map(({ title }, number) => [String(number), title]);
    const colour = (value) => this.viewer.colour(value === "" ? undefined : Number(value));
    const plain = this.viewer.walks.changes.length ? "changes" : "kinds";
    const label = make("label", { class: "group" }, tools, "colour");
    makeSelect("colour", [["", plain], ...options], colour, label);
  }

  seek() {
    this.search.focus();
    this.search.select();
  }

  say(words) {
    this.told.textContent = words;
  }
}

function group(tools) {
  return make("span", { class: "group" }, tools);
}
