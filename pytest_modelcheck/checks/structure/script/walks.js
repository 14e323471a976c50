// Walks through the picture: from hit to hit of the search, and from change to change.

import { changesOf, nextOf } from "./changes.js";
import { findBoxes } from "./search.js";

export class Walks {
  constructor(viewer) {
    this.viewer = viewer;
    this.changes = changesOf(viewer.boxes);
    this.hits = [];
  }

  lookFor(wanted) {
    this.hits = findBoxes(this.viewer.boxes, wanted);
    this.hit = -1;
    this.viewer.tools.say(wanted.trim() ? `${this.hits.length} found` : "");
    this.viewer.mark();
  }

  nextHit(step) {
    if (this.hits.length) {
      this.hit = nextOf(this.hits.length, this.hit, step);
      this.viewer.goTo(this.hits[this.hit].id);
      this.viewer.tools.say(`${this.hit + 1} of ${this.hits.length}`);
    }
  }

  // From the chosen box on, if that is one of those that changed. Whether there is one to go to.
  nextChange(step) {
    const { changes, viewer } = this;
    if (changes.length) {
      const at = changes.findIndex((box) => box.id === viewer.chosen);
      const next = nextOf(changes.length, at, step);
      viewer.goTo(changes[next].id);
      viewer.tools.say(`change ${next + 1} of ${changes.length}`);
    }
    return changes.length > 0;
  }
}
