// The frame that a picture is seen through: it scrolls, zooms, and has the picture drawn where it
// is looked at.

import { make } from "../../../drawing/dom.js";
import { listen } from "./gestures.js";
import {
  clampScale,
  firstScale,
  fitScale,
  from,
  marginOf,
  pointAt,
  scrollFor,
  seen,
} from "./view.js";

const PAPER = 8; // around the picture
const AHEAD = 0.5; // of the frame's size, drawn on each side of it
const UNKNOWN = { width: 1000, height: 700 }; // in a part of the page that is not shown

export class Canvas {
  // `drawn()` is called after each drawing.
  constructor(host, picture, drawn) {
    this.picture = picture;
    this.drawn = drawn;
    this.scale = 1;
    this.room = UNKNOWN;
    this.at = { x: 0, y: 0 }; // the point of the picture in the frame's corner
    const names = { class: "canvas", role: "group", "aria-label": "structure of the model" };
    this.element = make("div", { ...names, tabindex: -1 }, host);
    this.sheet = make("div", { class: "sheet" }, this.element);
    this.sheet.append(picture.svg);
    this.element.addEventListener("scroll", () => this.scrolled(), { passive: true });
    listen(this.element, {
      pan: (dx, dy) => this.element.scrollBy(-dx, -dy),
      zoom: (factor, place) => this.zoom(this.scale * factor, place),
    });
    new ResizeObserver(() => this.sized()).observe(this.element);
  }

  // Draws a plan from now on. `kept`: boxes that are drawn wherever they are.
  draw(plan, kept) {
    this.plan = plan;
    this.size = { width: plan.left + plan.right + PAPER, height: plan.height + PAPER };
    this.picture.svg.setAttribute("viewBox", `-1 -1 ${this.size.width} ${this.size.height}`);
    this.resize(clampScale(this.scale, this.size, this.room));
    this.render(kept);
  }

  resize(scale) {
    this.scale = scale;
    this.margin = marginOf(this.room);
    this.picture.svg.setAttribute("width", this.size.width * scale);
    this.picture.svg.setAttribute("height", this.size.height * scale);
    this.sheet.style.padding = `${this.margin.y}px ${this.margin.x}px`;
  }

  render(kept = this.kept) {
    this.kept = kept;
    const view = seen(this.room, this.scroll(), this.scale, this.margin, AHEAD);
    this.picture.show(this.plan, from(view, this.plan.left + 1, 1), this.scale, kept);
    this.drawn();
  }

  scroll() {
    return { left: this.element.scrollLeft, top: this.element.scrollTop };
  }

  // Many of these come before the next frame is drawn.
  scrolled() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = undefined;
      if (this.element.clientWidth) {
        this.at = pointAt({ x: 0, y: 0 }, this.scroll(), this.scale, this.margin);
        this.render();
      }
    });
  }

  // What is seen stays, whatever the frame's size; the first time there is nothing to stay.
  sized() {
    const room = { width: this.element.clientWidth, height: this.element.clientHeight };
    if (!room.width) {
      return;
    }
    const isFirst = this.room === UNKNOWN;
    this.room = room;
    if (isFirst) {
      this.resize(firstScale(this.size, room));
      this.top();
      this.pending?.();
      return;
    }
    this.resize(this.scale);
    this.move(this.at, { x: 0, y: 0 });
  }

  // Scrolls so that a point of the picture lies at a place of the frame.
  move(point, place) {
    const { left, top } = scrollFor(point, place, this.scale, this.margin);
    this.element.scrollTo({ left, top, behavior: "instant" });
    this.at = pointAt({ x: 0, y: 0 }, this.scroll(), this.scale, this.margin);
    this.render();
  }

  center() {
    return { x: this.room.width / 2, y: this.room.height / 2 };
  }

  // Zooms around a place of the frame: what is there stays there.
  zoom(scale, place = this.center()) {
    const point = pointAt(place, this.scroll(), this.scale, this.margin);
    this.resize(clampScale(scale, this.size, this.room));
    this.move(point, place);
  }

  // All of the picture, in the middle.
  fit() {
    this.resize(fitScale(this.size, this.room));
    this.move({ x: this.size.width / 2, y: this.size.height / 2 }, this.center());
  }

  // The model's own chain into the middle, from its beginning on; what fits wholly, in the middle.
  top() {
    const { width, height } = this.size;
    const fits = fitScale(this.size, this.room) >= this.scale;
    const point = fits ? { x: width / 2, y: height / 2 } : { x: this.plan.left + 1, y: 0 };
    this.move(point, { x: this.room.width / 2, y: fits ? this.room.height / 2 : 0 });
  }

  // A place of the frame from one of the model's chain.
  placeOf({ x, y }) {
    const { left, top } = this.scroll();
    return {
      x: this.margin.x + (x + this.plan.left + 1) * this.scale - left,
      y: this.margin.y + (y + 1) * this.scale - top,
    };
  }

  // A point of the model's chain to a place of the frame.
  put({ x, y }, place) {
    this.move({ x: x + this.plan.left + 1, y: y + 1 }, place);
  }

  // Brings a rectangle into sight, to the middle, or by as little as it takes. A frame without a
  // size does so when it has one.
  bring(rectangle, isCentred) {
    if (this.room === UNKNOWN) {
      this.pending = () => this.bring(rectangle, isCentred);
      return;
    }
    const { left, top, right, bottom } = rectangle;
    if (isCentred) {
      this.put({ x: (left + right) / 2, y: (top + bottom) / 2 }, this.center());
      return;
    }
    const [start, end] = [this.placeOf({ x: left, y: top }), this.placeOf({ x: right, y: bottom })];
    const { width, height } = this.room;
    const place = { x: within(start.x, end.x, width), y: within(start.y, end.y, height) };
    this.put({ x: left, y: top }, place);
  }
}

// Where something that reaches from `start` to `end` has to begin to be seen; its beginning counts
// most.
function within(start, end, room) {
  const edge = 12;
  return Math.max(edge, Math.min(start, room - edge - (end - start)));
}
