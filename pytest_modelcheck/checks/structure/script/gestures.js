// The picture is moved by dragging it, and zoomed by two fingers or by the wheel with Ctrl (which is
// what a pinch on a trackpad is told as). The wheel alone is the page's, until somebody has clicked
// into the picture: that is a matter of style.

const MOVED = 4; // pixels, from which on it is no click
const WHEEL = 0.0022; // how much a pixel of the wheel zooms
const LINE = 16; // pixels of a line, where the wheel counts these

// `acts`: `pan(dx, dy)`, and `zoom(factor, place)` around a place of the element.
export function listen(element, acts) {
  new Gestures(element, acts).listen();
}

// By how much a turn of the wheel zooms.
export function wheelFactor({ deltaY, deltaMode }) {
  const pixels = deltaMode === 0 ? deltaY : deltaY * LINE;
  return Math.exp(-Math.max(-200, Math.min(200, pixels)) * WHEEL);
}

class Gestures {
  constructor(element, acts) {
    this.element = element;
    this.acts = acts;
    this.pointers = new Map();
    this.isDragged = false;
  }

  listen() {
    const on = (type, action, options) => {
      this.element.addEventListener(type, (event) => action.call(this, event), options);
    };
    on("pointerdown", this.down);
    on("pointermove", this.move);
    on("pointerup", this.up);
    on("pointercancel", this.up);
    on("wheel", this.wheel, { passive: false });
    on("click", this.click, { capture: true });
  }

  down(event) {
    if (event.button === 0) {
      this.isDragged = false;
      this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    }
  }

  move(event) {
    const last = this.pointers.get(event.pointerId);
    if (!last || event.buttons === 0) {
      this.pointers.delete(event.pointerId); // let go outside
      return;
    }
    const next = { x: event.clientX, y: event.clientY };
    if (this.pointers.size === 2) {
      this.pinch(event.pointerId, next);
    } else if (event.pointerType !== "touch") {
      this.drag(event.pointerId, last, next);
    }
  }

  drag(id, last, next) {
    const [dx, dy] = [next.x - last.x, next.y - last.y];
    if (!this.isDragged && Math.hypot(dx, dy) < MOVED) {
      return;
    }
    if (!this.isDragged) {
      this.isDragged = true;
      this.element.setPointerCapture(id);
      this.element.classList.add("dragged");
    }
    this.pointers.set(id, next);
    this.acts.pan(dx, dy);
  }

  pinch(id, next) {
    const [[, other]] = [...this.pointers].filter(([key]) => key !== id);
    const last = this.pointers.get(id);
    const distance = (point) => Math.hypot(point.x - other.x, point.y - other.y) || 1;
    this.isDragged = true;
    this.pointers.set(id, next);
    const middle = { clientX: (next.x + other.x) / 2, clientY: (next.y + other.y) / 2 };
    this.acts.zoom(distance(next) / distance(last), this.place(middle));
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    this.element.classList.remove("dragged");
  }

  // The click at the end of a drag is none.
  click(event) {
    if (this.isDragged) {
      this.isDragged = false;
      event.stopPropagation();
    }
  }

  wheel(event) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.acts.zoom(wheelFactor(event), this.place(event));
    }
  }

  place({ clientX, clientY }) {
    const { left, top } = this.element.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }
}
