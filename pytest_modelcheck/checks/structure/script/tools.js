// What stands above the picture: buttons, the search, and what it found.

import { make, makeButton, makeSearch, makeSelect } from "../../../drawing/dom.js";

export class Tools {
  constructor(root, viewer) {
    const tools = make("div", { class: "tools" }, root);
    this.viewer = viewer;
    this.buildView(tools);
    if (viewer.changes.length) {
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
    makeButton("Expand all", () => viewer.expand(), tools);
    makeButton("Collapse", () => viewer.collapse(), tools);
    makeButton("Fit", () => viewer.fit(), tools);
    makeButton("+", () => viewer.zoomBy(1), tools, { "aria-label": "zoom in" });
    makeButton("−", () => viewer.zoomBy(-1), tools, { "aria-label": "zoom out" });
    makeButton("SVG", () => viewer.save("svg"), tools, { "aria-label": "save as SVG" });
    makeButton("PNG", () => viewer.save("png"), tools, { "aria-label": "save as PNG" });
  }

  buildSearch(tools) {
    this.search = makeSearch("find a layer", (text) => this.viewer.lookFor(text), tools);
    this.search.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        this.viewer.nextHit(event.shiftKey ? -1 : 1);
      }
    });
  }

  buildChanges(tools) {
    const go = (step) => () => this.viewer.nextChange(step);
    makeButton("‹", go(-1), tools, {
      "aria-label": "previous change",
      title: "previous change (p)",
    });
    const count = this.viewer.changes.length;
    make("span", { class: "quiet" }, tools, `${count} ${count === 1 ? "change" : "changes"}`);
    makeButton("›", go(1), tools, { "aria-label": "next change", title: "next change (n)" });
  }

  buildColours(tools) {
    const options = this.viewer.figures.map(({ title }, number) => [String(number), title]);
    const colour = (value) => {
      const figure = value === "" ? undefined : Number(value);
      this.viewer.colour(figure);
    };
    const plain = this.viewer.changes.length ? "changes" : "kinds";
    const label = make("label", { class: "colour" }, tools, "colour: ");
    makeSelect("colour", [["", plain], ...options], colour, label);
  }

  say(words) {
    this.told.textContent = words;
  }
}
